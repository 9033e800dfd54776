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
    has_ended: Callable[[int], bool],
    grace: float = GRACE,
) -> None:
    """Ask each group's leader to end; kill what it leaves behind, and all that do not end in time.

    Parameters
    ----------
    leaders
        Process ids that are also their group's id.
    has_ended
        Whether a leader runs no more.
    """
    waiting = list(leaders)
    for leader in waiting:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(leader, signal.SIGTERM)
    end = monotonic() + grace
    while waiting:
        is_late = monotonic() > end
        for leader in [one for one in waiting if is_late or has_ended(one)]:
            kill_group(leader)
            waiting.remove(leader)
        if waiting:
            sleep(_PAUSE)


def kill_group(leader: int) -> None:
    """Kill what is left of a group, at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def runs_no_more(pid: int) -> bool:
    """Whether a process that is not our child has ended, collected by its parent or not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib takes memory and time
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except ProcessLookupError:
        return True
    except OSError:
        return False  # not Linux: an uncollected one counts as running until the grace is over


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
    stop_groups(others, runs_no_more)
    stop_groups(needed, runs_no_more)


if __name__ == "__main__":
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)
    watch(iter(sys.stdin.readline, ""))
