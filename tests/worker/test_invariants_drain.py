"""Invariants I2, I3 and I4 of the drain: batches, duplicates and arrival change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connectors.events import Event, microseconds
from connectors.records import Cart, Line, Order, Product, Refund
from segmentation import batch, running
from segmentation.features import BY_NAME, NAMES
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver, Houses, cut
from worker import models
from worker.database import reading

QUIET = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NOW = START + 60 * DAY
PEOPLE = ("ann", "bea", "cid")


def life(driver: Driver, random: Random, *, is_tangled: bool) -> list[Event]:
    """What happens to three people in sixty days, in order; tangled: on each other's devices."""
    events: list[Event] = []
    for number in range(random.randint(5, 30)):
        at = START + timedelta(seconds=random.randrange(60 * 86_400))
        events += _happening(driver, random, number, (at, is_tangled))
    return sorted(events, key=lambda event: event.at)


def _happening(  # noqa: PLR0911 - one way out for each thing that may happen
    driver: Driver, random: Random, number: int, when: tuple[Any, bool]
) -> list[Event]:
    at, is_tangled = when
    who = random.choice(PEOPLE)
    device = ("anonymous_id", f"phone of {random.choice(PEOPLE) if is_tangled else who}")
    match random.randrange(8 if not is_tangled else 10):
        case 0 | 1:
            return _order(driver, random, f"o{number}", (who, at))
        case 2:
            order = f"o{random.randrange(45)}"
            value = random.randrange(1, 999)
            owner = [] if is_tangled else [("customer_id", who)]
            target = order if is_tangled else f"{order} of {who}"
            return [driver.refund(f"r{number}", target, value, at=at, who=owner)]
        case 3 | 4:
            category = random.choice(["shoes", "hats", ""])
            said = {"category": category, "product_id": random.choice("pq")}
            return [driver.touch("product_viewed", device, at=at, key=str(number), **said)]
        case 5:
            token = f"t{number}"
            claim = driver.touch("product_added", device, ("cart", token), at=at, key=token)
            # A claim that comes after the store's last word on its cart stays one: bind the device.
            keys = [("customer_id", who), device]
            bound = driver.touch("custom", *keys, at=at, source="server", key=token)
            return [claim, driver.cart(token, who, at=at + MINUTE), bound]
        case 6 | 7:
            keys = [("customer_id", who), device]
            return [driver.touch("custom", *keys, at=at, source="server", key=str(number))]
        case 8:
            body = Product(random.choice("pq"), at, category=random.choice(["shoes", "hats"]))
            return [driver.fact(body)]
        case _:
            guest = ("email", f"{random.choice(PEOPLE)}@example.com")
            return [driver.order(f"g{number}", at=at, who=[guest, device])]


def _order(driver: Driver, random: Random, order_id: str, whose: tuple[str, Any]) -> list[Event]:
    who, at = whose
    lines = tuple(
        Line(product, 1, random.randrange(1, 99_999)) for product in random.sample("pqrs", 2)
    )
    said: dict[str, Any] = {"at": at, "lines": lines, "discount": random.randrange(99)}
    value = sum(line.value for line in lines)
    told = [driver.order(order_id, who, value, **said)]
    if random.random() < 0.4:
        said["status"] = random.choice(["paid", "cancelled", "authorized"])
        said["lines"] = (*lines, Line("gift", 1, 500)) if random.random() < 0.5 else lines
        value = sum(line.value for line in said["lines"])
        told.append(driver.order(order_id, who, value, updated=at + HOUR, **said))
    return told


def settle(driver: Driver, batches: Sequence[Sequence[Event]]) -> None:
    driver.now = NOW
    for events in batches:
        driver.tell(*events)


@dataclass
class State:
    """What a store knows in the end: exact tables, and every feature by customer."""

    tables: dict[str, list[Any]]
    features: dict[int, dict[str, float]]


def state(driver: Driver) -> State:
    with reading(driver.kit.engine) as connection:
        tables = {
            name: sorted(map(tuple, connection.execute(select(*columns)).all()), key=repr)
            for name, columns in _columns().items()
        }
        columns = models.customers.c
        rows = connection.execute(
            select(columns.id, columns.record).where(columns.merged_into.is_(None))
        ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    derived = running.derive(records, microseconds(NOW))
    features = {
        row.id: {name: float(derived[name][at]) for name in NAMES} for at, row in enumerate(rows)
    }
    return State(tables, features)


def _columns() -> dict[str, list[Any]]:
    people, orders, refunds = models.customers.c, models.orders.c, models.refunds.c
    chosen = ("id", "platform_id", "is_known", "merged_into", "segment", "products", "orders")
    return {
        "customers": [people[name] for name in (*chosen, "revenue", "last_order", "last_seen")],
        "identities": [models.identities.c[name] for name in ("kind", "key", "customer")],
        "orders": list(orders),
        "refunds": list(refunds),
        "carts": [models.carts.c[name] for name in ("token", "customer", "version", "value")],
        "unowned": [models.unowned.c.key],
        "log": [models.events.c.id, models.events.c.type, models.events.c.body],
        "slots": list(models.categories.c),
    }


def assert_same(one: State, other: State) -> None:
    for name, rows in one.tables.items():
        assert rows == other.tables[name], name
    assert one.features.keys() == other.features.keys()
    for customer, features in one.features.items():
        assert_features(features, other.features[customer])


def assert_features(some: dict[str, float], others: dict[str, float]) -> None:
    for name, value in some.items():
        other = others[name]
        if BY_NAME[name].unit in {"count", "time"} and not name.endswith(DECAYED):
            assert np.array_equal(value, other, equal_nan=True), (name, value, other)
        else:
            same = np.isclose(value, other, rtol=1e-9, atol=1e-9, equal_nan=True)
            assert same, (name, value, other)


DECAYED = ("_7d", "_30d", "_90d")
SEEDS = st.integers(0, 2**32)
CUTS = st.lists(st.integers(0, 200), max_size=6)


def with_duplicates(events: Sequence[Event], random: Random) -> list[Event]:
    """The same, with redeliveries some time after the first delivery."""
    told = list(events)
    for event in random.sample(list(events), len(events) // 3):
        first = next(at for at, one in enumerate(told) if one.id == event.id)
        told.insert(random.randint(first + 1, len(told)), event)
    return told


def check_batches(houses: Houses, seed: int, cuts: list[int]) -> None:
    states = []
    for is_cut in (False, True):
        random = Random(seed)  # noqa: S311 - an example, not a secret
        with houses() as driver:
            driver.now = NOW
            events = life(driver, random, is_tangled=True)
            told = with_duplicates(events, random)
            settle(driver, cut(told, cuts) if is_cut else [[event] for event in events])
            states.append(state(driver))
    assert_same(*states)


@QUIET
@given(SEEDS, CUTS)
@pytest.mark.invariant("I2")
def test_batches_and_duplicates_change_nothing(houses: Houses, seed: int, cuts: list[int]) -> None:
    check_batches(houses, seed, cuts)


@pytest.mark.invariant("I2")
def test_batches_and_duplicates_change_nothing_on_postgresql(postgres_houses: Houses) -> None:
    for seed in range(2):
        check_batches(postgres_houses, seed, [5, 17, 18, 30])


def check_arrival(houses: Houses, seed: int, cuts: list[int]) -> None:
    random = Random(seed)  # noqa: S311 - an example, not a secret
    with houses() as driver:
        driver.now = NOW
        events = life(driver, random, is_tangled=False)
        told = with_duplicates(events, random)
        random.shuffle(told)
        settle(driver, cut(told, cuts))
        wanted = expected(driver, events)
        for who, features in wanted.items():
            row = driver.customer("customer_id", who)
            mine = {name: driver.feature(row, name) for name in features}
            assert_features(features, mine)


@QUIET
@given(SEEDS, CUTS)
@pytest.mark.invariant("I3")
def test_arrival_changes_nothing_and_all_is_as_defined(
    houses: Houses, seed: int, cuts: list[int]
) -> None:
    check_arrival(houses, seed, cuts)


@pytest.mark.invariant("I3")
def test_arrival_changes_nothing_on_postgresql(postgres_houses: Houses) -> None:
    for seed in range(2):
        check_arrival(postgres_houses, seed, [5, 17, 18, 30])


NO_CATEGORY = [name for name in NAMES if not name.startswith("category")]


def expected(driver: Driver, events: Sequence[Event]) -> dict[str, dict[str, float]]:
    """Features by customer id from the raw events alone, by the definition in pandas."""
    slots = {row.name: row.slot for row in driver.rows(models.categories, "name", "slot")}
    bound = {
        dict(event.identities)["anonymous_id"]: dict(event.identities)["customer_id"]
        for event in events
        if {"anonymous_id", "customer_id"} <= dict(event.identities).keys()
    }
    bound |= _by_cart(events)
    newest = _newest_orders(events)
    orders, lines, refunds, touches = [], [], [], []
    for order, who in newest.values():
        orders.append((who, order.order_id, order.discount, not order.is_completed, -1, 0))
        lines += [
            (order.order_id, line.product_id, order.placed_at, line.value) for line in order.lines
        ]
    for event in events:
        keys = dict(event.identities)
        who = keys.get("customer_id") or bound.get(keys.get("anonymous_id", ""), "")
        if isinstance(event.body, Refund):
            refunds.append((who, event.at, event.body.value))
        elif event.type in KINDS and who:
            slot = slots.get(event.properties.get("category", ""), -1)
            touches.append((who, KINDS[event.type], event.at, slot, 0))
    history = batch.History(
        *(
            pd.concat([empty, pd.DataFrame(rows, columns=empty.columns)]) if rows else empty
            for empty, rows in (
                (batch.no_orders(), orders),
                (batch.no_lines(), lines),
                (batch.no_refunds(), refunds),
                (batch.no_events(), touches),
            )
        )
    )
    table = batch.customer_features(history, pd.Timestamp(NOW))
    features = {name: table[name].tolist() for name in NAMES if name in table}
    return {
        str(who): {name: float(values[at]) for name, values in features.items()}
        for at, who in enumerate(table.index)
    }


KINDS = {"product_viewed": "view", "product_added": "cart", "cart_updated": "cart"}


def _by_cart(events: Sequence[Event]) -> dict[str, str]:
    carts = {
        event.body.token: dict(event.identities)["customer_id"]
        for event in events
        if isinstance(event.body, Cart)
    }
    return {
        keys["anonymous_id"]: carts[keys["cart"]]
        for event in events
        if (keys := dict(event.identities)).keys() == {"anonymous_id", "cart"}
    }


def _newest_orders(events: Sequence[Event]) -> dict[str, tuple[Order, str]]:
    newest: dict[str, tuple[Order, str]] = {}
    for event in events:
        if isinstance(event.body, Order):
            known = newest.get(event.body.order_id)
            if known is None or event.body.updated_at > known[0].updated_at:
                newest[event.body.order_id] = (event.body, dict(event.identities)["customer_id"])
    return newest


@pytest.mark.parametrize("seed", [3])
def test_the_oracle_has_something_to_say(houses: Houses, seed: int) -> None:
    with houses() as driver:
        driver.now = NOW
        told = expected(driver, life(driver, Random(seed), is_tangled=False))  # noqa: S311 - an example
    assert set(told) == set(PEOPLE)
    assert sum(one["orders"] for one in told.values()) >= 3
