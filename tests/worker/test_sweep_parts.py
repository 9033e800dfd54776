"""What goes wrong in one part of a sweep stops no other part, and no later sweep."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from connectors.events import Event, event_id
from tests.worker.conftest import Sent
from worker import bulk, dead_letters, letter_stream, models, stream
from worker.celery import DRAIN
from worker.database import reading, transaction
from worker.dead_letters import Letter
from worker.runtime import Kit
from worker.stores import AddedStore, NewStore, add_store, partition_of
from worker.sweeper import sweep

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """One database is enough: a file in which a table can be taken away."""
    return sqlite_url


def late_event(kit: Kit, partition: int) -> None:
    """An entry that has waited for long."""
    seen = kit.clock()
    event = Event(
        id=event_id("shop", "page_viewed", seen, "1"),
        store="shop",
        type="page_viewed",
        at=seen,
        received_at=seen,
    )
    kit.redis.xadd(stream.stream_of(partition), {"e": stream.pack(event)}, id="1-1")


def letter(kit: Kit, name: bytes) -> Letter:
    sealed = kit.sealer.seal_bytes("shop", name)
    return Letter(
        dead_letters.letter_id("webhook", "shop", name), "shop", "webhook", "x", 1, sealed
    )


def test_an_entry_that_is_no_letter_holds_up_no_other(
    kit: Kit, shop: AddedStore, sent: Sent
) -> None:
    kit.redis.xadd(letter_stream.KEY, {"l": b"no letter at all"})
    kit.redis.xadd(letter_stream.KEY, {"other": b"nor this"})
    letter_stream.keep(kit.redis, [letter(kit, b"good")])
    late_event(kit, shop.partition)
    sweep(kit)
    assert sent == [(DRAIN, shop.partition)]
    assert letter_stream.waiting(kit.redis) == 0
    with reading(kit.engine) as connection:
        found = dead_letters.list_letters(connection)
    assert sorted(one.store for one in found) == ["", "", "shop"]
    assert {one.reason.split(":")[0] for one in found} == {"x", "not a letter"}
    sweep(kit)
    with reading(kit.engine) as connection:
        assert len(dead_letters.list_letters(connection)) == 3


def test_letters_that_cannot_be_absorbed_stop_neither_rings_nor_ticks(
    kit: Kit, shop: AddedStore, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    letter_stream.keep(kit.redis, [letter(kit, b"good")])
    with transaction(kit.engine) as connection:
        row = (1, shop.number, 1)
        bulk.upsert(connection, models.customers, ("id", "store", "orders"), [row])
        connection.exec_driver_sql("ALTER TABLE shoal_dead_letters RENAME TO elsewhere")
    late_event(kit, shop.partition)
    with caplog.at_level(logging.WARNING, "shoal.sweep"):
        sweep(replace(kit, clock=lambda: NOW))
    assert (DRAIN, shop.partition) in sent
    (said,) = [record for record in caplog.records if record.msg == "sweep_part_failed"]
    assert (vars(said)["part"], vars(said)["error"]) == ("letters", "OperationalError")
    assert "clock_ticked" in events(kit, shop.partition)
    with transaction(kit.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO shoal_dead_letters")
    sweep(kit)
    with reading(kit.engine) as connection:
        query = select(models.dead_letters.c.store)
        assert connection.execute(query).scalars().all() == ["shop"]


def test_a_full_stream_stops_no_other_stores_clock(kit: Kit, shop: AddedStore) -> None:
    """Its own ticks are sent once there is room."""
    name = next(one for one in "abcdefgh" if partition_of(one, 2) != shop.partition)
    new = NewStore(id=name, platform="sandbox", url="", currency="EUR")
    with transaction(kit.engine) as connection:
        other = add_store(connection, kit.sealer, new, 0)
        rows = [(one.number, one.number, 1) for one in (shop, other)]
        bulk.upsert(connection, models.customers, ("id", "store", "orders"), rows)
    late_event(kit, shop.partition)
    small = replace(kit, clock=lambda: NOW, settings=replace(kit.settings, backlog=1))
    sweep(small)
    assert events(kit, shop.partition) == ["page_viewed"]
    assert events(kit, other.partition) == ["clock_ticked"]
    kit.redis.delete(stream.stream_of(shop.partition), "shoal:sweep:slowly")
    sweep(small)
    assert events(kit, shop.partition) == ["clock_ticked"]
    assert events(kit, other.partition) == ["clock_ticked"]


def events(kit: Kit, partition: int) -> list[str]:
    """Types of the events in a stream."""
    entries = stream.read(kit.redis, partition, stream.START)
    found = [stream.decode(entry) for entry in entries]
    return [one.type for one in found if isinstance(one, Event)]
