"""Killed at any moment, nothing is lost and nothing is doubled: about half a minute in all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import sleep

import pytest
import redis
from sqlalchemy import select
from sqlalchemy.engine import URL

from connectors.events import Event
from connectors.records import Order, Refund
from segmentation import running
from tests.worker.driving import Driver, coupon_campaign, driver_on
from worker import models, stream
from worker.database import reading
from worker.settings import Settings, environment_of

ROOT = Path(__file__).parents[2]
EVENTS = 20_000
TURNS = 24  # of killing
CUSTOMERS = 400
BUDGET = 100_000  # cents
LUCKY = f"limits: {{budget: {{amount: {BUDGET // 100}, currency: EUR, per: 30d}}}}"
DRAIN = """
import sys
from dataclasses import replace
from worker import pipeline, stream
from worker.runtime import process_kit

kit = replace(process_kit(), send=lambda task, number: None)
partition = int(sys.argv[1])
print("ready", flush=True)
while stream.unread(kit.redis, partition):
    pipeline.drain(kit, partition)
"""


@pytest.fixture
def driver(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database_url: URL
) -> Iterator[Driver]:
    """A store whose clock is the wall's."""
    with driver_on(settings, valkey, valkey_url, database_url) as made:
        made.now = datetime.now(UTC)
        yield made


def story(driver: Driver, random: Random) -> list[Event]:
    """Orders, edits, cancels, refunds and views of some hundred people; every fifth twice."""
    events: list[Event] = []
    for number in range(EVENTS * 4 // 5):
        who = f"c{random.randrange(CUSTOMERS)}"
        at = driver.now - timedelta(seconds=random.randrange(3_600))
        kind = random.random()
        if kind < 0.3:
            events.append(driver.order(f"o{number}", who, random.randrange(100, 9_999), at=at))
        elif kind < 0.4:
            order = f"o{random.randrange(number + 1)}"
            events.append(driver.refund(f"r{number}", order, random.randrange(1, 99), at=at))
        elif kind < 0.45:
            status = random.choice(["paid", "cancelled"])
            said = {"at": at, "updated": at + timedelta(minutes=1), "status": status}
            events += [
                driver.order(f"o{number}", who, 5_000, at=at),
                driver.order(f"o{number}", who, 4_000, **said),
            ]
        else:
            keys = [("customer_id", who), ("anonymous_id", f"phone of {who}")]
            source = "server" if random.random() < 0.2 else "browser"
            chosen = keys if source == "server" else keys[1:]
            events.append(driver.touch("product_viewed", *chosen, at=at, source=source))
    told = events + random.sample(events, EVENTS // 5)
    random.shuffle(told)
    return told


def plain_fold(events: list[Event]) -> dict[str, Counter[str]]:
    """Orders, revenue, refunds of each customer, one distinct fact after the other."""
    newest: dict[str, Event] = {}
    for event in events:
        if isinstance(event.body, Order):
            known = newest.get(event.body.order_id)
            if known is None or event.at > known.at:
                newest[event.body.order_id] = event
    wanted: dict[str, Counter[str]] = {}
    for event in newest.values():
        count = wanted.setdefault(dict(event.identities)["customer_id"], Counter())
        if isinstance(event.body, Order) and event.body.is_completed:
            count.update(orders=1, revenue=event.body.value)
    for event in {event.id: event for event in events}.values():
        if isinstance(event.body, Refund) and event.body.order_id in newest:
            who = dict(newest[event.body.order_id].identities)["customer_id"]
            wanted[who].update(refunded=event.body.value)
    return wanted


def views(events: list[Event]) -> int:
    return len({event.id for event in events if event.type == "product_viewed"})


def killed_drains(driver: Driver, settings: Settings, random: Random) -> int:
    """Two drains at a time, each killed a moment after it began; how many were still at work.

    Where none of both came as far as its first commit, those after them are given longer: on a
    busy machine nothing would be killed amid its work otherwise. The last ones end in peace.
    """
    environment = {"PATH": os.environ["PATH"], **environment_of(settings)}
    command = (sys.executable, "-c", DRAIN, str(driver.partition))
    killed, before, longest = 0, 0, 0.5
    for _ in range(TURNS):
        left = stream.unread(driver.kit.redis, driver.partition)
        if not left:
            break
        longest = min(2 * longest, 8.0) if left == before else longest
        before = left
        twins = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)  # noqa: S603 - the text above
            for _ in range(2)
        ]
        for twin in twins:
            assert twin.stdout is not None
            assert twin.stdout.readline() == b"ready\n"
        sleep(random.uniform(0.05, longest))
        for twin in twins:
            killed += twin.poll() is None
            twin.kill()
            twin.communicate()
    return killed


@pytest.mark.slow
@pytest.mark.invariant("I2")
def test_drains_that_are_killed_lose_and_double_nothing(driver: Driver) -> None:
    """About ten seconds for each database."""
    random = Random(20)  # noqa: S311 - an example, not a secret
    driver.now -= timedelta(hours=2)  # a campaign sees what happens after its start
    driver.run(coupon_campaign("thanks", "{event: order_completed}", "limits: {per_customer: 2}"))
    driver.run(coupon_campaign("lucky", "{event: order_completed}", LUCKY))
    driver.now += timedelta(hours=2)
    events = story(driver, random)
    for start in range(0, len(events), 1_000):
        driver.append(*events[start : start + 1_000])
    # Small batches, so that a quick machine is not done before it is killed often enough.
    assert killed_drains(driver, replace(driver.kit.settings, batch=400), random) >= 4
    while stream.unread(driver.kit.redis, driver.partition):
        driver.drain()
    assert_equals_fold(driver, events)
    assert_limits(driver)


def assert_equals_fold(driver: Driver, events: list[Event]) -> None:
    with reading(driver.kit.engine) as connection:
        columns = models.customers.c
        rows = connection.execute(
            select(columns.platform_id, columns.record).where(columns.merged_into.is_(None))
        ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    found = {
        row.platform_id: Counter(
            orders=int(records["orders"][at]),
            revenue=int(records["revenue"][at]),
            refunded=int(records["refunded"][at]),
        )
        for at, row in enumerate(rows)
        if row.platform_id
    }
    for who, count in plain_fold(events).items():
        assert found[who] == count, who
    assert int(records["views"].sum()) == views(events)
    distinct = {event.id for event in events}
    assert len(driver.rows(models.events, "id")) == len(distinct)
    waiting = len(driver.rows(models.unowned, "key"))
    assert driver.tally("applied") + waiting == len(distinct)
    keys = driver.values(models.actions, "key")
    assert len(keys) == len(set(keys)) == len(driver.values(models.codes, "code"))
    fired = driver.rows(models.decisions, "customer", "occasion", outcome="fire")
    assert len(fired) == len(keys)
    assert driver.rows(models.dead_letters, "reason") == []


def assert_limits(driver: Driver) -> None:
    """Reached and never exceeded by one, though many are killed and each has a twin."""
    spent = driver.values(models.decisions, "cost", campaign="lucky", outcome="fire")
    assert BUDGET - 500 < sum(spent) <= BUDGET
    thanked = Counter(driver.values(models.decisions, "customer", campaign="thanks"))
    assert max(thanked.values()) == 2
