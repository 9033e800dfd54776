"""Celery's tasks: doorbells. Each finds this process's kit and calls one function."""

from __future__ import annotations

from celery import shared_task

from worker import delivery, learning_process, pipeline, sweeper, tidying, walking
from worker.celery import DELIVER, DRAIN, LEARN, SWEEP, TIDY, WALK
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
    """Learn a store's next model, in a process that ends with it."""
    learning_process.run(store)


@shared_task(name=WALK)
def walk(store: int) -> None:
    """Read on in a store's own lists."""
    walking.walk(process_kit(), store)


@shared_task(name=TIDY)
def tidy(_number: int) -> None:
    """Rewrite files after an erasure."""
    tidying.rewrite_files(process_kit())


@shared_task(name=SWEEP)
def sweep() -> None:
    """Ring wherever work waits."""
    sweeper.sweep(process_kit())
