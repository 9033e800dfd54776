"""A model that was really learned moves a third of the shop and more, and wakes nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import update

from connectors.events import Event, microseconds
from tests.worker.driving import DAY, START, Driver
from worker import bulk, models
from worker.celery import DELIVER
from worker.database import transaction
from worker.learning import learn

STAGES = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost")
CUSTOMERS = 300


def orders(driver: Driver, who: Iterable[int], span: tuple[datetime, int], busy: float) -> None:
    """Orders of some people over so many days; ``busy`` times as many and as large as usual."""
    luck = Random(f"{span}")  # noqa: S311 - an example, not a secret
    start, days = span
    events: list[Event] = []
    for number in who:
        rate = luck.uniform(0.3, 3.0) * busy / 30
        at = luck.uniform(0, days)
        while at < days:
            value = int(luck.uniform(0.3, 3.0) * 4_000 * busy)
            name = f"o{len(events)} of {start:%m%d}"
            events.append(driver.order(name, f"c{number}", value, at=start + at * DAY))
            at += luck.expovariate(rate)
    luck.shuffle(events)
    driver.tell(*events)


def publish(driver: Driver) -> float:
    """Learn, publish, let the drain judge everybody; the share whose segment changed."""
    row = (driver.number, microseconds(driver.now), 0)
    with transaction(driver.kit.engine) as connection:
        columns = ("store", "wanted_at", "learned_at")
        bulk.upsert(connection, models.learning, columns, [row])
    before = segments(driver)
    model = learn(driver.kit, driver.number)
    assert model is not None
    assert model.kind == "kmeans"
    driver.drain()
    after = segments(driver)
    assert driver.values(models.stores, "model") == [model.version]
    return sum(after[who] != stage for who, stage in before.items()) / len(before)


def look_soon(driver: Driver) -> None:
    """The owner lets groups be found anew each month, whoever moves."""
    settings = replace(driver.kit.settings, refit_every=timedelta(days=30), refit_moves=100.0)
    driver.kit = replace(driver.kit, settings=settings)


def segments(driver: Driver) -> dict[int, str]:
    return {row.id: row.segment for row in driver.rows(models.customers, "id", "segment")}


def groups(driver: Driver) -> set[str]:
    return set(driver.values(models.customers, "grouping"))


def listen_everywhere(driver: Driver, names: Iterable[str]) -> None:
    """A live campaign on the entering, and one on the leaving, of each segment or group."""
    for number, name in enumerate(names):
        for verb in ("enters", "leaves"):
            when = f"when: {{segment: {name}, {verb}: true}}"
            driver.run(f"id: {verb}-{number}\n{when}\nsteps: [tag: told]\nholdout: 0\n")


def woken(driver: Driver) -> list[object]:
    """Everything that a wake could leave behind."""
    tables = (models.decisions, models.holds, models.actions, models.timers, models.codes)
    counts = [len(driver.rows(table, "store")) for table in tables]
    return [*counts, driver.sent.count((DELIVER, driver.number))]


@pytest.mark.invariant("I5")
def test_a_learned_model_moves_a_third_of_the_shop_and_wakes_nobody(driver: Driver) -> None:
    orders(driver, range(CUSTOMERS), (START - 200 * DAY, 190), 1.0)
    listen_everywhere(driver, STAGES)
    assert publish(driver) >= 0.3
    assert not any(woken(driver))
    learned = sorted(groups(driver))

    # Half the shop buys four times as often and as much: their old groups do not fit any more.
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.campaigns).values(state="paused"))
    driver.now += 60 * DAY
    orders(driver, range(0, CUSTOMERS, 2), (START, 60), 4.0)
    driver.tell(driver.tick())
    listen_everywhere(driver, [*STAGES, *learned])
    before = woken(driver)
    changes = {
        (row.customer, row.number)
        for row in driver.rows(models.segment_changes, "customer", "number")
    }
    driver.now += DAY / 24
    look_soon(driver)
    assert publish(driver) >= 0.3
    assert woken(driver) == before
    moved = [
        row
        for row in driver.rows(models.segment_changes, "customer", "number", "cause", "model")
        if (row.customer, row.number) not in changes
    ]
    assert len(moved) >= 0.3 * CUSTOMERS
    assert {(row.cause, row.model) for row in moved} == {("model", 2)}
    assert driver.tally("segment_changes", "model") >= len(moved)

    # The campaigns were listening: what time alone moves afterwards wakes them.
    driver.now += 200 * DAY
    driver.tell(driver.tick())
    assert len(driver.rows(models.decisions, "store", outcome="fire")) > 100
    assert driver.values(models.segment_changes, "cause").count("time") > 100
