"""Two listeners in one process, and the file that says where they are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from worker.errors import ServiceUnreachable
from worker.settings import Settings

LOOPBACK: Final = "127.0.0.1"
_STEPS: Final = 100
_BACKLOG: Final = 1024
_GRACE: Final = 8  # seconds that requests under way have at the end


@dataclass(frozen=True)
class Listening:
    """Where a web process listens, as ``SHOAL_HOME/run/web.json`` says it."""

    pid: int
    host: str
    port: int
    status_port: int


def bound(host: str, port: int) -> socket.socket:
    """A listening socket at the first free port from ``port`` on.

    Raises
    ------
    ServiceUnreachable
        If the address is not ours or a hundred ports in a row are taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + _STEPS, 65_536)):
        found = socket.socket(family)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, candidate))
            found.listen(_BACKLOG)
        except OSError:
            found.close()
            continue
        return found
    msg = f"cannot listen on {host} at any port from {port} to {port + _STEPS - 1}"
    raise ServiceUnreachable(msg)


def port_of(listener: socket.socket) -> int:
    """The port a socket is bound to."""
    return int(listener.getsockname()[1])


def write_listening(settings: Settings, listening: Listening) -> None:
    """Say where we listen; readers see the whole file or the one before."""
    folder = settings.home / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"web.json.{os.getpid()}"
    draft.write_text(json.dumps(asdict(listening)) + "\n")
    draft.replace(folder / "web.json")


def read_listening(settings: Settings) -> Listening | None:
    """Where the web process said it listens; None if none has. It may be gone since."""
    try:
        return Listening(**json.loads((settings.home / "run" / "web.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


async def serve(
    apps: Sequence[tuple[ASGIApp, socket.socket]], say_ready: Callable[[], None]
) -> None:
    """Serve each app at its socket until SIGTERM or SIGINT, then finish what is under way.

    ``say_ready`` is called once signals are heard; from then on an end is an orderly one.
    """
    servers = [(_Server(_config(app)), listener) for app, listener in apps]

    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(kind, stop)
    say_ready()
    await asyncio.gather(*(server.serve([listener]) for server, listener in servers))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses and paths of people are nobody's business
        lifespan="off",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=LOOPBACK,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE,
    )


class _Server(uvicorn.Server):
    """A server among others: signals are for all of them, so none takes them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
