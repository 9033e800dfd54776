"""The whole stack for one home, as `shoal up` and the demo run it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event
from typing import Final

from worker.embedded import stop_leftover
from worker.errors import SettingError
from worker.holding import holding, write_holder
from worker.programs import free_port, prepare_command, programs, valkey
from worker.secret_key import LOSS, ensure_secret_key
from worker.settings import PREFIX, Settings, environment_of
from worker.supervisor import Say, Stack, run_once, supervised

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NOTICE: Final = 1.0  # seconds until a signal is noticed at the latest


@contextmanager
def running(settings: Settings, say: Say = print) -> Iterator[Stack]:
    """Everything, started in order; stopped together at the end of the block.

    ``stack.settings`` holds the ports that were found free.

    Raises
    ------
    ShoalError
        Saying what stands in the way; nothing is left running.
    """
    say = _undisturbed(say)
    with holding(settings):
        settings = _with_free_ports(settings, say)
        made = ensure_secret_key(settings)
        if made is not None:
            say(LOSS.format(path=made))
        # Before any process reads the keys: one that is added meanwhile is not told as in use.
        write_holder(settings)
        environment = child_environment(settings)
        with supervised(settings, environment, say) as stack:
            if settings.is_embedded_redis:
                stop_leftover(settings)
                stack.start(valkey(settings))
            for line in run_once(settings, environment, prepare_command()):
                say(line)
            for program in programs(settings):
                stack.start(program)
            yield stack


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of this process with the settings as they are now."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**others, **environment_of(settings), "PYTHONUNBUFFERED": "1"}


def up(settings: Settings, say: Say = print) -> None:
    """Run the stack until Ctrl-C, SIGTERM or the terminal's end."""
    say(f"Everything is kept in {settings.home} (SHOAL_HOME)")
    with ending() as ended, running(settings, say) as stack:
        say(f"Webhooks: http://{stack.settings.host}:{stack.settings.port}/webhooks/STORE")
        say(f"Status page: http://127.0.0.1:{stack.settings.status_port}/")
        await_end(ended)
        stack.say("Stopping")


def await_end(ended: Event) -> None:
    """Wait for the event of :func:`ending`.

    A signal may reach another thread than the main one, which runs its handler: only a wait that
    ends now and then lets it.
    """
    while not ended.wait(_NOTICE):
        pass


@contextmanager
def ending() -> Iterator[Event]:
    """An event that is set when somebody asks this process to end."""
    ended = Event()
    before = {kind: signal.signal(kind, lambda *_: ended.set()) for kind in _ENDING}
    try:
        yield ended
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _undisturbed(say: Say) -> Say:
    def told(line: str) -> None:
        with suppress(OSError):  # the terminal may be closed; what runs must still be stopped
            say(line)

    return told


def _check_host(host: str) -> None:
    problem = ""
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", "") or "it is no host name"
    if problem:
        message = (
            f"SHOAL_HOST {host!r} cannot be listened on ({problem}): expected an address of this "
            "machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
        )
        raise SettingError(message)


def _with_free_ports(settings: Settings, say: Say) -> Settings:
    _check_host(settings.host)
    port = free_port(settings.host, settings.port)
    status_port = free_port("127.0.0.1", settings.status_port, taken=(port,))
    for name, wanted, found in (
        ("SHOAL_PORT", settings.port, port),
        ("SHOAL_STATUS_PORT", settings.status_port, status_port),
    ):
        if wanted != found:
            say(f"Port {wanted} is taken: using {found} ({name})")
    return replace(settings, port=port, status_port=status_port)
