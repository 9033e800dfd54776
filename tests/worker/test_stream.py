"""Streams and bells on a real Valkey."""

from __future__ import annotations

from datetime import UTC, datetime
from time import sleep

import pytest
import redis
from sqlalchemy import Engine, update

from connectors.events import Event, event_id
from worker import cursors, installation, models, stream
from worker.database import reading, transaction
from worker.errors import BacklogFull, RedisDown, SettingError
from worker.stream import Entry

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int, **more: dict[str, str]) -> Event:
    return Event(
        id=event_id("shop", "page_viewed", NOW, str(number)),
        store="shop",
        type="page_viewed",
        at=NOW,
        received_at=NOW,
        **more,  # type: ignore[arg-type]  # the field of the test
    )


def test_what_is_appended_is_read_in_order_after_a_cursor(valkey: redis.Redis) -> None:
    events = [event(number) for number in range(5)]
    stream.append(valkey, 3, events)
    entries = stream.read(valkey, 3, stream.START, 3)
    assert [stream.decode(entry) for entry in entries] == events[:3]
    rest = stream.read(valkey, 3, entries[-1].position)
    assert [stream.decode(entry) for entry in rest] == events[3:]
    assert stream.read(valkey, 4, stream.START) == []


@pytest.mark.invariant("I1")
def test_trimming_takes_the_committed_and_nothing_else(valkey: redis.Redis) -> None:
    stream.append(valkey, 0, [event(number) for number in range(5)])
    entries = stream.read(valkey, 0, stream.START)
    stream.trim(valkey, 0, entries[2].position)
    assert stream.read(valkey, 0, stream.START) == entries[3:]
    stream.trim(valkey, 0, entries[-1].position)
    assert stream.unread(valkey, 0) == 0
    assert stream.last_position(valkey, 0) == entries[-1].position


def test_only_the_first_append_rings(valkey: redis.Redis) -> None:
    assert stream.append(valkey, 0, [event(1)])
    assert not stream.append(valkey, 0, [event(2)])
    stream.silence(valkey, stream.drain_bell(0))
    assert stream.append(valkey, 0, [event(3)])


def test_a_bell_expires_unless_renewed(
    valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BELL_MS", 150)
    bell = stream.deliver_bell(7)
    assert stream.ring(valkey, bell)
    sleep(0.1)
    stream.renew(valkey, bell)
    sleep(0.1)
    assert not stream.ring(valkey, bell)
    sleep(0.2)
    assert stream.ring(valkey, bell)


def test_a_full_backlog_refuses_and_writes_nothing(valkey: redis.Redis) -> None:
    stream.append(valkey, 0, [event(1), event(2)], backlog=2)
    with pytest.raises(BacklogFull, match="partition 0: 2 events wait"):
        stream.append(valkey, 0, [event(3)], backlog=2)
    assert stream.unread(valkey, 0) == 2


@pytest.mark.invariant("I9")
def test_an_unsealed_event_is_never_written(valkey: redis.Redis) -> None:
    with pytest.raises(ValueError, match="is not sealed"):
        stream.append(valkey, 0, [event(1), event(2, personal={"email": "ana@example.org"})])
    assert stream.unread(valkey, 0) == 0


def test_an_entry_that_is_no_event_is_told_without_its_content() -> None:
    assert stream.decode(Entry("1-0", b"\xc1ana@example.org")) == "not an event: DecodeError"
    assert stream.decode(Entry("1-0", b"\x80")) == "not an event: ValidationError"


def test_positions_compare_as_numbers() -> None:
    assert stream.order("9-0") < stream.order("10-0")
    assert stream.order("5-9") < stream.order("5-10")


def test_redis_that_is_gone_is_told_as_such() -> None:
    client = stream.connect("redis://127.0.0.1:9/0")
    with pytest.raises(RedisDown, match="ConnectionError"):
        stream.append(client, 0, [event(1)])
    with pytest.raises(RedisDown, match="after 0"):
        stream.await_server(client, 0.2)


def test_a_server_that_evicts_is_refused(valkey: redis.Redis) -> None:
    stream.check_server(valkey)
    valkey.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(SettingError, match="allkeys-lru, expected noeviction"):
            stream.check_server(valkey)
    finally:
        valkey.config_set("maxmemory-policy", "noeviction")


@pytest.mark.invariant("I1")
def test_a_replaced_redis_hides_no_event(valkey: redis.Redis, database: Engine) -> None:
    with transaction(database) as connection:
        assert installation.partitions(connection, 2) == 2
        connection.execute(update(models.cursors).values(position="99999999999999-5"))
    stream.append(valkey, 1, [event(1)])
    with reading(database) as connection:
        hidden = stream.read(valkey, 1, cursors.positions(connection)[1])
    assert hidden == []
    assert set(cursors.outdated(database, valkey)) == {0, 1}
    assert cursors.mend(database, valkey) == [0, 1]
    assert cursors.mend(database, valkey) == []
    with reading(database) as connection:
        assert len(stream.read(valkey, 1, cursors.positions(connection)[1])) == 1


def test_a_cursor_at_the_end_of_an_emptied_stream_is_left_alone(
    valkey: redis.Redis, database: Engine
) -> None:
    stream.append(valkey, 0, [event(1)])
    (entry,) = stream.read(valkey, 0, stream.START)
    stream.trim(valkey, 0, entry.position)
    with transaction(database) as connection:
        installation.partitions(connection, 1)
        connection.execute(update(models.cursors).values(position=entry.position))
    assert cursors.outdated(database, valkey) == {}
