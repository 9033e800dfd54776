"""What processes cost: CPU time and memory, of whole trees."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

import psutil

from worker.database import reading
from worker.demo.memory import tree_mb
from worker.runtime import Kit

_LOOK_EVERY: Final = 1.0  # seconds


def say(words: str) -> None:
    """Progress, for whoever waits; standard output is the figures' alone."""
    print(words, file=sys.stderr, flush=True)


def cpu_seconds(root: psutil.Process) -> float:
    """CPU time of a process and its descendants, of those too that have ended and been reaped."""
    spent = 0.0
    for one in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def valkey(kit: Kit) -> psutil.Process:
    """The installation's Valkey."""
    return psutil.Process(int(kit.redis.info("server")["process_id"]))


def database_server(kit: Kit) -> psutil.Process | None:
    """PostgreSQL's first process where it runs on this machine; None elsewhere and for SQLite."""
    if kit.engine.dialect.name != "postgresql":
        return None
    with reading(kit.engine) as connection:
        pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
    with suppress(psutil.Error):
        backend = psutil.Process(pid)
        if backend.name().startswith("postgres"):
            return backend.parent()
    return None


@contextmanager
def memory_watch(roots: Sequence[psutil.Process]) -> Iterator[list[float]]:
    """Watch trees of processes; the list's only entry is the peak of their sum (PSS), in MB."""
    peak, ended = [0.0], Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            peak[0] = max(peak[0], sum(tree_mb(root.pid) for root in roots))

    watcher = Thread(target=look, name="memory", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
        peak[0] = max(peak[0], sum(tree_mb(root.pid) for root in roots))
