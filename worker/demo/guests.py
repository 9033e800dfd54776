"""Processes beside the stack: store, player, proof. However the demo ends, so do they."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from worker import guardian
from worker.supervisor import Stack

_GRACE: Final = 3.0  # seconds between asking and killing
PYTHON: Final = sys.executable
SHOAL: Final = (PYTHON, "-c", "from worker.cli import main; main()")


@dataclass(frozen=True)
class Guest:
    """A process with pipes to it; what it complains of goes to its log."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def complaint(self) -> str:
        """Its last word on standard error."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"


@contextmanager
def guest(
    outer: Stack,
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    grace: float = _GRACE,
) -> Iterator[Guest]:
    """A process for the length of the block; ``grace`` are seconds that its end may take.

    It leads a group of its own, so that Ctrl-C reaches it through us alone, and the guardian knows
    it, so that it does not outlive us by kill -9 either.
    """
    log = outer.settings.home / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log.open("wb") as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own
            command,
            env=None if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            process_group=0,
        )
    outer.adopt(process.pid)
    try:
        yield Guest(process, log)
    finally:
        _end(process, grace)
        outer.release(process.pid)


def pipe_of(pipe: IO[str] | None) -> IO[str]:
    """A pipe that was asked for."""
    if pipe is None:
        message = "a process without its pipe"
        raise RuntimeError(message)
    return pipe


def _end(process: subprocess.Popen[str], grace: float) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    guardian.kill_group(process.pid)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
