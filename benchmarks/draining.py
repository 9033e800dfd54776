"""The drain at work: a preloaded stream, two processes, six campaigns, the result checked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psutil

from benchmarks import stream_events
from benchmarks.checking import fires, is_right
from benchmarks.installation import SCHEMA, database_name, fresh_installation
from benchmarks.machine import cpu_seconds, database_server, memory_watch, say, valkey
from benchmarks.shops import introduce, open_stores, partitions, preload
from benchmarks.workers import drain_workers
from connectors.events import Event
from worker import stream
from worker.celery import DRAIN
from worker.cursors import positions
from worker.database import reading
from worker.runtime import Kit


def measure(count: int, names: Sequence[str]) -> dict[str, Any]:
    """Drain so many events of these stores."""
    with fresh_installation() as kit:
        now = datetime.now(UTC)
        open_stores(kit, names, now)
        introduce(kit, names, now)
        events = stream_events.stream(names, count, now)
        before = bytes_on_disk(kit)
        preload(kit, events)
        read_only = _read_only(kit)
        say(f"draining {count:,} events of {len(names)} store(s)")
        with drain_workers(kit) as drain:
            others = {"valkey": valkey(kit), "postgresql": database_server(kit)}
            measured = {"drain": drain} | {name: one for name, one in others.items() if one}
            with memory_watch([drain, measured["valkey"]]) as peak:
                spent = _cpu(measured)
                seconds = drained(kit)
                spent = {name: total - spent[name] for name, total in _cpu(measured).items()}
        past = [event for name in names for event in stream_events.introductions(name, now)]
        fired = fires(kit)
        return {
            "events_per_second": round(count / seconds),
            "cpu_us_per_event": round(sum(spent.values()) / count * 1e6, 1),
            "cpu_us_per_event_of": {
                name: round(total / count * 1e6, 1) for name, total in spent.items()
            },
            "fires": sum(fired.values()),
            "fires_of": fired,
            "result_is_right": is_right(kit, [*past, *events]),
            "disk_bytes_per_event": round((bytes_on_disk(kit) - before) / count),
            "peak_memory_mb": round(peak[0]),
            "read_only": {"events_per_second": round(read_only)},
            "database": database_name(kit),
        }


def _cpu(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    return {name: cpu_seconds(one) for name, one in processes.items()}


def drained(kit: Kit) -> float:
    """Ring every partition; seconds until every stream is committed to its end."""
    last = {one: stream.last_position(kit.redis, one) for one in partitions(kit)}
    begun = time.perf_counter()
    for partition in last:
        if stream.ring(kit.redis, stream.drain_bell(partition)):
            kit.send(DRAIN, partition)
    await_end(kit, last)
    return time.perf_counter() - begun


def await_end(kit: Kit, last: Mapping[int, str]) -> None:
    """Wait until the cursors stand at these positions.

    Raises
    ------
    SystemExit
        If they stand still for a minute.
    """
    now: dict[int, str] = {}
    moved_at = time.monotonic()
    while True:
        with reading(kit.engine) as connection:
            before, now = now, positions(connection)
        if all(stream.order(now[one]) >= stream.order(last[one]) for one in last):
            return
        if now != before:
            moved_at = time.monotonic()
        if time.monotonic() > moved_at + 60:
            message = f"the drain stands still at {now}"
            raise SystemExit(message)
        time.sleep(0.02)  # between two looks; the end is a commit, which sends no word


def bytes_on_disk(kit: Kit) -> int:
    """Size of tables and indexes; what SQLite still holds in its write-ahead log is moved first."""
    if kit.engine.dialect.name == "postgresql":
        sizes = (
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = to_regnamespace(%s)"
        )
        with reading(kit.engine) as connection:
            return int(connection.exec_driver_sql(sizes, (SCHEMA,)).scalar_one())
    wire = kit.engine.raw_connection()
    wire.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wire.close()
    return (kit.settings.home / "shoal.db").stat().st_size


def _read_only(kit: Kit) -> float:
    """Entries a second that are read and decoded, and nothing else."""
    begun, found = time.perf_counter(), 0
    for partition in partitions(kit):
        cursor = stream.START
        while entries := stream.read(kit.redis, partition, cursor, kit.settings.batch):
            found += sum(isinstance(stream.decode(one), Event) for one in entries)
            cursor = entries[-1].position
    return found / (time.perf_counter() - begun)
