"""The play: the log day by day through the front door, then the proof from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from select import select
from time import monotonic
from typing import Any, Final

from worker.demo.guests import PYTHON, Guest, guest, pipe_of
from worker.demo.quiet import await_quiet, move_clock
from worker.demo.theatre import Theatre, door_url, go_live
from worker.demo.venue import Played, Proof
from worker.demo.wanted import STORE, Wanted
from worker.errors import ShoalError

_LOOK: Final = 0.5  # seconds
_ENDING: Final = 4.0  # seconds: whoever ends Valkey ends a little later


@dataclass(frozen=True)
class Moment:
    """How far the play is: business time in microseconds, steps, the player's counts."""

    now: int
    step: int
    steps: int
    counts: Mapping[str, int]
    seconds: float


def play(wanted: Wanted, there: Theatre, on_step: Callable[[Moment], None]) -> Proof:
    """Play every day of the log, then take the proof from outside.

    Raises
    ------
    ShoalError
        Saying which process ended before its time, or what is still waited for.
    """
    try:
        played = _play(wanted, there, on_step)
        if wanted.sabotage in there.venue.sabotages:
            there.venue.sabotages[wanted.sabotage](there)
        return there.venue.proof(there, played)
    except ShoalError:
        there.require_up(_ENDING)  # the first cause, of which the others suffer
        raise


def _play(wanted: Wanted, there: Theatre, on_step: Callable[[Moment], None]) -> Played:
    with _player(wanted, there) as player:
        started = monotonic()
        told = _ask(there, player)
        steps, counts = int(told["steps"]), {}
        for step in range(steps):
            counts = _ask(there, player, "play")
            now = int(counts.pop("end"))
            there.venue.quiet()
            move_clock(there.kit, there.target, now)
            _settle(there)
            if step == 0:
                go_live(there.kit)
            on_step(Moment(now, step + 1, steps, counts, monotonic() - started))
        seconds = monotonic() - started
        _ask(there, player)
    return Played(counts=counts, seconds=seconds, peak_memory_mb=there.watch.peak_mb)


def _settle(there: Theatre) -> None:
    """Until neither side has anything left to do: what is pushed, a store may tell of again."""
    while True:
        await_quiet(there.kit, there.target, there.require_up)
        if not there.venue.quiet():
            return


@contextmanager
def _player(wanted: Wanted, there: Theatre) -> Iterator[Guest]:
    order = {
        "store": STORE,
        "door": door_url(there),
        "browser_key": there.browser_key,
        "seed": wanted.seed,
        "events": wanted.events,
        **there.venue.order,
    }
    with guest(there.outer, "player", [PYTHON, "-m", there.venue.player]) as player:
        _tell(player, json.dumps(order))
        yield player


def _tell(player: Guest, line: str) -> None:
    pipe = pipe_of(player.process.stdin)
    with suppress(BrokenPipeError):  # if it ended, the lack of an answer says so
        pipe.write(line + "\n")
        pipe.flush()


def _ask(there: Theatre, player: Guest, line: str = "") -> dict[str, Any]:
    if line:
        _tell(player, line)
    pipe = pipe_of(player.process.stdout)
    # At most one line is on its way, so nothing waits in a buffer that the kernel does not know of.
    while not select([pipe], [], [], _LOOK)[0]:
        there.require_up()
    answer = pipe.readline()
    if not answer:
        message = f"the player ended before its time: {player.complaint}"
        raise ShoalError(message)
    told: dict[str, Any] = json.loads(answer)
    return told
