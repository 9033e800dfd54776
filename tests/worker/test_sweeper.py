"""The sweep rings wherever work waits, and only there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.event import listen

from connectors.events import Event, event_id, microseconds
from worker import bulk, circuits, models, stream, sweeper, ticking
from worker.beat import beat
from worker.celery import DELIVER, DRAIN, LEARN, TIDY
from worker.database import open_engine, transaction
from worker.due import FILES_OWED
from worker.errors import DatabaseDown, RedisDown
from worker.runtime import Kit
from worker.stores import AddedStore
from worker.sweeper import sweep

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
Sent = list[tuple[str, int]]


def at(kit: Kit, moment: datetime) -> Kit:
    return replace(kit, clock=lambda: moment)


def put(kit: Kit, table: str, **row: Any) -> None:
    with transaction(kit.engine) as connection:
        found = models.metadata.tables[models.PREFIX + table]
        bulk.upsert(connection, found, tuple(row), [tuple(row.values())])


def quiet(kit: Kit, sent: Sent) -> None:
    """Forget what was rung."""
    for key in kit.redis.scan_iter("shoal:bell:*"):
        kit.redis.delete(key)
    sent.clear()


def test_an_idle_house_is_left_alone(kit: Kit, shop: AddedStore, sent: Sent) -> None:
    assert shop.number == 1
    sweep(kit)
    sweep(kit)
    assert sent == []


def test_an_entry_that_waits_too_long_sends_a_drain(kit: Kit, shop: AddedStore, sent: Sent) -> None:
    seen = kit.clock()
    event = Event(
        id=event_id("shop", "page_viewed", seen, "1"),
        store="shop",
        type="page_viewed",
        at=seen,
        received_at=seen,
    )
    stream.append(kit.redis, shop.partition, [event])
    quiet(kit, sent)
    sweep(at(kit, seen + timedelta(seconds=1)))
    assert sent == []
    sweep(at(kit, seen + timedelta(seconds=4)))
    sweep(at(kit, seen + timedelta(seconds=4)))
    assert sent == [(DRAIN, shop.partition)]
    quiet(kit, sent)
    put(kit, "cursors", partition=shop.partition, position="9999999999999-0")
    sweep(at(kit, seen + timedelta(seconds=9)))
    assert sent == [(DRAIN, shop.partition)], "read, and not yet trimmed"


def test_a_due_timer_sends_a_drain(kit: Kit, shop: AddedStore, sent: Sent) -> None:
    due = microseconds(NOW)
    row = {"store": shop.number, "kind": "cart", "key": "k", "partition": shop.partition}
    put(kit, "timers", **row, due_at=due)
    sweep(at(kit, NOW - timedelta(seconds=1)))
    assert sent == []
    sweep(at(kit, NOW))
    assert sent == [(DRAIN, shop.partition)]


def action(kit: Kit, store: int, **more: Any) -> None:
    put(kit, "actions", key="k", store=store, kind="tag", due_at=microseconds(NOW), **more)


def test_a_claimable_action_sends_a_delivery(kit: Kit, shop: AddedStore, sent: Sent) -> None:
    action(kit, shop.number)
    sweep(at(kit, NOW - timedelta(seconds=1)))
    assert sent == []
    sweep(at(kit, NOW))
    assert sent == [(DELIVER, shop.number)]


def test_leased_paused_and_resting_stores_are_left_alone(
    kit: Kit, shop: AddedStore, sent: Sent
) -> None:
    action(kit, shop.number, try_at=microseconds(NOW) + 1)
    sweep(at(kit, NOW))
    action(kit, shop.number, try_at=0)
    resting = circuits.Circuit(9, NOW.timestamp() + 60)
    circuits.keep(kit.redis, shop.number, resting)
    sweep(at(kit, NOW))
    circuits.keep(kit.redis, shop.number, circuits.CLOSED)
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(paused="no access"))
    sweep(at(kit, NOW))
    assert sent == []


def test_on_a_logs_time_actions_wait_for_the_log(kit: Kit, shop: AddedStore, sent: Sent) -> None:
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(clock="log", now=microseconds(NOW) - 1))
    action(kit, shop.number)
    sweep(at(kit, NOW + timedelta(days=9)))
    assert sent == []
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(now=microseconds(NOW)))
    sweep(at(kit, NOW))
    assert sent == [(DELIVER, shop.number)]


def test_wanted_learning_and_owed_files_are_sent_for(
    kit: Kit, shop: AddedStore, sent: Sent
) -> None:
    put(kit, "learning", store=shop.number, wanted_at=5, learned_at=5)
    put(kit, "meta", name=FILES_OWED, value=str(microseconds(NOW)))
    sweep(at(kit, NOW))
    assert sent == []
    put(kit, "learning", store=shop.number, wanted_at=6, learned_at=5)
    sweep(at(kit, NOW + timedelta(days=1, seconds=1)))
    sweep(at(kit, NOW + timedelta(days=1, seconds=2)))
    assert sent == [(LEARN, shop.number), (TIDY, 0)]


def ticks(kit: Kit, shop: AddedStore) -> list[tuple[int, int]]:
    entries = stream.read(kit.redis, shop.partition, stream.START)
    events = [event for entry in entries if isinstance(event := stream.decode(entry), Event)]
    assert {event.type for event in events} <= {"clock_ticked"}
    return [(event.properties["slice"], event.properties["slices"]) for event in events]


def test_each_slice_of_customers_is_ticked_once_an_hour(
    kit: Kit, shop: AddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "CUSTOMERS", 2)
    for number in range(7):
        put(kit, "customers", id=number + 1, store=shop.number, orders=int(number < 6))
    hour = NOW.replace(minute=0, second=0)
    for minute in range(0, 60, 5):
        ticking.tick(kit, microseconds(hour + timedelta(minutes=minute)))
    assert ticks(kit, shop) == [(0, 3), (1, 3), (2, 3)]
    ticking.tick(kit, microseconds(hour + timedelta(minutes=61)))
    assert ticks(kit, shop) == [(0, 3), (1, 3), (2, 3), (0, 3)]


def test_a_repeated_tick_has_the_same_id(kit: Kit, shop: AddedStore) -> None:
    put(kit, "customers", id=1, store=shop.number, orders=1)
    ticking.tick(kit, microseconds(NOW))
    kit.redis.delete("shoal:ticks")
    ticking.tick(kit, microseconds(NOW + timedelta(seconds=1)))
    entries = stream.read(kit.redis, shop.partition, stream.START)
    events = [stream.decode(entry) for entry in entries]
    assert len(events) == 2
    assert len({event.id for event in events if isinstance(event, Event)}) == 1


def test_stores_without_buyers_and_on_a_logs_time_have_no_ticks(kit: Kit, shop: AddedStore) -> None:
    ticking.tick(kit, microseconds(NOW))
    put(kit, "customers", id=1, store=shop.number, orders=1)
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(clock="log"))
    ticking.tick(kit, microseconds(NOW + timedelta(hours=2)))
    assert ticks(kit, shop) == []


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda kit: replace(kit, redis=stream.connect("redis://127.0.0.1:9/0")), RedisDown),
        (
            lambda kit: replace(
                kit, engine=open_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")
            ),
            DatabaseDown,
        ),
    ],
)
def test_a_server_that_is_down_does_not_end_the_beat(
    kit: Kit, broken: Callable[[Kit], Kit], expected: type[Exception]
) -> None:
    away, stopped = broken(kit), Flag()
    with pytest.raises(expected):
        sweep(away)
    turns: list[Kit] = [away, away, kit]

    def one_sweep() -> None:
        now = turns.pop(0)
        if not turns:
            stopped.set()
        sweep(now)

    beat(one_sweep, stopped, every=0.01)
    assert turns == []
    away.engine.dispose()


def test_a_sweep_asks_little(kit: Kit, shop: AddedStore) -> None:

    assert shop.number
    sweep(kit)
    asked: list[str] = []
    listen(kit.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    sweep(kit)
    assert len([one for one in asked if one != "BEGIN"]) <= 6
    assert sweeper.LATE == stream.BELL_MS
