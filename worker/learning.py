"""Learning a store's next segment model and product table, in a process of its own.

The only process that loads scikit-learn. Where groups are found it reads everybody, or 50,000
random customers, aged to the store's business time; else it goes on from what the drain's ageing
pass has added up, and reads one customer in fifty to say who moves. Both tables are published as
immutable versions in one transaction. Nobody is moved here: the drain judges everybody by the new
version, silently, when it next commits for the store.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection, select, update

from campaigns.recommendations import Indexes, Shelf, best_sellers, cooccurrence, shelf_text
from connectors.events import Event, event_id, microseconds, moment
from connectors.records import exponent
from segmentation import running, stability
from segmentation.constructed import completed
from segmentation.drift import Drift
from segmentation.model import SegmentModel, assign, group_indices, to_json
from segmentation.recipe import Recipe, reads_everybody
from segmentation.record import Records
from segmentation.rules import Columns
from segmentation.sums import GroupSums
from worker import bulk, learning_report, models, stream
from worker.celery import DRAIN
from worker.database import reading, transaction
from worker.doors import Door, door_of
from worker.drawing import buyers_of, is_buyer
from worker.judging import kept_sums
from worker.learning_report import drift_now
from worker.loading import without_pandas
from worker.own_features import declared_features, learned_from
from worker.roster import records_of
from worker.runtime import Kit
from worker.settings import Settings
from worker.shop import model_in_force
from worker.surrogates import keep_tree

if TYPE_CHECKING:  # it loads scikit-learn
    from segmentation.clustering import Learned

SAMPLE: Final = 4_096  # customers read in a pass between two looks for other groups
SHARE: Final = 50  # and never more than one in so many
EVERYBODY: Final = 50_000  # customers read where groups are found
LINES: Final = 60_000  # order lines, the newest, that the product table rests on
LEASE: Final = 120_000  # milliseconds until another may learn for the store
_log: Final = logging.getLogger("shoal.learn")


@dataclass(frozen=True, slots=True)
class Read:
    """What a pass learns from.

    Attributes
    ----------
    wanted_at
        The wish that this pass fulfils (business time, int microseconds).
    columns, groupings
        Features and present groups of the sample, in parallel.
    sums, drift
        Of the ageing pass under ``previous``; None before there was one.
    """

    door: Door
    wanted_at: int
    previous: SegmentModel
    columns: Columns
    groupings: Sequence[str]
    shelf: Shelf
    recipe: Recipe
    sums: GroupSums | None = None
    drift: Drift | None = None


def learn(kit: Kit, store: int) -> SegmentModel | None:
    """Learn and publish; None if nothing is wanted (any more).

    Parameters
    ----------
    store
        Its number.
    """
    bell = stream.learn_bell(store)
    with stream.reachable():
        kit.redis.set(bell, 1, px=LEASE)
    try:
        done = learn_once(kit, store)
    finally:
        stream.silence(kit.redis, bell)
    if done is None:
        return None
    door, model = done
    announce(kit, door, model.version)
    return model


def learn_once(kit: Kit, store: int) -> tuple[Door, SegmentModel] | None:
    """Learn and publish without a word to anybody; None if nothing is wanted (any more)."""
    read = _read(kit, store)
    if read is None:
        return None
    found = _learned(read)
    return (read.door, found.model) if publish(kit, read, found) else None


def _read(kit: Kit, store: int) -> Read | None:
    learning = models.learning.c
    with reading(kit.engine) as connection:
        door = door_of(connection, store, microseconds(kit.clock()))
        wanted = connection.execute(
            select(learning.wanted_at).where(
                learning.store == store, learning.wanted_at > learning.learned_at
            )
        ).scalar()
        if door is None or wanted is None:
            return None
        previous = model_in_force(connection, store)
        recipe = learned_from(declared_features(connection, store), recipe_of(kit.settings))
        everybody = reads_everybody(previous, moment(door.now), recipe)
        most, share = (EVERYBODY, 1) if everybody else (SAMPLE, SHARE)
        rows = sample(connection, store, seed=previous.version, most=most, share=share)
        records = read_records(connection, store, rows)
        digits = exponent(door.store.currency)
        return Read(
            door=door,
            wanted_at=int(wanted),
            previous=previous,
            columns=running.derive(records, door.now, currency_exponent=digits),
            groupings=[str(row.grouping) for row in rows],
            shelf=product_table(connection, store),
            recipe=recipe,
            sums=kept_sums(connection, store, previous) if previous.kind == "kmeans" else None,
            drift=drift_now(connection, store, previous),
        )


def recipe_of(settings: Settings) -> Recipe:
    """How a store's groups are learned, within the owner's limits."""
    return Recipe(
        refit_every=settings.refit_every,
        gain=settings.refit_gain / 100,
        moves=settings.refit_moves / 100,
    )


def _learned(read: Read) -> Learned:
    # Last, so that scikit-learn takes the room that reading gave back, and only if it is needed.
    with without_pandas():
        from segmentation import clustering  # noqa: PLC0415 - see above
    now = moment(read.door.now)
    return clustering.learned(read.columns, read.previous, read.sums, now=now, recipe=read.recipe)


def sample(
    connection: Connection, store: int, *, seed: int, most: int = SAMPLE, share: int = 1
) -> Sequence[Any]:
    """Up to ``most`` random buyers of a store (id, record, grouping); the same for one seed.

    Of ``share`` buyers never more than one. Ids are thinned by a remainder before any row is read,
    so that what grows with the number of customers is a look at each key.
    """
    people, buyers = models.customers.c, buyers_of(connection, store)
    luck, most = random.Random(seed), min(most, buyers // share)  # noqa: S311 - a sample, no secret
    step = max(buyers // (2 * max(most, 1)), 1)
    ids = connection.execute(
        select(people.id).where(is_buyer(store), people.id % step == luck.randrange(step))
    ).scalars()
    chosen = sorted(ids)
    if len(chosen) > most:
        chosen = sorted(luck.sample(chosen, most))
    query = select(people.id, people.record, people.grouping).order_by(people.id)
    found: list[Any] = []
    for start in range(0, len(chosen), 500):
        part = chosen[start : start + 500]
        found += connection.execute(query.where(people.id.in_(part))).all()
    return found


def read_records(connection: Connection, store: int, rows: Sequence[Any]) -> Records:
    """The records of what `sample` found."""
    packed = [bytes(row.record) for row in rows]
    return records_of(connection, store, [row.id for row in rows], packed)


def product_table(connection: Connection, store: int) -> Shelf:
    """What was bought together, and by which stage, in the newest ``LINES`` lines of a store."""
    orders, people = models.orders.c, models.customers.c
    rows = connection.execute(
        select(orders.lines, people.segment)
        .select_from(models.orders.outerjoin(models.customers, people.id == orders.customer))
        .where(orders.store == store, orders.is_counted.is_(True))
        .order_by(orders.at.desc(), orders.order_id)
        .execution_options(yield_per=1_000)
    )
    index: dict[str, int] = {}
    baskets: list[Indexes] = []
    stages: list[str] = []
    lines = 0
    for row in rows:
        told = msgspec.msgpack.decode(bytes(row.lines)) if row.lines else []
        numbers = [index.setdefault(str(line[0]), len(index)) for line in told]
        baskets.append(np.array(numbers, np.int64))
        stages.append(row.segment or "")
        lines += len(numbers)
        if lines >= LINES:
            break
    rows.close()
    return _shelf(index, baskets, stages)


def _shelf(index: dict[str, int], baskets: list[Indexes], stages: list[str]) -> Shelf:
    nothing = np.empty(0, np.int64)
    best = {"": best_sellers(np.concatenate([*baskets, nothing]), len(index))}
    for stage in sorted(set(stages) - {""}):
        theirs = [one for one, its in zip(baskets, stages, strict=True) if its == stage]
        best[stage] = best_sellers(np.concatenate([*theirs, nothing]), len(index))
    return Shelf(tuple(index), cooccurrence(baskets, len(index)), best)


def publish(kit: Kit, read: Read, found: Learned) -> bool:
    """Insert both tables as new versions and note that the wish is fulfilled, in one transaction.

    False if another process has published since this one read.
    """
    store, now, model = read.door.store.number, microseconds(kit.clock()), found.model
    report = _report(read, found)
    with transaction(kit.engine) as connection:
        is_ours = connection.execute(
            update(models.learning)
            .where(models.learning.c.store == store, models.learning.c.learned_at < read.wanted_at)
            .values(learned_at=read.wanted_at)
        )
        latest = model_in_force(connection, store).version
        if is_ours.rowcount != 1 or latest != read.previous.version:
            connection.rollback()
            return False
        columns = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
        read_from, version = len(read.groupings), model.version
        rows = [
            (store, "segments", version, to_json(model), now, read_from, report),
            (store, "products", version, shelf_text(read.shelf), now, read_from, "{}"),
        ]
        bulk.insert_missing(connection, models.models, columns, rows)
    _log.info("model_published", extra={"store": read.door.store.id, "version": version})
    keep_tree(kit, store, model, read.columns)
    return True


def _report(read: Read, found: Learned) -> str:
    """What moved among the sample, and what drifted before, as JSON."""
    before = group_indices(read.previous, read.groupings)
    columns = completed(read.columns, found.model.constructed)
    after = assign(found.model, columns, group_indices(found.model, read.groupings))
    moved = stability.report(read.previous, found.model, before, after)
    return learning_report.report(moved, read.drift, found.refit, "learning")


def announce(kit: Kit, door: Door, version: int) -> None:
    """Tell the store's drain that a version is in force. If this is lost the sweep rings anyway."""
    event = Event(
        id=event_id(door.store.id, "model_published", moment(door.now), str(version)),
        store=door.store.id,
        type="model_published",
        at=moment(door.now),
        received_at=kit.clock(),
        source="shoal",
        properties={"version": version},
    )
    if stream.append(kit.redis, door.store.partition, [event]):
        kit.send(DRAIN, door.store.partition)
