"""Delivering one store's due actions: claim, ask the world again, push, write down what came of it.

Whoever rings sets the store's bell and sends the Celery task; the bell stays set while we work and
is our lease. A delivery hands over after `SLICE`, so that a store with much to push, or a slow one,
keeps no thread from the others. Everything may be repeated: a claim runs out by itself, a push
changes nothing the second time, an event appended twice stops at the log.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Final

from sqlalchemy import select

from connectors.errors import (
    AccessDenied,
    Conflict,
    ConnectorError,
    Permanent,
    RateLimited,
    Retriable,
    WebhookRejected,
)
from connectors.events import microseconds
from worker import circuits, claims, lines, models, outcomes, stream
from worker.celery import DELIVER
from worker.circuits import CLOSED, Circuit
from worker.claims import Claimed
from worker.database import reading, transaction
from worker.doors import Door, door_of
from worker.due import is_claimable
from worker.errors import CannotOpen
from worker.outcomes import MOST_TRIES, Outcome
from worker.pushes import Line, Unreadable, push
from worker.runtime import Kit

BATCH: Final = 50
THREADS: Final = 6  # pushes to one store at a time
SLICE: Final = 1.5  # seconds
# Kinds that the store itself answers; an outgoing webhook goes to somebody else's host.
THE_STORES: Final = frozenset({"coupon", "revoke", "recommend", "tag", "look_up"})
_SECOND: Final = 1_000_000  # microseconds
_log: Final = logging.getLogger("shoal.deliver")


def deliver(kit: Kit, store: int) -> None:
    """Push what a store has due, for a slice of time.

    Parameters
    ----------
    store
        Its number; whoever sent us set its bell.
    """
    bell, until, is_silent = stream.deliver_bell(store), monotonic() + SLICE, False
    while True:
        stream.renew(kit.redis, bell)
        if deliver_batch(kit, store, until):
            is_silent = False
        elif is_silent:
            return
        else:
            stream.silence(kit.redis, bell)
            is_silent = True
            if not _has_more(kit, store) or not stream.ring(kit.redis, bell):
                return
        if monotonic() > until:
            kit.send(DELIVER, store)
            return


def deliver_batch(kit: Kit, store: int, until: float) -> int:
    """Claim and push one batch; how many actions were claimed.

    Parameters
    ----------
    until
        Monotonic time after which no further push begins; what is left over goes back.
    """
    now = kit.clock()
    before = circuits.circuit(kit.redis, store)
    limit = before.allows(now.timestamp())
    if limit == 0:
        return 0
    wall = microseconds(now)
    with transaction(kit.engine) as connection:
        door = door_of(connection, store, wall)
        if door is None or door.store.paused:
            return 0
        claimed = claims.claim(connection, store, door.now, wall, limit or BATCH)
        holding, withdrawn = claims.recheck(connection, store, claimed, door.now)
        outcomes.withdraw(connection, withdrawn, wall)
    if holding:
        _push_all(kit, door, holding, Turn(kit, before, until))
    return len(claimed)


@dataclass(slots=True)
class Turn:
    """What the threads of one batch know together.

    Attributes
    ----------
    until
        Monotonic time after which no push begins.
    circuit
        The store's, as the answers of this batch move it.
    is_over
        Whether the rest of the batch is spared: the store is down, asks for patience or refuses us.
    """

    kit: Kit
    circuit: Circuit
    until: float
    is_over: bool = False
    lock: Lock = field(default_factory=Lock)

    def now(self) -> int:
        """Operating time, int microseconds."""
        return microseconds(self.kit.clock())

    def answered(self) -> None:
        """The store was there."""
        with self.lock:
            if not self.is_over:
                self.circuit = CLOSED

    def unavailable(self, error: Retriable) -> None:
        """The store was not there, or asks for patience."""
        seconds = self.kit.clock().timestamp()
        with self.lock:
            if isinstance(error, RateLimited):
                self.circuit = circuits.limited(seconds, error.retry_after)
            else:
                self.circuit = circuits.failed(
                    self.circuit,
                    seconds,
                    error.retry_after,
                    random.random(),  # noqa: S311 - spreads load
                )
            self.is_over = self.is_over or self.circuit.allows(seconds) == 0


def _push_all(kit: Kit, door: Door, holding: Sequence[Claimed], turn: Turn) -> None:
    before = turn.circuit
    try:
        line = lines.line_to(kit, door.store)
    except (ConnectorError, CannotOpen) as error:
        done = [
            Outcome(one, "due", turn.now(), pauses=str(error), was_tried=False) for one in holding
        ]
    else:
        done = _in_parallel(turn, line, holding, stream.deliver_bell(door.store.number))
    if turn.circuit != before:
        circuits.keep(kit.redis, door.store.number, turn.circuit)
    outcomes.bring_back(kit, door, done)
    with transaction(kit.engine) as connection:
        outcomes.settle(connection, kit.sealer, door, done)


def _in_parallel(turn: Turn, line: Line, holding: Sequence[Claimed], bell: str) -> list[Outcome]:
    """Push several actions at a time; the bell stays set, so that no twin takes another thread."""
    with ThreadPoolExecutor(min(THREADS, len(holding)), "push") as pool:
        tries = [pool.submit(attempt, turn, line, action) for action in holding]
        while wait(tries, timeout=stream.BELL_MS / 2_000).not_done:
            stream.renew(turn.kit.redis, bell)
    return [one.result() for one in tries]


def attempt(turn: Turn, line: Line, action: Claimed) -> Outcome:
    """Push one action. Raises nothing, whatever a platform or a connector does."""
    if turn.is_over or monotonic() > turn.until:
        return Outcome(action, "due", turn.now(), try_at=turn.now(), was_tried=False)
    try:
        events = push(line, action, turn.kit.clock())
    except Retriable as error:
        if action.kind in THE_STORES:
            turn.unavailable(error)
        return _again(turn, action, error)
    except AccessDenied as error:
        return _locked_out(turn, action, error)
    except (Permanent, WebhookRejected) as error:
        return _refused(turn, action, error)
    except Exception as error:  # noqa: BLE001 - a connector's own mistake must not stop the others
        _log.warning("push_failed", exc_info=error, extra={"store": line.store.id})
        return _again(turn, action, error)
    if action.kind in THE_STORES:
        turn.answered()
    gone = "gone" if action.kind == "look_up" and not events else ""
    return Outcome(action, "done", turn.now(), gone, events=events)


def _locked_out(turn: Turn, action: Claimed, error: AccessDenied) -> Outcome:
    """Our credentials do not suffice: that concerns the whole store, if it was the store."""
    if action.kind not in THE_STORES:
        return _refused(turn, action, error)
    turn.is_over = True
    now = turn.now()
    return Outcome(action, "due", now, try_at=now, was_tried=False, pauses=str(error))


def _again(turn: Turn, action: Claimed, error: Exception) -> Outcome:
    now, problem = turn.now(), getattr(error, "problem", type(error).__name__)
    if action.tries + 1 >= MOST_TRIES:
        return Outcome(action, "refused", now, "gave_up", detail=problem)
    seconds = outcomes.wait_before(action.tries, getattr(error, "retry_after", None))
    return Outcome(action, "due", now, try_at=now + int(seconds * _SECOND), detail=problem)


def _refused(turn: Turn, action: Claimed, error: ConnectorError) -> Outcome:
    reason = "refused"
    if isinstance(error, Conflict):
        reason = "conflict"
    elif isinstance(error, Unreadable | WebhookRejected):
        reason = "unreadable"
    elif action.kind in THE_STORES:
        turn.answered()
    return Outcome(action, "refused", turn.now(), reason, detail=str(error))


def _has_more(kit: Kit, store: int) -> bool:
    wall = microseconds(kit.clock())
    with reading(kit.engine) as connection:
        door = door_of(connection, store, wall)
        if door is None or door.store.paused:
            return False
        actions = models.actions.c
        query = select(actions.key).where(actions.store == store, is_claimable(door.now, wall))
        return connection.execute(query.limit(1)).first() is not None
