"""`shoal up` as a process of its own: the demo plays against what a user starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from worker import guardian
from worker.errors import ServiceUnreachable, ShoalError
from worker.settings import Settings
from worker.supervisor import Stack
from worker.web.listeners import Listening, read_listening

_UP: Final = ("-c", "from worker.cli import main; main()", "up")
_PATIENCE: Final = 60.0  # seconds for the stack to come up
_STOPPING: Final = 30.0  # seconds: twice what its supervisor gives its processes, and some
_LOOK: Final = 0.05


@contextmanager
def own_stack(outer: Stack) -> Iterator[tuple[int, Listening]]:
    """The stack for ``outer.settings``; its process id and where it listens.

    Parameters
    ----------
    outer
        Its guardian ends everything should this process be killed.

    Raises
    ------
    ShoalError
        In the words of `shoal up`, if that does not start.
    """
    log = outer.settings.home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *_UP],
            env=dict(outer.environment),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            process_group=0,
        )
    outer.adopt(process.pid)
    try:
        yield process.pid, _await_door(outer.settings, process, log)
    finally:
        _end(process)
        outer.release(process.pid)


def _await_door(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> Listening:
    end = monotonic() + _PATIENCE
    while monotonic() < end:
        listening = read_listening(settings)
        if listening is not None:
            return listening
        if process.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines()
            words = lines[-1] if lines else f"`shoal up` ended with status {process.returncode}"
            raise ShoalError(words)
        sleep(_LOOK)
    message = f"the door did not open in {_PATIENCE:g} s: see {log.parent}"
    raise ServiceUnreachable(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOPPING)
    guardian.kill_group(process.pid)
    process.wait()
