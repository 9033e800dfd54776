"""Putting what is held back through the door, or letting it go for good.

Releasing marks a page of held events ``releasing``, appends them to their store's stream and marks
them ``released``. Cut off anywhere, the next release goes on; the event's own id stops a second
copy at the log. An event whose time still lies ahead is held again by the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, select, update

from connectors.events import Event
from worker import models
from worker.database import reading, transaction
from worker.errors import CannotOpen, ShoalError
from worker.quality_checks import DROPPED, HELD, RELEASED, RELEASING
from worker.receiving import accept
from worker.runtime import Kit
from worker.stores import load_store

_PAGE: Final = 500
_letters: Final = models.dead_letters.c
Named = Sequence[str]


class NoHeldEvent(ShoalError):
    """What should name a held event does not."""

    exit_code = 2


@dataclass(slots=True)
class Released:
    """How a release went: events put back, those that could not be, and (id, why) of these."""

    released: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many stay held."""
        return len(self.problems)


def release(kit: Kit, store: str, reason: str = "", ids: Named = ()) -> Released:
    """Put held events of a store back into its stream: all, or those of a reason or of these ids.

    Raises
    ------
    NoHeldEvent
        If an id is none.
    BacklogFull, RedisDown
        What was not appended stays held.
    """
    chosen, done = _chosen(store, reason, ids), Released()
    with reading(kit.engine) as connection:
        partition = load_store(connection, store).partition
    # One that is named is put back again: a Redis that was lost may have taken it along.
    states = (HELD, RELEASING, RELEASED) if ids else (HELD, RELEASING)
    for rows in _pages(kit, chosen, states):
        _mark(kit, [row.id for row in rows], (HELD,), RELEASING)
        events: list[Event] = []
        for row in rows:
            try:
                clear = kit.sealer.open_bytes(store, bytes(row.sealed))
                events.append(msgspec.msgpack.decode(clear, type=Event))
            except (CannotOpen, msgspec.MsgspecError) as error:
                done.problems.append((bytes(row.id).hex(), _said(error)))
        accept(kit, partition, events)
        _mark(kit, [event.id for event in events], (RELEASING,), RELEASED)
        lost = [bytes.fromhex(one) for one, _ in done.problems]
        _mark(kit, lost, (RELEASING,), HELD)
        done.released += len(events)
    return done


def drop(kit: Kit, store: str, reason: str = "", ids: Named = ()) -> int:
    """Let held events go for good; how many. A redelivery of one stays dropped.

    Raises
    ------
    NoHeldEvent
        If an id is none.
    """
    with transaction(kit.engine) as connection:
        gone = connection.execute(
            update(models.dead_letters)
            .where(*_chosen(store, reason, ids), _letters.state == HELD)
            .values(state=DROPPED, sealed=None)
        )
    return int(gone.rowcount)


def _chosen(store: str, reason: str, ids: Named) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [_letters.store == store]
    if reason:
        chosen.append(_letters.reason == reason)
    if ids:
        chosen.append(_letters.id.in_([_named(one) for one in ids]))
    return chosen


def _pages(
    kit: Kit, chosen: Sequence[ColumnElement[bool]], states: Sequence[str]
) -> Iterator[Sequence[Any]]:
    last = b""
    while True:
        query = select(_letters.id, _letters.sealed).where(*chosen, _letters.state.in_(states))
        with reading(kit.engine) as connection:
            rows = connection.execute(
                query.where(_letters.id > last).order_by(_letters.id).limit(_PAGE)
            ).all()
        if not rows:
            return
        yield rows
        last = bytes(rows[-1].id)


def _mark(kit: Kit, ids: Sequence[bytes], before: Sequence[str], after: str) -> None:
    if not ids:
        return
    with transaction(kit.engine) as connection:
        connection.execute(
            update(models.dead_letters)
            .where(_letters.id.in_(ids), _letters.state.in_(before))
            .values(state=after)
        )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, CannotOpen) else f"not an event: {type(error).__name__}"


def _named(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        msg = f"held event {text!r}: expected an id as `shoal quality held` shows it"
        raise NoHeldEvent(msg) from None
