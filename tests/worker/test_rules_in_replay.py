"""In a replay of the shipped log each customer leaves a rule at their own moment."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from sqlalchemy import update

from connectors.events import Event, microseconds, moment
from segmentation.record import DAY
from tests.worker import log_store
from tests.worker.driving import Driver, copied, driver_on, sqlite_template
from worker import models, replay
from worker.database import transaction
from worker.settings import Settings

SPAN = 20 * DAY


def sold(driver: Driver) -> dict[str, list[Event]]:
    """The orders of a few customers of the log in its last months, by customer."""
    lines = log_store.sold()
    names = sorted(lines["customer_id"].unique())[::80]
    lines = lines[lines["customer_id"].isin(names) & (lines["at"] > log_store.END - 110 * DAY)]
    found: dict[str, list[Event]] = {}
    for invoice, its in lines.groupby("invoice"):
        name, at = str(its["customer_id"].iloc[0]), moment(int(its["at"].iloc[0]))
        order = driver.order(str(invoice), name, int(its["value"].sum()), at=at, received_at=at)
        found.setdefault(name, []).append(order)
    return found


@pytest.mark.invariant("I2")
def test_everybody_leaves_at_their_own_moment(
    settings: Settings, valkey: redis.Redis, valkey_url: str, tmp_path: Path
) -> None:
    database = copied(sqlite_template(tmp_path), tmp_path)
    with driver_on(settings, valkey, valkey_url, database, clock="log") as driver:
        driver.rule("lately", "{recency_days: {at_most: 20}}")
        orders = sold(driver)
        told = sorted((one for its in orders.values() for one in its), key=lambda one: one.at)
        with transaction(driver.kit.engine) as connection:
            connection.execute(update(models.stores).values(now=microseconds(told[0].at) - 1))
        target = replay.Target(driver.number, driver.id, driver.partition)
        replay.play(driver.kit, target, told, step=timedelta(days=1))
        expected = {
            (driver.customer("customer_id", name), at)
            for name, its in orders.items()
            for at in moments([microseconds(one.at) for one in its], driver.shop().now)
        }
        rows = driver.rows(
            models.membership_changes, "customer", "at", "cause", "entered", entered=False
        )
        assert {(row.customer, row.at) for row in rows} == expected
        assert {row.cause for row in rows} == {"time"}
        assert len(rows) == len(expected) > 10


def moments(at: list[int], end: int) -> set[int]:
    """A microsecond after so many days without an order.

    Unless the next came on that very day: a day's orders are played before its moments.
    """
    found = set()
    for one, after in pairwise([*sorted(at), end + DAY]):
        due = one + SPAN + 1
        if due // DAY < after // DAY and due <= end:
            found.add(due)
    return found
