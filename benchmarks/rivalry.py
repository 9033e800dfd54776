"""The drain's rivals at work on the same stream, the queue filled before they start."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from benchmarks import rivals
from benchmarks.installation import fresh_installation
from benchmarks.machine import cpu_seconds, database_server, say, valkey
from benchmarks.workers import rival_workers
from connectors.events import Event
from worker.database import reading
from worker.embedded import broker_url
from worker.runtime import Kit

_LOOK_EVERY = 0.1  # seconds; each look reads the rival's table


def measure(events: Sequence[Event], *, in_batches: bool) -> dict[str, Any]:
    """Work off these events, one task each or in batches."""
    task = rivals.many if in_batches else rivals.one
    if task is None:
        message = "celery-batches is not installed: run `make tools`"
        raise SystemExit(message)
    with fresh_installation() as kit:
        rivals.prepare(kit.engine)
        say(f"publishing {len(events):,} tasks")
        _publish(kit, task, events)
        say("working them off " + ("in batches" if in_batches else "one by one"))
        with rival_workers(kit, rivals.QUEUE) as worker:
            others = (valkey(kit), database_server(kit))
            processes = [worker, *(one for one in others if one)]
            begun, done = time.perf_counter(), _worked_off(kit)
            spent = sum(map(cpu_seconds, processes))
            while (now := _worked_off(kit)) < len(events):
                time.sleep(_LOOK_EVERY)
            seconds = time.perf_counter() - begun
            spent = sum(map(cpu_seconds, processes)) - spent
        return {
            "events_per_second": round((now - done) / seconds),
            "cpu_us_per_event": round(spent / (now - done) * 1e6),
            "events": len(events),
        }


def _publish(kit: Kit, task: Any, events: Sequence[Event]) -> None:
    line = rivals.app.connection_for_write(broker_url(kit.settings))
    with line, rivals.app.amqp.Producer(line) as producer:
        for event in events:
            args = (event.store, event.identities[0][1], getattr(event.body, "value", 0))
            task.apply_async(args=args, queue=rivals.QUEUE, producer=producer)


def _worked_off(kit: Kit) -> int:
    with reading(kit.engine) as connection:
        query = select(func.coalesce(func.sum(rivals.rows.c.events), 0))
        return int(connection.execute(query).scalar_one())
