"""Who is in which segment now, and why that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from connectors.records import exponent
from segmentation import sums
from segmentation.deriving import derived
from segmentation.model import SegmentModel, assign, group_indices
from segmentation.record import Records
from segmentation.rules import Columns, Indices
from worker import bulk, buyers, models
from worker.batch import Batch, Move
from worker.shop import Shop

# Columns of a change of segment, as `_write_moves` and `worker.rejudging` write them.
CHANGE: Final = (
    *("customer", "number", "store", "at", "segment_before", "segment_after"),
    *("group_before", "group_after", "cause", "model"),
)
# What the rules read; a learned model names its own features beside them.
_JUDGED_BY: Final = ("orders", "recency_days", "gap_days_mean", "monetary_value")


def aged(connection: Connection, shop: Shop, now: int, slice_: tuple[int, int] | None) -> list[int]:
    """Customers whose segment is no longer what their row says.

    What learning needs of everybody is added up and written on the way.

    Parameters
    ----------
    now
        Business time to age them to, int microseconds.
    slice_
        (i, n): only the customers whose id leaves i when divided by n. None: all of them.
    """
    model = shop.model
    if model.kind == "rules":
        return _moved_by_rule(connection, shop, now, slice_)
    number, slices = slice_ or (0, 1)
    present = sums.turned(kept_sums(connection, shop.number, model), model, number)
    found: list[int] = []
    read = sums.nothing(model)
    for ids, groupings, records in buyers.pages(connection, shop, slice_):
        columns = _columns(model, records, now, shop.currency)
        groups, its = sums.judged(
            model,
            columns,
            group_indices(model, groupings),
            sums.centres_of(present),
            _lead(shop),
        )
        found += elsewhere(model, ids, groupings, groups)
        read = sums.plus(read, its)
    body = sums.to_json(sums.added(present, model, read, (number, slices)))
    bulk.upsert(connection, models.group_sums, ("store", "body"), [(shop.number, body)])
    return found


def _moved_by_rule(
    connection: Connection, shop: Shop, now: int, slice_: tuple[int, int] | None
) -> list[int]:
    found: list[int] = []
    for ids, groupings, records in buyers.pages(connection, shop, slice_):
        groups = groups_of(shop, records, groupings, now)
        found += elsewhere(shop.model, ids, groupings, groups)
    return found


def _lead(shop: Shop) -> float:
    """Times its margin: between two settlings only a clear lead moves people."""
    return 1.0 if shop.is_settling or shop.model.carrier else sums.CLEAR


def kept_sums(connection: Connection, store: int, model: SegmentModel) -> sums.GroupSums:
    """What ageing passes have added up under a model; nothing yet where it is new."""
    columns = models.group_sums.c
    body = connection.execute(select(columns.body).where(columns.store == store)).scalar()
    return sums.from_json(body, model) if body else sums.begun(model)


def elsewhere(
    model: SegmentModel, ids: Sequence[int], groupings: Sequence[str], groups: Indices
) -> dict[int, int]:
    """The customers whose group is not the one that their row says, and which it is."""
    names = np.array([*(group.id for group in model.groups), ""], object)  # the last is nobody's
    rows = np.flatnonzero(names[groups] != np.array(groupings, object))
    return {ids[row]: int(groups[row]) for row in rows.tolist()}


def named(model: SegmentModel, group: int) -> tuple[str, str]:
    """A group's stage and id; both empty for nobody's."""
    if group < 0:
        return "", ""
    found = model.groups[group]
    return found.stage, found.id


def groups_of(
    shop: Shop, records: Records, groupings: Sequence[str], now: int, lead: float = 1.0
) -> Indices:
    """Indices of the model's groups; another one must lead by so many times the margin."""
    model = replace(shop.model, margin=lead * shop.model.margin)
    columns = _columns(model, records, now, shop.currency)
    return assign(model, columns, group_indices(model, groupings))


def _columns(model: SegmentModel, records: Records, now: int, currency: str) -> Columns:
    names = tuple(dict.fromkeys((*_JUDGED_BY, *model.features)))
    places = exponent(currency)
    return derived(records, now, model.constructed, currency_exponent=places, names=names)


def judge(connection: Connection, batch: Batch) -> None:
    """Bring the segment of everybody in the roster up to date, and note who moved and why."""
    roster, shop = batch.roster, batch.shop
    if len(roster.people):
        groupings = [person.grouping for person in roster.people]
        groups = groups_of(shop, roster.records, groupings, batch.now, _lead(shop))
        told = causes(batch)
        for row, group in enumerate(groups.tolist()):
            person = roster.people[row]
            to = named(shop.model, group)
            if to[1] != person.grouping and person.merged_into is None:
                _move(batch, row, to, told.get(person.id, "time"))
    _write_moves(connection, batch)


def causes(batch: Batch) -> dict[int, str]:
    """Why each touched customer may move. An import's own moves wake nobody."""
    found: dict[int, str] = {}
    for subject in batch.subjects:
        customer = batch.directory.final(subject.customer)
        is_import = subject.event.source == "import"
        if not is_import or customer not in found:
            found[customer] = "import" if is_import else "event"
    return found


def _move(batch: Batch, row: int, to: tuple[str, str], cause: str) -> None:
    person, (stage, group) = batch.roster.people[row], to
    batch.roster.touched.add(row)
    person.segment_changes += 1
    batch.moves.append(
        Move(
            customer=person.id,
            number=person.segment_changes,
            at=batch.now,
            before=person.segment,
            after=stage,
            group_before=person.grouping,
            group_after=group,
            cause=cause,
        )
    )
    if stage != person.segment:
        person.segment_since = batch.now
    person.segment, person.grouping = stage, group


def _write_moves(connection: Connection, batch: Batch) -> None:
    if not batch.moves:
        return
    store, version = batch.shop.number, batch.shop.model.version
    rows = [
        (
            *(move.customer, move.number, store, move.at, move.before, move.after),
            *(move.group_before, move.group_after, move.cause, version),
        )
        for move in batch.moves
    ]
    bulk.upsert(connection, models.segment_changes, CHANGE, rows)
    for move in batch.moves:
        batch.count("segment_changes", move.cause)


def typical_order_value(connection: Connection, batch: Batch) -> int:
    """The store's average order value in minor units; 0 without orders. Asked once a batch."""
    if batch.typical_order_value is None:
        batch.typical_order_value = _typical_order_value(connection, batch.shop)
    return batch.typical_order_value


def _typical_order_value(connection: Connection, shop: Shop) -> int:
    columns, (begin, end) = models.customers.c, shop.ids
    first = (
        select(columns.orders, columns.revenue)
        .where(columns.id > begin, columns.id < end, columns.orders > 0)
        .order_by(columns.id)
        .limit(1000)
        .subquery()
    )
    total = select(func.sum(first.c.orders), func.sum(first.c.revenue))
    orders, revenue = connection.execute(total).one()
    return int(revenue) // int(orders) if orders else 0
