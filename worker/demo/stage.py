"""The play: the log day by day through the front door, then the proof from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx

from worker.database import reading
from worker.demo import sabotage
from worker.demo.figures import Seen, figures
from worker.demo.guests import Guest, guest, pipe_of
from worker.demo.proof import prove
from worker.demo.quiet import await_quiet, move_clock
from worker.demo.theatre import STORE, Theatre, Wanted, door_url, go_live
from worker.errors import ShoalError


@dataclass(frozen=True)
class Moment:
    """How far the play is: business time in microseconds, steps, the player's counts."""

    now: int
    step: int
    steps: int
    counts: Mapping[str, int]
    seconds: float


def play(wanted: Wanted, there: Theatre, on_step: Callable[[Moment], None]) -> Seen:
    """Play every day of the log, then take the proof from outside."""
    with _player(wanted, there) as player:
        started = monotonic()
        told = _ask(player)
        steps, counts = int(told["steps"]), {}
        for step in range(steps):
            counts = _ask(player, "play")
            now = int(counts.pop("end"))
            move_clock(there.kit, there.target, now)
            await_quiet(there.kit, there.target)
            if step == 0:
                go_live(there.kit)
            on_step(Moment(now, step + 1, steps, counts, monotonic() - started))
        seconds = monotonic() - started
        _ask(player)
    if wanted.sabotage == "double":
        sabotage.double_coupon(there.shop_url, there.shop_key)
    if wanted.sabotage == "skew":
        sabotage.skew_feature(there.kit, there.target.number)
    verdict = prove(wanted.folder, there)
    ledger = httpx.get(f"{there.shop_url}/_ledger").json()
    return Seen(
        player=counts,
        ledger=ledger,
        verdict=verdict,
        seconds=seconds,
        peak_memory_mb=there.watch.peak_mb,
    )


def results(there: Theatre, seen: Seen) -> dict[str, Any]:
    """The figures of a play."""
    with reading(there.kit.engine) as connection:
        return figures(connection, there.target.number, seen)


@contextmanager
def _player(wanted: Wanted, there: Theatre) -> Iterator[Guest]:
    order = {
        "store": STORE,
        "door": door_url(there),
        "shop": there.shop_url,
        "browser_key": there.browser_key,
        "webhook_secret": there.webhook_secret,
        "shop_key": there.shop_key,
        "seed": wanted.seed,
        "events": wanted.events,
        "days_a_step": wanted.days_a_step,
        "sent": str(wanted.folder / "sent.jsonl"),
        "drop": wanted.sabotage == "drop",
    }
    with guest(there.outer, "player", ["-m", "worker.demo.player"]) as player:
        _tell(player, json.dumps(order))
        yield player


def _tell(player: Guest, line: str) -> None:
    pipe = pipe_of(player.process.stdin)
    with suppress(BrokenPipeError):  # if it ended, the lack of an answer says so
        pipe.write(line + "\n")
        pipe.flush()


def _ask(player: Guest, line: str = "") -> dict[str, Any]:
    if line:
        _tell(player, line)
    answer = pipe_of(player.process.stdout).readline()
    if not answer:
        message = f"the player ended before its time: {player.complaint}"
        raise ShoalError(message)
    told: dict[str, Any] = json.loads(answer)
    return told
