"""What `shoal up` costs while nothing happens: CPU of all its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import httpx
import psutil

from benchmarks.installation import fresh_home
from benchmarks.machine import cpu_seconds, say
from benchmarks.shops import open_stores
from worker.runtime import close_kit, open_kit
from worker.settings import Settings
from worker.web.listeners import read_listening

_PATIENCE: Final = 90  # seconds
_SETTLING: Final = 5  # seconds after everything is ready
_UP: Final = "from worker.cli import main; main()"


def measure(seconds: float) -> float:
    """Percent of one core that the embedded stack takes over so many idle seconds."""
    with fresh_home(is_embedded=True) as settings:
        kit = open_kit(settings)
        open_stores(kit, ["store0"], datetime.now(UTC))
        close_kit(kit)
        say(f"leaving the stack alone for {seconds:g} seconds")
        with _up(settings) as stack:
            time.sleep(_SETTLING if seconds > _SETTLING else 0)  # what a start leaves to do
            begun, before = time.perf_counter(), cpu_seconds(stack)
            time.sleep(seconds)  # idle time is what is measured
            spent = cpu_seconds(stack) - before
            return round(spent / (time.perf_counter() - begun) * 100, 2)


@contextmanager
def _up(settings: Settings) -> Iterator[psutil.Process]:
    """The whole stack, ready."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _UP, "up"], env=dict(os.environ), stdout=subprocess.DEVNULL
    )
    try:
        stack = psutil.Process(process.pid)
        _await(settings, stack)
        yield stack
    finally:
        process.terminate()
        process.wait()


def _await(settings: Settings, stack: psutil.Process) -> None:
    """Wait until the status page says ready and no process is being started any more."""
    until, family = time.monotonic() + _PATIENCE, 0
    while time.monotonic() < until and stack.is_running():
        time.sleep(1)  # between two looks
        before, family = family, len(stack.children(recursive=True))
        if family == before and _is_ready(settings):
            return
    message = "the stack is not ready"
    raise SystemExit(message)


def _is_ready(settings: Settings) -> bool:
    listening = read_listening(settings)
    if listening is None:
        return False
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{listening.status_port}/readyz").is_success
    return False
