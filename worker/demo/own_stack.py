"""`shoal up` as a process of its own: the demo plays against what a user starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Final

from worker.demo.guests import SHOAL, Guest, guest
from worker.errors import ServiceUnreachable, ShoalError
from worker.settings import Settings
from worker.supervisor import Stack
from worker.web.listeners import Listening, read_listening

_UP: Final = (*SHOAL, "up")
_PATIENCE: Final = 60.0  # seconds for the stack to come up
_STOPPING: Final = 30.0  # seconds: twice what its supervisor gives its processes, and some
_LOOK: Final = 0.05


@contextmanager
def own_stack(outer: Stack) -> Iterator[tuple[Guest, Listening]]:
    """The stack for ``outer.settings``; its process and where it listens.

    Parameters
    ----------
    outer
        Its guardian ends everything should this process be killed.

    Raises
    ------
    ShoalError
        In the words of `shoal up`, if that does not start.
    """
    with guest(outer, "up", _UP, outer.environment, _STOPPING) as up:
        yield up, _await_door(outer.settings, up)


def _await_door(settings: Settings, up: Guest) -> Listening:
    end = monotonic() + _PATIENCE
    while monotonic() < end:
        listening = read_listening(settings)
        if listening is not None:
            return listening
        if up.process.poll() is not None:
            raise ShoalError(up.complaint)
        sleep(_LOOK)
    message = f"the door did not open in {_PATIENCE:g} s; with --keep the logs stay"
    raise ServiceUnreachable(message)
