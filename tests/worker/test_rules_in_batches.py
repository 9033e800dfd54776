"""Invariant I2 of rule segments: whatever the batches, everybody is where the rules put them."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from campaigns.conditions import mask, needed_columns, needed_history
from campaigns.facts import Facts, history_column
from connectors.events import microseconds
from segmentation import running
from segmentation.features import BY_NAME
from tests.worker.driving import DAY, START, Driver, Houses, cut
from tests.worker.test_invariants_drain import QUIET, life
from worker import models
from worker.database import reading

RULES = {
    "recent": "{recency_days: {at_most: 20}}",
    "waning": "{all: [{orders: {at_least: 1}}, {orders_7d: {less_than: 0.5}}]}",
    "keen": "{any: [{did: {event: product_viewed, within: 9d, at_least: 2}}, {carts_30d: 1}]}",
    "quiet": "{not: {last_seen_days: {less_than: 3.5}}}",
    "buyers": "{did: {event: order_completed, within: 30d}}",
    "early": "{segment: {in: [new, promising]}}",
}
NOW = START + 60 * DAY


def scratch(driver: Driver) -> dict[str, set[int]]:
    """Who meets each rule by the rows alone: final records, orders and the log, one by one."""
    shop, now = driver.shop(), microseconds(driver.now)
    people, orders, log = models.customers.c, models.orders.c, models.events.c
    with reading(driver.kit.engine) as connection:
        rows = connection.execute(select(models.customers)).all()
        counted = connection.execute(select(orders.customer, orders.at).where(orders.is_counted))
        bought = [("order_completed", who, at) for who, at in counted]
        told = [*connection.execute(select(log.type, log.customer, log.at)), *bought]
        pointers = dict(connection.execute(select(people.id, people.merged_into)).all())
    found: dict[str, set[int]] = {one.rule.id: set() for one in shop.rules}
    for row in rows:
        if row.merged_into is not None:
            continue
        its = [(kind, at) for kind, who, at in told if final(who, pointers) == row.id]
        for running_rule in shop.rules:
            condition = running_rule.rule.condition
            names = [name for name in needed_columns(condition) if name in BY_NAME]
            records = running.unpack([bytes(row.record)])
            columns: dict[str, object] = {**running.derive(records, now, names=names)}
            columns |= {"segment": np.array([row.segment]), "group": np.array([row.grouping])}
            for event, days in needed_history(condition):
                since = now - days * (DAY // timedelta(microseconds=1))
                number = sum(kind == event and since <= at <= now for kind, at in its)
                columns[history_column(event, days)] = np.array([number])
            if mask(condition, Facts(1, columns))[0]:  # type: ignore[arg-type]  # arrays all
                found[running_rule.rule.id].add(row.id)
    return found


def final(customer: int, pointers: dict[int, int | None]) -> int:
    while (further := pointers.get(customer)) is not None:
        customer = further
    return customer


def kept(driver: Driver) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {one.rule.id: set() for one in driver.shop().rules}
    for row in driver.rows(models.memberships, "segment", "customer", is_in=True):
        found[row.segment].add(row.customer)
    return found


def folded(driver: Driver) -> dict[str, set[int]]:
    """The same from the changes alone: entered and not left, each change once, in turn."""
    found: dict[str, set[int]] = {one.rule.id: set() for one in driver.shop().rules}
    rows = driver.rows(models.membership_changes, "segment", "customer", "number", "entered")
    for row in sorted(rows, key=lambda row: (row.segment, row.customer, row.number)):
        assert (row.customer in found[row.segment]) != row.entered
        (found[row.segment].add if row.entered else found[row.segment].discard)(row.customer)
    return found


def play(driver: Driver, seed: int, places: list[int]) -> None:
    """A tangled life, then time in odd steps."""
    random = happen(driver, seed, places)
    for _ in range(4):
        driver.pass_time(timedelta(seconds=random.randrange(20 * 86_400)))
        assert kept(driver) == scratch(driver)
    assert folded(driver) == kept(driver)


def happen(driver: Driver, seed: int, places: list[int]) -> Random:
    """What may happen to three people, late, doubled and cut anyhow."""
    for name, condition in RULES.items():
        driver.rule(name, condition)
    driver.now = NOW
    random = Random(seed)  # noqa: S311 - an example, not a secret
    events = life(driver, random, is_tangled=True)
    events += random.sample(events, len(events) // 3)
    for number, part in enumerate(cut(events, places)):
        driver.now = NOW + timedelta(days=3 * number)
        driver.tell(*part)
        assert kept(driver) == scratch(driver)
    return random


@pytest.mark.invariant("I2")
@QUIET
@given(seed=st.integers(0, 10_000), places=st.lists(st.integers(0, 60), max_size=4))
def test_rules_hold_after_any_batches(houses: Houses, seed: int, places: list[int]) -> None:
    with houses() as driver:
        play(driver, seed, places)


@pytest.mark.invariant("I2")
def test_so_they_do_in_postgresql(postgres_houses: Houses) -> None:
    with postgres_houses() as driver:
        play(driver, 77, [5, 17, 30])


@pytest.mark.invariant("I2")
def test_each_flip_is_seen_at_its_moment(houses: Houses) -> None:
    """From timer to timer everybody is where the rules put them a microsecond before the next."""
    with houses() as driver:
        happen(driver, 77, [20])
        number = 0
        while due := driver.values(models.timers, "due_at", kind="rule"):
            driver.now = START + timedelta(microseconds=min(due) - 1 - microseconds(START))
            before = kept(driver)
            driver.drain()
            assert before == kept(driver) == scratch(driver)
            driver.pass_time(timedelta(microseconds=1))
            assert kept(driver) == scratch(driver)
            number += kept(driver) != before
        assert number > 5
