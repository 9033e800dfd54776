"""Celery workers as they are measured: Shoal's own drain and its rivals, started alike."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psutil

from benchmarks.readiness import ready_pids
from worker.programs import Program, programs
from worker.runtime import Kit
from worker.settings import environment_of

PROCESSES: Final = 2
_PATIENCE: Final = 60  # seconds
_QUIET: Final = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR")


@contextmanager
def drain_workers(kit: Kit) -> Iterator[psutil.Process]:
    """The stack's own drain with two processes, ready to work."""
    program = named(kit, "drain")
    # The last -I counts.
    command = (*program.command, "-c", str(PROCESSES), "-I", "worker.pipeline,benchmarks.readiness")
    with _ready(kit, Program("drain", command, program.environment)) as process:
        yield process


@contextmanager
def rival_workers(kit: Kit, queue: str) -> Iterator[psutil.Process]:
    """A rival's worker with as many processes and the same flags."""
    drain = named(kit, "drain")
    command = (sys.executable, "-m", "celery", "-q", "-A", "benchmarks.rivals", "worker")
    flags = ("-Q", queue, "-P", "prefork", "-c", str(PROCESSES), "-I", "benchmarks.readiness")
    with _ready(kit, Program(queue, (*command, *flags, *_QUIET), drain.environment)) as process:
        yield process


def named(kit: Kit, name: str) -> Program:
    """One of the stack's programs."""
    return next(one for one in programs(kit.settings) if one.name == name)


@contextmanager
def started(kit: Kit, program: Program) -> Iterator[psutil.Process]:
    """A program with this kit's settings, stopped after the block."""
    environment = {**os.environ, **environment_of(kit.settings), **program.environment}
    process = subprocess.Popen(  # noqa: S603 - our own command
        program.command, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _ready(kit: Kit, program: Program) -> Iterator[psutil.Process]:
    with started(kit, program) as process:
        await_all(kit, process, until=time.monotonic() + _PATIENCE)
        yield process


def await_all(kit: Kit, parent: psutil.Process, until: float) -> None:
    """Wait until a Celery worker and its children have said that they are ready.

    Raises
    ------
    SystemExit
        If it ends or is not ready in time.
    """
    while True:
        family = [parent.pid, *(child.pid for child in _children(parent))]
        if len(family) > PROCESSES and ready_pids(kit.settings.home).issuperset(family):
            return
        if not parent.is_running() or time.monotonic() > until:
            message = f"a worker is not ready: {' '.join(parent.cmdline())}"
            raise SystemExit(message)
        time.sleep(0.02)  # between two looks at files


def _children(parent: psutil.Process) -> Sequence[psutil.Process]:
    try:
        return parent.children()
    except psutil.NoSuchProcess:
        return ()
