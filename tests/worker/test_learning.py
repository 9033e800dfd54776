"""Learning a store's model from its customers, and publishing it so that nobody is woken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import func, select, update

from campaigns.recommendations import shelf_of
from connectors.events import Event, microseconds
from segmentation import running
from segmentation.clustering import Learned
from segmentation.model import SegmentModel, assign, from_json, group_indices
from segmentation.record import DAY
from segmentation.running import FactKind, Facts
from worker import bulk, learning, learning_process, models, stream
from worker.celery import DRAIN
from worker.database import reading, transaction
from worker.learning import learn, sample
from worker.runtime import Kit
from worker.settings import environment_of
from worker.shop import id_range, model_in_force
from worker.stores import AddedStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Sent = list[tuple[str, int]]


def people(kit: Kit, store: int, count: int) -> None:
    """Customers with from one to eleven orders each, and as many visitors without any."""
    now, luck, first = microseconds(NOW), np.random.default_rng(1), id_range(store)[0] + 1
    records = running.empty(count)
    rows: list[tuple[int, ...]] = []
    for row in range(count):
        orders = 1 + row % 11
        start = int(luck.integers(30, 700)) * DAY
        gap = int(luck.integers(2, 25)) * DAY
        value = int(luck.integers(900, 30_000))
        rows += [
            (row, FactKind.ORDER, now - max(start - n * gap, DAY), value, 1 + row % 4, 0, -1, 0)
            for n in range(orders)
        ]
    running.fold(records, Facts.of(rows))
    packed = running.pack(records)
    orders_of = records["orders"].tolist()
    columns = ("id", "store", "record", "orders", "grouping", "segment")
    buyers: list[Sequence[Any]] = [
        (first + row, store, packed[row], orders_of[row], "", "") for row in range(count)
    ]
    nothing = running.pack(running.empty(1))[0]
    visitors = [(first + count + row, store, nothing, 0, "", "") for row in range(count)]
    with transaction(kit.engine) as connection:
        bulk.upsert(connection, models.customers, columns, [*buyers, *visitors])


def wish(kit: Kit, store: int, at: int) -> None:
    with transaction(kit.engine) as connection:
        row = (store, at, 0)
        bulk.upsert(connection, models.learning, ("store", "wanted_at", "learned_at"), [row])


@pytest.fixture
def here(kit: Kit) -> Kit:
    """The kit, at a time of our choosing."""
    return replace(kit, clock=lambda: NOW)


def published(kit: Kit, kind: str) -> list[Any]:
    columns = models.models.c
    with reading(kit.engine) as connection:
        query = select(models.models).where(columns.kind == kind).order_by(columns.version)
        return list(connection.execute(query))


def test_enough_customers_make_a_learned_model_and_say_what_moved(
    here: Kit, shop: AddedStore, sent: Sent
) -> None:
    people(here, shop.number, 300)
    wish(here, shop.number, 7)
    assert learn(here, shop.number) is not None
    (row,) = published(here, "segments")
    model = from_json(row.body)
    assert (row.version, model.version, model.kind, row.customers_read) == (1, 1, "kmeans", 300)
    report = msgspec.json.decode(row.report)
    assert report["moved"]["moved"] == 300
    assert "(300 of 300)" in report["sentences"][-2]
    with reading(here.engine) as connection:
        wanted = connection.execute(select(models.learning)).one()
        assert model_in_force(connection, shop.number).version == 1
    assert wanted.learned_at == wanted.wanted_at == 7
    (entry,) = stream.read(here.redis, shop.partition, stream.START)
    event = stream.decode(entry)
    assert isinstance(event, Event)
    assert (event.type, event.properties) == ("model_published", {"version": 1})
    assert sent == [(DRAIN, shop.partition)]
    assert here.redis.get(stream.learn_bell(shop.number)) is None


def test_few_customers_keep_the_rules(here: Kit, shop: AddedStore) -> None:
    people(here, shop.number, 40)
    wish(here, shop.number, 7)
    model = learn(here, shop.number)
    assert model is not None
    assert (model.kind, model.version) == ("rules", 1)
    stages = {group.stage for group in model.groups}
    assert len(stages) == 7


def test_nothing_wanted_is_nothing_learned(here: Kit, shop: AddedStore, sent: Sent) -> None:
    people(here, shop.number, 40)
    assert learn(here, shop.number) is None
    assert learn(here, 99) is None
    assert published(here, "segments") == []
    assert sent == []


def test_each_pass_continues_the_one_before(here: Kit, shop: AddedStore) -> None:
    people(here, shop.number, 300)
    made: list[SegmentModel] = []
    for turn in (7, 8):
        wish(here, shop.number, turn)
        model = learn(here, shop.number)
        assert model is not None
        made.append(model)
        move_everybody(here, model)
    assert [model.version for model in made] == [1, 2]
    assert {group.id for group in made[0].groups} == {group.id for group in made[1].groups}
    assert msgspec.json.decode(published(here, "segments")[1].report)["moved"]["moved"] <= 15


def move_everybody(kit: Kit, model: SegmentModel) -> None:
    """What the drain does with a model: everybody gets the group it says."""
    with transaction(kit.engine) as connection:
        people_ = models.customers.c
        rows = connection.execute(
            select(people_.id, people_.record, people_.grouping).where(people_.orders > 0)
        ).all()
        records = running.unpack([bytes(row.record) for row in rows])
        previous = group_indices(model, [row.grouping for row in rows])
        groups = assign(model, running.derive(records, microseconds(NOW)), previous)
        for row, group in zip(rows, groups.tolist(), strict=True):
            connection.execute(
                update(models.customers)
                .where(people_.id == row.id)
                .values(grouping=model.groups[group].id, segment=model.groups[group].stage)
            )


def test_of_two_that_learn_at_once_one_publishes(here: Kit, shop: AddedStore) -> None:
    people(here, shop.number, 40)
    wish(here, shop.number, 7)
    read = learning._read(here, shop.number)  # noqa: SLF001 - the moment between reading and publishing
    assert read is not None
    model = learn(here, shop.number)
    assert model is not None
    assert not learning.publish(here, read, Learned(model))
    wish(here, shop.number, 9)
    assert not learning.publish(here, replace(read, wanted_at=9), Learned(model))
    assert len(published(here, "segments")) == 1


def test_the_sample_is_random_bounded_and_the_same_for_a_seed(here: Kit, shop: AddedStore) -> None:
    people(here, shop.number, 900)
    with reading(here.engine) as connection:
        assert len(sample(connection, shop.number, seed=1)) == 900
        one, again, other = (
            [row.id for row in sample(connection, shop.number, seed=seed, most=100)]
            for seed in (1, 1, 2)
        )
        assert len(sample(connection, shop.number, seed=1, most=100, share=50)) == 18
        buyers = connection.execute(
            select(func.count()).where(models.customers.c.orders > 0)
        ).scalar_one()
    assert (len(one), len(other), buyers) == (100, 100, 900)
    assert one == again != other
    first = id_range(shop.number)[0] + 1
    assert min(one) < first + 200
    assert max(one) > first + 700


def test_products_that_go_together_and_sell_best_by_stage(here: Kit, shop: AddedStore) -> None:
    people(here, shop.number, 3)
    baskets = [("tea", "cup"), ("tea", "cup"), ("tea", "pot"), ("milk",), ("void", "tea")]
    with transaction(here.engine) as connection:
        connection.execute(update(models.customers).values(segment="loyal"))
        columns = ("store", "order_id", "customer", "at", "is_counted", "lines")
        first = id_range(shop.number)[0] + 1
        rows = [
            (shop.number, f"o{n}", first if n < 3 else 0, n, n < 4, lines(basket))
            for n, basket in enumerate(baskets)
        ]
        bulk.upsert(connection, models.orders, columns, rows)
    wish(here, shop.number, 7)
    learn(here, shop.number)
    (row,) = published(here, "products")
    shelf = shelf_of(row.body)
    position = shelf.position()
    assert set(shelf.products) == {"tea", "cup", "pot", "milk"}
    assert shelf.products[shelf.partners[position["tea"]][0]] == "cup"
    assert shelf.products[shelf.best["loyal"][0]] == "tea"
    assert position["milk"] in shelf.best[""]
    assert position["milk"] not in shelf.best["loyal"]


def lines(basket: Sequence[str]) -> bytes:
    return msgspec.msgpack.encode([[product, 1, 100] for product in basket])


def test_a_process_of_its_own_learns_and_publishes(
    here: Kit, shop: AddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(here, shop.number, 300)
    wish(here, shop.number, 7)
    for name, value in environment_of(here.settings).items():
        monkeypatch.setenv(name, value)
    learning_process.run(shop.number)
    assert [row.version for row in published(here, "segments")] == [1]


def test_two_processes_do_not_learn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    def nested(*_command: object, **_options: object) -> object:
        started.append(1)
        learning_process.run(1)
        return subprocess.CompletedProcess((), 0)

    monkeypatch.setattr(subprocess, "run", nested)
    learning_process.run(1)
    assert started == [1]


def test_only_learning_loads_the_learning_library() -> None:
    script = (
        "import sys, worker.tasks, worker.beat; print({'sklearn', 'pandas'} & set(sys.modules))"
    )
    told = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "set()"
