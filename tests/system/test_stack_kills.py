"""The whole stack under load, killed at random moments: nothing lost, nothing twice, all equal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic, sleep

import httpx
import pandas as pd
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from connectors.events import microseconds
from connectors.protocol import StoreConfig
from segmentation.batch import customer_features
from tests.connectors.conftest import KEY, WEBHOOK_SECRET
from tests.system.shopping import BROKEN, STORE, Day, busy_day, ids_of
from tests.system.standing import PATIENCE, Platform, Stack, go_live, standing
from tests.worker.driving import coupon_campaign
from worker import letter_stream, models, stream
from worker.catalogue import NO_SLOT
from worker.database import reading
from worker.demo.verify import contacts_of, differences, history
from worker.features_export import features_table
from worker.settings import settings_from

SENDERS = 4
BUDGET = 20_000  # cents
# What stands in a process's command, and how often one is killed. Deliveries first: what a killed
# one had claimed is taken up again half a minute later.
VICTIMS = {
    "-Q deliver": 2,
    "-Q drain": 2,
    "its child": 2,
    "worker.web": 3,
    "valkey-server": 3,
    "worker.beat": 3,
}
CAMPAIGNS = (
    coupon_campaign("thanks", "{event: order_completed}", "limits: {per_customer: 1}"),
    coupon_campaign(
        "lucky",
        "{event: order_completed}",
        f"limits: {{budget: {{amount: {BUDGET // 100}, currency: EUR, per: 30d}}}}",
    ),
    "id: hello\nwhen: {segment: champions, enters: true}\nsteps: [tag: hello]\nholdout: 0\n",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    wanted = {"SHOAL_HOME": str(tmp_path / "home"), "SHOAL_SECRET_KEY": "a key for the tests only"}
    if request.param == "postgresql":
        url: URL = request.getfixturevalue("postgres_url")
        wanted["SHOAL_DATABASE_URL"] = url.render_as_string(hide_password=False)
    wanted["SHOAL_PRIVATE_HOSTS"] = "127.0.0.1"
    wanted["SHOAL_TICK_EVERY"] = "6s"  # so that customers are aged and a model learned meanwhile
    port = Random().randrange(20_000, 30_000)  # noqa: S311 - a port
    wanted |= {"SHOAL_PORT": str(port), "SHOAL_STATUS_PORT": str(port + 5_000)}
    with standing(settings_from(wanted), tmp_path) as made:
        yield made


@pytest.mark.slow
@pytest.mark.invariant("I1")
@pytest.mark.invariant("I2")
def test_everything_may_be_killed_at_any_moment(stack: Stack) -> None:
    """About three quarters of a minute for each database."""
    day = busy_day(7, datetime.now(UTC))
    since = microseconds(day.now - timedelta(hours=2))
    assert day.events() >= 20_000
    for text in CAMPAIGNS:
        go_live(stack, text, since)
    with closing(Platform(stack)) as platform:
        for one in day.first:
            platform.send(one)
        send_under_fire(stack, platform, day)
    assert stack.killed == VICTIMS
    await_rest(stack)
    assert_nothing_lost(stack, platform, day)
    assert_features(stack, day)
    assert_segments(stack)
    assert_acts(stack, day)


def send_under_fire(stack: Stack, platform: Platform, day: Day) -> None:
    """Send the day while processes are killed, each when a drawn share of it is sent."""
    luck = day.random
    plan = [
        (luck.uniform(0.03, 0.35 if victim == "-Q deliver" else 0.95), victim)
        for victim, times in VICTIMS.items()
        for _ in range(times)
    ]
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = [pool.submit(platform.send, one) for one in day.rest]
        for share, victim in sorted(plan):
            while len(platform.sent) < share * len(day.rest):
                assert not platform.gave_up, platform.gave_up
                sleep(0.01)
            stack.kill(victim, luck)
        for one in sending:
            one.result()


def await_rest(stack: Stack) -> None:
    """Wait until nothing is unread, waits as a letter, or is still to be pushed or learned."""
    # A learner that was killed keeps its lease for two minutes; nobody here waits so long.
    stream.await_server(stack.kit.redis)
    stack.kit.redis.delete(stream.learn_bell(stack.added.number))
    end = monotonic() + PATIENCE
    kit, actions = stack.kit, models.actions.c
    learning = select(models.learning.c.wanted_at > models.learning.c.learned_at)
    while True:
        stream.await_server(kit.redis)
        unread = stream.unread(kit.redis, stack.added.partition) + letter_stream.waiting(kit.redis)
        with reading(kit.engine) as connection:
            query = select(func.count()).where(actions.state.in_(("due", "sending")))
            unread += connection.execute(query).scalar_one()
            unread += connection.execute(learning).scalar_one()
        if not unread:
            return
        assert monotonic() < end, f"{unread} things are still to do"
        sleep(0.1)


def assert_nothing_lost(stack: Stack, platform: Platform, day: Day) -> None:
    """What was answered 2xx is in the log or a dead letter; nothing else is."""
    secrets = {"webhook_secret": WEBHOOK_SECRET}
    store = StoreConfig(
        id=STORE, platform="sandbox", url=stack.admin, currency="EUR", secrets=secrets
    )
    assert len(platform.sent) == len(day.first) + len(day.rest)
    assert platform.turned_down.keys() <= {0, 503}
    sent = ids_of(platform.sent, store, day.now)
    log = {bytes(row.id): row.source for row in stack.rows(models.events, "id", "source")}
    assert sent <= log.keys()
    assert {log[one] for one in log.keys() - sent} <= {"shoal"}
    letters = stack.rows(models.dead_letters, "reason", "kind")
    assert [one.kind for one in letters] == ["webhook"] * BROKEN, letters


def assert_features(stack: Stack, day: Day) -> None:
    """Every feature is what the plain definition says over the plain facts."""
    now = microseconds(datetime.now(UTC))
    with reading(stack.kit.engine) as connection:
        ours = features_table(connection, stack.added.number, "EUR", now).set_index("customer_id")
    for name in ("first_order_at", "last_order_at"):
        ours[name] = (ours[name] - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(microseconds=1)
    slots = {row.name: row.slot for row in stack.rows(models.categories, "name", "slot")}
    assert NO_SLOT not in slots.values()
    told = history(day.facts, slots, contacts_of(stack.ledger))
    plain = customer_features(told, pd.Timestamp(now, unit="us", tz="UTC"))
    assert len(plain) > 250
    assert plain["orders"].sum() > 2_000
    assert differences(plain, ours)[:5] == []


def assert_segments(stack: Stack) -> None:
    """Each customer's changes follow each other without a gap and end where the customer is.

    A model was learned and published meanwhile; whom it moved to the champions is not greeted.
    """
    names = ("customer", "number", "group_before", "group_after", "segment_after", "cause")
    now = {row.id: row.grouping for row in stack.rows(models.customers, "id", "grouping")}
    at: dict[int, tuple[int, str]] = {}
    awake: set[int] = set()
    for row in sorted(stack.rows(models.segment_changes, *names)):
        assert (row.number - 1, row.group_before) == at.get(row.customer, (0, "")), row
        at[row.customer] = (row.number, row.group_after)
        if row.segment_after == "champions" and row.cause != "model":
            awake.add(row.customer)
    assert len(at) > 250
    assert {who: group for who, (_, group) in at.items()} == {one: now[one] for one in at}
    assert "model" in {row.cause for row in stack.rows(models.segment_changes, "cause")}
    greeted = {row.customer for row in stack.rows(models.decisions, "customer", campaign="hello")}
    assert greeted <= awake


def assert_acts(stack: Stack, day: Day) -> None:
    """The store's own ledger: what was due is there, once; no budget is exceeded by one."""
    ledger = httpx.get(f"{stack.admin}/_ledger").json()
    headers = {"authorization": f"Bearer {KEY}"}
    held = httpx.get(f"{stack.admin}/admin/coupons", headers=headers).json()["items"]
    names = ("key", "campaign", "customer", "kind", "state", "payload")
    actions = stack.rows(models.actions, *names)
    assert {one.state for one in actions} == {"done"}
    coupons = [one for one in actions if one.kind == "coupon"]
    codes = {json.loads(one.payload)["code"] for one in coupons}
    assert len(codes) == len(coupons)
    assert ledger["twice"] == 0
    assert {one["code"] for one in held} == codes
    assert ledger["coupons"] == len(coupons)
    tags = ledger["by_kind"]["tag"]["done"]
    assert tags >= sum(one.kind == "tag" for one in actions) > 0
    decided = stack.rows(models.decisions, "campaign", "customer", "cost", outcome="fire")
    assert len(decided) == len(actions)
    thanked = Counter(one.customer for one in decided if one.campaign == "thanks")
    assert set(thanked.values()) == {1}
    start = (day.now - timedelta(days=1)).isoformat()
    fresh = {
        one["customer"]["id"] for one in day.facts.orders.values() if one["updated_at"] > start
    }
    assert len(thanked) == len(fresh)
    spent = sum(one.cost for one in decided if one.campaign == "lucky")
    assert BUDGET - 500 < spent <= BUDGET
