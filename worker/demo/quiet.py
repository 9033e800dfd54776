"""When the stack has nothing left to do: only then may the log's clock move on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final

from sqlalchemy import Connection, select

from connectors.events import Event, event_id, microseconds, moment
from worker import models, stream
from worker.celery import DRAIN
from worker.database import reading
from worker.errors import ShoalError
from worker.pending import partitions_with_work
from worker.runtime import Kit

PATIENCE: Final = 180.0  # seconds without an end before something must be wrong
_PAUSE: Final = 0.004  # seconds


@dataclass(frozen=True, slots=True)
class Target:
    """The store that the log is played into."""

    number: int
    id: str
    partition: int


class NeverQuiet(ShoalError):
    """The stack does not come to rest."""


def move_clock(kit: Kit, target: Target, now: int) -> None:
    """Tell the store that business time is ``now`` (int microseconds); the drain does the rest."""
    at = moment(now)
    told = Event(
        id=event_id(target.id, "clock_ticked", at, "player"),
        store=target.id,
        type="clock_ticked",
        at=at,
        received_at=max(at, kit.clock()),
        source="shoal",
    )
    if stream.append(kit.redis, target.partition, [told]):
        kit.send(DRAIN, target.partition)


def await_quiet(
    kit: Kit,
    target: Target,
    require_up: Callable[[], None] = lambda: None,
    patience: float = PATIENCE,
) -> None:
    """Wait until nothing is unread, due, to be pushed or to be learned.

    Parameters
    ----------
    require_up
        Raises if there is nobody left to do it.

    Raises
    ------
    NeverQuiet
        Saying what is still waited for.
    """
    end = monotonic() + patience
    while True:
        # An action that was pushed has appended its word before it is done: look at the stream
        # before and after.
        waits = _unread(kit, target) or _waits(kit, target) or _unread(kit, target)
        if not waits:
            return
        require_up()
        if monotonic() > end:
            message = (
                f"after {patience:g} s there is still work: {waits}; with --keep the logs stay"
            )
            raise NeverQuiet(message)
        sleep(_PAUSE)


def _unread(kit: Kit, target: Target) -> str:
    unread = stream.unread(kit.redis, target.partition)
    return f"{unread} events to apply" if unread else ""


def _waits(kit: Kit, target: Target) -> str:
    with reading(kit.engine) as connection:
        return (
            _to_push(connection, target)
            or _to_learn(connection, target)
            or _timers(connection, target, microseconds(kit.clock()))
        )


def _to_push(connection: Connection, target: Target) -> str:
    actions, stores = models.actions.c, models.stores.c
    row = connection.execute(
        select(actions.key, stores.paused)
        .join(stores.number.table, stores.number == actions.store)
        .where(actions.store == target.number, actions.state == "due")
        .where(actions.due_at <= stores.now)
        .limit(1)
    ).first()
    if row is None:
        return ""
    return f"actions to push (the store is paused: {row.paused})" if row.paused else "actions"


def _to_learn(connection: Connection, target: Target) -> str:
    learning = models.learning.c
    wanted = (learning.store == target.number) & (learning.wanted_at > learning.learned_at)
    found = connection.execute(select(learning.store).where(wanted)).first()
    return "a model to learn" if found else ""


def _timers(connection: Connection, target: Target, wall: int) -> str:
    return "timers" if target.partition in partitions_with_work(connection, wall) else ""
