"""What the drain is compared with: one Celery task an event, and celery-batches of 500.

Both keep one row a customer with a count and a sum, by keyed upsert, in the same database with
the same settings as the drain: much less than the drain does for an event.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from celery import Celery
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

from worker.database import database_url, open_engine, transaction
from worker.embedded import broker_url
from worker.settings import settings_from

BATCH: Final = 500
QUEUE: Final = "bench"
metadata: Final = MetaData()
rows: Final = Table(
    "bench_rival",
    metadata,
    Column("store", Text, primary_key=True),
    Column("customer", Text, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
)
_engines: dict[int, Engine] = {}
settings: Final = settings_from(os.environ)
app: Final = Celery("bench", broker=broker_url(settings), set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    # celery-batches gathers only what was prefetched: fewer would starve it. A task per event
    # gains by it too.
    worker_prefetch_multiplier=BATCH,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    broker_transport_options={"global_keyprefix": "shoal:bench:"},
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.one", ignore_result=True)
def one(store: str, customer: str, value: int) -> None:
    """Upsert the row of one event's customer."""
    _upsert([(store, customer, 1, value)])


def _many(requests: Sequence[Any]) -> None:
    """Upsert the rows of up to 500 events."""
    sums: dict[tuple[str, str], list[int]] = {}
    for request in requests:
        store, customer, value = request.args
        found = sums.setdefault((store, customer), [0, 0])
        found[0] += 1
        found[1] += value
    _upsert([(*key, found[0], found[1]) for key, found in sorted(sums.items())])


def _upsert(values: Sequence[tuple[str, str, int, int]]) -> None:
    engine = _engine()
    with transaction(engine) as connection:
        connection.execute(
            _statement(engine.dialect.name),
            [dict(zip(rows.c.keys(), row, strict=True)) for row in values],
        )


@lru_cache
def _statement(dialect: str) -> Any:
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(rows)
    return statement.on_conflict_do_update(
        index_elements=["store", "customer"],
        set_={
            "events": rows.c.events + statement.excluded.events,
            "value": rows.c.value + statement.excluded.value,
        },
    )


def _engine() -> Engine:
    pid = os.getpid()
    if pid not in _engines:
        _engines[pid] = open_engine(database_url(settings))
    return _engines[pid]


def prepare(engine: Engine) -> None:
    """An empty table for a rival."""
    with transaction(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)


try:
    from celery_batches import Batches
except ImportError:
    many = None
else:
    many = app.task(
        name="bench.many", base=Batches, flush_every=BATCH, flush_interval=1, ignore_result=True
    )(_many)  # type: ignore[no-untyped-call]  # the library has no types
