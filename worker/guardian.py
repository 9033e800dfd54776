"""Ends process groups when the supervisor is gone, however it went.

Runs as a process of its own (``python -I -S guardian.py``) with the read end of a pipe as standard
input. The supervisor writes ``+pid`` for a group it started, ``=pid`` for one that the others need
(Valkey: it ends last), ``-pid`` for one that is gone; end of file means that it died, by kill -9
too. Imports nothing that takes time or memory.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic, sleep

GRACE = 8.0  # seconds between asking and killing
_PAUSE = 0.05


def stop_groups(
    leaders: Iterable[int],
    is_gone: Callable[[int], bool],
    grace: float = GRACE,
) -> None:
    """Ask each group's leader to end, wait, and kill whatever is left of the groups.

    Parameters
    ----------
    leaders
        Process ids that are also their group's id.
    is_gone
        Whether nobody of a group is left.
    """
    waiting = list(leaders)
    for leader in waiting:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(leader, signal.SIGTERM)
    end = monotonic() + grace
    while waiting and monotonic() < end:
        waiting = [leader for leader in waiting if not is_gone(leader)]
        if waiting:
            sleep(_PAUSE)
    for leader in waiting:
        kill_group(leader)


def kill_group(leader: int) -> None:
    """Kill what is left of a group, at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_empty(leader: int) -> bool:
    """Whether nobody of a group is left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def watch(lines: Iterable[str]) -> None:
    """Keep the list of groups until the lines end, then end the groups."""
    others: dict[int, None] = {}
    needed: dict[int, None] = {}
    for line in lines:
        sign, leader = line[0], int(line[1:])
        if sign == "-":
            others.pop(leader, None)
            needed.pop(leader, None)
        else:
            (needed if sign == "=" else others)[leader] = None
    stop_groups(others, is_empty)
    stop_groups(needed, is_empty)


if __name__ == "__main__":
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)
    watch(iter(sys.stdin.readline, ""))
