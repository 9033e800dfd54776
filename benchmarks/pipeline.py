"""How many events a second the drain applies, beside what Celery alone would do with them.

Everything is preloaded, then Celery workers with two processes drain it: Shoal's own tasks with
the six ready campaigns live, one task an event, and celery-batches of 500. Events per second are
from the first doorbell to the last commit. What came out is checked afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psutil
from sqlalchemy import func, select

from benchmarks import rivals, stream_events
from benchmarks.installation import database_name, fresh_installation
from campaigns.library import READY, ready_text
from connectors.events import Event, microseconds
from worker import bulk, models, pipeline, stream
from worker.celery import DRAIN
from worker.cursors import positions
from worker.database import reading, transaction
from worker.embedded import broker_url
from worker.replay import settle
from worker.runtime import Kit
from worker.settings import environment_of
from worker.stores import NewStore, add_store, load_store

PROCESSES: Final = 2
RIVAL_EVENTS: Final = 10_000  # publishing one task an event takes longer than working it off
BATCH_EVENTS: Final = 30_000
_QUIET: Final = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR")


def measure(count: int, stores: int) -> dict[str, Any]:
    """Drain so many events of so many stores."""
    names = [f"store{number}" for number in range(stores)]
    with fresh_installation() as kit:
        _open_stores(kit, names)
        now = datetime.now(UTC)
        _apply(kit, list(stream_events.introductions(names, now)))
        events = stream_events.stream(names, count, now, seed=7)
        before = _bytes_on_disk(kit)
        _preload(kit, events)
        with _celery("worker.celery", "drain", kit) as workers:
            cpu = _cpu(workers)
            seconds = _drained(kit)
            cpu = _cpu(workers) - cpu
            memory = _pss(workers)
        return {
            "events_per_second": round(count / seconds),
            "cpu_us_per_event": round(cpu / count * 1e6, 1),
            "fires": _fires(kit),
            "result_is_right": _is_right(kit, events),
            "disk_bytes_per_event": round((_bytes_on_disk(kit) - before) / count),
            "peak_memory_mb": round(memory),
            "database": database_name(kit),
        }


def _open_stores(kit: Kit, names: Sequence[str]) -> None:
    wall = microseconds(kit.clock())
    with transaction(kit.engine) as connection:
        for name in names:
            new = NewStore(id=name, platform="sandbox", url="", currency="EUR")
            number = add_store(connection, kit.sealer, new, wall).number
            bulk.upsert(
                connection,
                models.campaigns,
                ("store", "id", "version", "state", "started_at", "body"),
                [(number, one, 1, "live", 0, ready_text(one)) for one in READY],
            )


def _apply(kit: Kit, events: Sequence[Event]) -> None:
    _preload(kit, events)
    for partition in _partitions(kit):
        settle(kit, partition)


def _preload(kit: Kit, events: Sequence[Event]) -> None:
    with reading(kit.engine) as connection:
        names = {event.store for event in events}
        place = {name: load_store(connection, name).partition for name in names}
    by_partition: dict[int, list[Event]] = {}
    for event in events:
        by_partition.setdefault(place[event.store], []).append(event)
    for partition, its in by_partition.items():
        for start in range(0, len(its), 5_000):
            stream.append(kit.redis, partition, its[start : start + 5_000])
        stream.silence(kit.redis, stream.drain_bell(partition))


def _partitions(kit: Kit) -> list[int]:
    with reading(kit.engine) as connection:
        return sorted(positions(connection))


def _drained(kit: Kit) -> float:
    """Seconds from the first doorbell until every stream is committed to its end."""
    last = {one: stream.last_position(kit.redis, one) for one in _partitions(kit)}
    begun = time.perf_counter()
    for partition in last:
        if stream.ring(kit.redis, stream.drain_bell(partition)):
            kit.send(DRAIN, partition)
    while True:
        with reading(kit.engine) as connection:
            now = positions(connection)
        if all(stream.order(now[one]) >= stream.order(last[one]) for one in last):
            return time.perf_counter() - begun
        time.sleep(0.02)  # between two looks; the end is a commit, which sends no word


@contextmanager
def _celery(app: str, queue: str, kit: Kit) -> Iterator[psutil.Process]:
    """A Celery worker with two processes, ready to work."""
    command = (sys.executable, "-m", "celery", "-A", app, "worker", "-Q", queue)
    environment = {**os.environ, **environment_of(kit.settings), "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(  # noqa: S603 - our own command
        (*command, "-P", "prefork", "-c", str(PROCESSES), *_QUIET),
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    process = psutil.Process(started.pid)
    try:
        while len(process.children()) < PROCESSES:
            time.sleep(0.1)
        time.sleep(2)  # the children's own start; they announce it nowhere
        yield process
    finally:
        started.terminate()
        started.wait()


def _cpu(worker: psutil.Process) -> float:
    every = [worker, *worker.children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in every)


def _pss(worker: psutil.Process) -> float:
    every = [worker, *worker.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in every) / 1e6


def _fires(kit: Kit) -> int:
    decisions = models.decisions
    with reading(kit.engine) as connection:
        query = select(func.count()).select_from(decisions).where(decisions.c.outcome == "fire")
        return int(connection.execute(query).scalar_one())


def _is_right(kit: Kit, events: Sequence[Event]) -> bool:
    """Whether every sale is in a customer's row, once."""
    people = models.customers.c
    sales = [event.body for event in events if event.type == "order_updated"]
    value = sum(getattr(one, "value", 0) for one in sales)
    with reading(kit.engine) as connection:
        row = connection.execute(select(func.sum(people.orders), func.sum(people.revenue))).one()
        logged = connection.execute(
            select(func.count())
            .select_from(models.events)
            .where(models.events.c.type.in_(list(stream_events.SHARES)))
        ).scalar_one()
    return (int(row[0]), int(row[1]), int(logged)) == (len(sales), value, len(events))


def _bytes_on_disk(kit: Kit) -> int:
    with reading(kit.engine) as connection:
        if connection.dialect.name == "postgresql":
            query = "SELECT pg_database_size(current_database())"
            return int(connection.exec_driver_sql(query).scalar_one())
    home = kit.settings.home
    return sum(path.stat().st_size for path in home.glob("shoal.db*"))


def rival(count: int, *, in_batches: bool) -> dict[str, Any]:
    """The same stream through plain Celery, queue prefilled."""
    with fresh_installation() as kit:
        rivals.prepare(kit.engine)
        task = rivals.many if in_batches else rivals.one
        if task is None:
            message = "celery-batches is not installed: run `make bench-deps`"
            raise SystemExit(message)
        events = stream_events.stream(["store0"], count, datetime.now(UTC), seed=7)
        line = rivals.app.connection_for_write(broker_url(kit.settings))
        with line, rivals.app.amqp.Producer(line) as producer:
            for event in events:
                args = (event.store, event.identities[0][1], getattr(event.body, "value", 0))
                task.apply_async(args=args, queue="bench", producer=producer)
        begun = time.perf_counter()
        with _celery("benchmarks.rivals", "bench", kit):
            begun, done = time.perf_counter(), _rival_count(kit)
            left = count - done
            while _rival_count(kit) < count:
                time.sleep(0.02)
            return {
                "events_per_second": round(left / (time.perf_counter() - begun)),
                "events": count,
            }


def _rival_count(kit: Kit) -> int:
    with reading(kit.engine) as connection:
        query = select(func.coalesce(func.sum(rivals.rows.c.events), 0))
        return int(connection.execute(query).scalar_one())


def read_only(count: int) -> dict[str, Any]:
    """Reading and decoding alone."""
    with fresh_installation() as kit:
        _open_stores(kit, ["store0"])
        now = datetime.now(UTC)
        _preload(kit, stream_events.stream(["store0"], count, now, seed=7))
        with reading(kit.engine) as connection:
            partition = load_store(connection, "store0").partition
        begun, cursor, found = time.perf_counter(), stream.START, 0
        while entries := stream.read(kit.redis, partition, cursor, pipeline.BATCH):
            found += sum(isinstance(stream.decode(one), Event) for one in entries)
            cursor = entries[-1].position
        return {"events_per_second": round(found / (time.perf_counter() - begun))}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    many = measure(given.events, 8)
    single = measure(given.events, 1)
    tasks = rival(RIVAL_EVENTS, in_batches=False)
    batches = rival(BATCH_EVENTS, in_batches=True)
    speed = many["events_per_second"]
    figures = many | {
        "one_store": {"events_per_second": single["events_per_second"]},
        "task_per_event": tasks,
        "celery_batches": batches,
        "ratio": round(speed / tasks["events_per_second"], 1),
        "ratio_batches": round(speed / batches["events_per_second"], 1),
        "read_only": read_only(given.events),
        "workers": PROCESSES,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
