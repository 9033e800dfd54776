"""`shoal up`: starts every process, restarts what dies, stops all together.

Each process leads its own group. The guardian (worker.guardian) holds a pipe to the supervisor and
ends all groups when the supervisor is gone, by kill -9 too. What a child prints goes to its file
under ``SHOAL_HOME/logs``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import IO, Final

from worker import guardian
from worker.errors import ShoalError
from worker.programs import Program
from worker.settings import Settings

Say = Callable[[str], None]
_LOOK_EVERY: Final = 0.25  # seconds
_STEADY: Final = 10.0  # a child that lived so long was no failed start
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 15.0
_LARGEST_LOG: Final = 10 * 1024 * 1024


@dataclass
class Child:
    """A program under supervision."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    again_at: float | None = None


@dataclass
class Stack:
    """Everything that runs for one home. Made by :func:`supervised`."""

    settings: Settings
    environment: Mapping[str, str]
    guard: subprocess.Popen[bytes]
    say: Say
    children: dict[str, Child] = field(default_factory=dict)
    guests: set[int] = field(default_factory=set)

    def start(self, program: Program) -> None:
        """Start a program and tell the guardian."""
        self.children[program.name] = Child(program, self._spawn(program), monotonic())

    def look(self, now: float) -> None:
        """Restart whatever is due; called a few times a second."""
        for child in self.children.values():
            if child.again_at is None and child.process.poll() is not None:
                self._bury(child, now)
            if child.again_at is not None and now >= child.again_at:
                child.process = self._spawn(child.program)
                child.started, child.again_at = now, None
        if self.guard.poll() is not None:
            self.guard = _guardian()
            for child in self.children.values():
                self._tell("=" if child.program.is_needed else "+", child.process.pid)
            for pid in tuple(self.guests):
                self._tell("+", pid)

    def adopt(self, pid: int) -> None:
        """Tell the guardian of a group that somebody else started and ends."""
        self.guests.add(pid)
        self._tell("+", pid)

    def release(self, pid: int) -> None:
        """Tell the guardian that an adopted group is gone."""
        self.guests.discard(pid)
        self._tell("-", pid)

    def stop(self) -> None:
        """Stop everything, what others need last."""
        everyone = self.children.values()
        _stop([child.process for child in everyone if not child.program.is_needed])
        _stop([child.process for child in everyone if child.program.is_needed])
        _close(self.guard)

    def pids(self) -> dict[str, int]:
        """Process ids by name, of those alive."""
        return {
            name: child.process.pid
            for name, child in list(self.children.items())
            if child.process.poll() is None
        }

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with _log_file(self.settings.home / "logs", program.name) as log:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environment, **program.environment},
                process_group=0,
            )
        self._tell("=" if program.is_needed else "+", process.pid)
        return process

    def _bury(self, child: Child, now: float) -> None:
        # Celery's forked children outlive a parent that was killed; they go with it.
        guardian.kill_group(child.process.pid)
        self._tell("-", child.process.pid)
        is_steady = now - child.started > _STEADY
        child.failures = 0 if is_steady else child.failures + 1
        delay = min(_FIRST_DELAY * 2**child.failures, _LONGEST_DELAY)
        child.again_at = now + delay
        how = _ending(child.process.returncode)
        self.say(f"{child.program.name} ended ({how}); again in {delay:g} s")

    def _tell(self, sign: str, pid: int) -> None:
        if self.guard.stdin is not None:
            with suppress(BrokenPipeError):
                self.guard.stdin.write(f"{sign}{pid}\n".encode())
                self.guard.stdin.flush()


@contextmanager
def supervised(
    settings: Settings, environment: Mapping[str, str], say: Say = print
) -> Iterator[Stack]:
    """An empty stack whose children are watched by a thread and stopped at the end of the block."""
    stack = Stack(settings, environment, _guardian(), say)
    ended = Event()
    watcher = Thread(target=_watch, args=(stack, ended), name="watcher", daemon=True)
    watcher.start()
    try:
        yield stack
    finally:
        ended.set()
        watcher.join()
        stack.stop()


def run_once(
    settings: Settings, environment: Mapping[str, str], command: tuple[str, ...]
) -> list[str]:
    """Run a short program to its end; the lines it printed.

    Raises
    ------
    ShoalError
        With its own words, if it fails.
    """
    done = subprocess.run(  # noqa: S603 - our own commands
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = done.stderr.strip() or f"ended with status {done.returncode}"
        log = settings.home / "logs" / "prepare.log"
        if "Traceback" in words:
            log.parent.mkdir(exist_ok=True)
            log.write_text(words + "\n")
            words = f"{words.splitlines()[-1].partition(':')[0]}: see {log}"
        error = ShoalError(words)
        error.exit_code = done.returncode  # type: ignore[misc]  # the other process's own
        raise error
    return done.stdout.splitlines()


def _watch(stack: Stack, ended: Event) -> None:
    while not ended.wait(_LOOK_EVERY):
        stack.look(monotonic())


def _guardian() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-I", "-S", guardian.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _close(guard: subprocess.Popen[bytes]) -> None:
    if guard.stdin is not None:
        with suppress(BrokenPipeError):
            guard.stdin.close()
    guard.wait()


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    alive = {process.pid: process for process in processes if process.poll() is None}

    def has_ended(pid: int) -> bool:
        return alive[pid].poll() is not None

    guardian.stop_groups(alive, has_ended)
    for process in processes:
        guardian.kill_group(process.pid)
        process.wait()


def _ending(status: int) -> str:
    return f"status {status}" if status >= 0 else f"signal {-status}"


@contextmanager
def _log_file(folder: Path, name: str) -> Iterator[IO[bytes]]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.log"
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LARGEST_LOG:
            path.replace(path.with_suffix(".1.log"))
    with path.open("ab") as file:
        yield file
