"""Celery's tasks: doorbells. Each finds this process's kit and calls one function."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from worker import delivery, pipeline, sweeper, tidying
from worker.celery import DELIVER, DRAIN, LEARN, SWEEP, TIDY
from worker.runtime import process_kit


@shared_task(name=DRAIN)
def drain(partition: int) -> None:
    """Apply what a partition's stream holds."""
    pipeline.drain(process_kit(), partition)


@shared_task(name=DELIVER)
def deliver(store: int) -> None:
    """Push what a store has due."""
    delivery.deliver(process_kit(), store)


@shared_task(name=LEARN)
def learn(store: int) -> None:
    """Learn a store's next model."""
    with _without_pandas():
        from worker import learning  # noqa: PLC0415 - loads scikit-learn, which no other task needs

    learning.learn(process_kit(), store)


@contextmanager
def _without_pandas() -> Iterator[None]:
    """scikit-learn loads pandas where it finds it: 100 MB for tables that learning never sees."""
    is_loaded = "pandas" in sys.modules
    if not is_loaded:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what is absent
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules["pandas"]


@shared_task(name=TIDY)
def tidy(_number: int) -> None:
    """Rewrite files after an erasure."""
    tidying.rewrite_files(process_kit())


@shared_task(name=SWEEP)
def sweep() -> None:
    """Ring wherever work waits."""
    sweeper.sweep(process_kit())
