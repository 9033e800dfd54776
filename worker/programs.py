"""The processes of a stack, each with its command."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from worker.embedded import valkey_command
from worker.errors import ServiceUnreachable
from worker.settings import Settings

_STEPS: Final = 100
# numpy starts a thread a core at import otherwise, in every process; glibc keeps a heap for each
# thread, and in it what was freed.
_FRUGAL: Final = MappingProxyType(
    {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_TRIM_THRESHOLD_": "1048576",
    }
)
_QUIET: Final = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")


@dataclass(frozen=True)
class Program:
    """One process to start.

    Attributes
    ----------
    is_needed
        Whether the others cannot end orderly without it; it stops last.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_needed: bool = False


def valkey(settings: Settings) -> Program:
    """The own Valkey."""
    return Program("valkey", tuple(valkey_command(settings)), is_needed=True)


def prepare_command() -> tuple[str, ...]:
    """What runs once between Valkey and the rest."""
    return (sys.executable, "-m", "worker.prepare")


def programs(settings: Settings) -> tuple[Program, ...]:
    """Everything that runs beside Redis and the database."""
    return (
        Program("web", (sys.executable, "-m", "worker.web"), _FRUGAL),
        # What a pool imports before it forks, its children share.
        _celery(
            "drain",
            ("-P", "prefork", "-c", str(settings.drain_processes), "-I", "worker.pipeline"),
            queues="drain",
        ),
        # Pushes wait for other machines, learning for a process of its own: threads of one
        # process do that in the least memory. One more than pushes, so that learning takes none.
        _celery(
            "deliver",
            ("-P", "threads", "-c", str(settings.deliver_threads + 1), "-I", "worker.delivery"),
            queues="deliver,learn",
        ),
        Program("beat", (sys.executable, "-m", "worker.beat"), _FRUGAL),
    )


def _celery(name: str, pool: tuple[str, ...], queues: str) -> Program:
    python = (sys.executable, "-m", "celery", "-q", "-A", "worker.celery", "worker")
    return Program(name, (*python, "-Q", queues, "-n", f"{name}@%h", *pool, *_QUIET), _FRUGAL)


def free_port(host: str, port: int, taken: tuple[int, ...] = ()) -> int:
    """The first port from ``port`` on that nobody listens at.

    Raises
    ------
    ServiceUnreachable
        If a hundred in a row are taken.
    """
    for candidate in range(port, min(port + _STEPS, 65_536)):
        if candidate in taken:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, candidate))
            return candidate
    msg = f"no free port on {host} from {port} to {port + _STEPS - 1}"
    raise ServiceUnreachable(msg)
