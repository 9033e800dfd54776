"""`python -m worker.web`: the door and the status page until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import sys
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.errors import ShoalError
from worker.observability import set_up_logging
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import settings_from
from worker.web.counters import Counters
from worker.web.desk import make_desk
from worker.web.door import door_app
from worker.web.listeners import (
    LOOPBACK,
    Listening,
    bound,
    port_of,
    serve,
    write_listening,
)

# Seconds for each answer of Redis: twice that, and the sender hears 503.
_PATIENCE = 1.0


def main() -> int:
    """Serve from the environment; the exit code."""
    try:
        settings = settings_from(os.environ)
        set_up_logging(settings.log_level)
        run(open_kit(settings, patience=_PATIENCE))
    except ShoalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def run(kit: Kit) -> None:
    """Listen, say where, and serve.

    Raises
    ------
    ServiceUnreachable
        If there is no port.
    """
    settings = kit.settings
    door, status = bound(settings.host, settings.port), bound(LOOPBACK, settings.status_port)
    listening = Listening(os.getpid(), settings.host, port_of(door), port_of(status))
    for name, wanted, found in (
        ("SHOAL_PORT", settings.port, listening.port),
        ("SHOAL_STATUS_PORT", settings.status_port, listening.status_port),
    ):
        if wanted != found:
            sys.stdout.write(f"Port {wanted} is taken: using {found} ({name})\n")
    desk = make_desk(kit)
    desk.directory.start()
    try:
        apps = [(door_app(desk), door), (_status_app(kit, desk.counters), status)]
        asyncio.run(serve(apps, lambda: write_listening(settings, listening)))
    finally:
        desk.directory.stop()
        close_kit(kit)


def _status_app(kit: Kit, counters: Counters) -> ASGIApp:
    """The status app, made in a thread when somebody first asks.

    It needs numpy and campaigns, 20 MB that a door into which nobody looks does without.
    """
    made: list[ASGIApp] = []
    lock = Lock()

    def app() -> ASGIApp:
        from worker.web.status import status_app  # noqa: PLC0415 - see above

        with lock:
            if not made:
                made.append(status_app(kit, counters))
            return made[0]

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        await (await run_in_threadpool(app))(scope, receive, send)

    return ask


if __name__ == "__main__":
    sys.exit(main())
