"""Customers of a batch whose rows cannot be read: counted, logged, and taken as saying nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from worker import tallies
from worker.batch import Batch
from worker.legible import COLUMNS, NOTHING, TALLY, decoded, log_once
from worker.roster import Person

_MOST: Final = 100  # noted at a time: a table that is lost is told by its first rows


def said_by_all(batch: Batch, column: str) -> list[Mapping[str, Any]]:
    """What everybody in a batch's roster says; who cannot be read is counted and says nothing."""
    found = [decoded(getattr(one, column)) for one in batch.roster.people]
    if None in found:
        for person, its in zip(batch.roster.people, found, strict=True):
            if its is None:
                _note(batch, person.id, column)
    return [one or NOTHING for one in found]


def clear(batch: Batch, person: Person) -> None:
    """Empty what cannot be read of somebody's row that is about to be written anew."""
    for column in COLUMNS:
        if decoded(getattr(person, column)) is None:
            _note(batch, person.id, column)
            setattr(person, column, "{}")


def note_people(connection: Connection, people: Iterable[Person]) -> None:
    """Log and count those of some customers of a store whose rows cannot be read."""
    found = [(one, name) for one in people for name in COLUMNS if _is_lost(one, name)][:_MOST]
    for person, column in found:
        log_once(person.id, column)
        tallies.add(connection, person.store, {(TALLY, str(person.id)): 1})


def _is_lost(person: Person, column: str) -> bool:
    return decoded(getattr(person, column)) is None


def _note(batch: Batch, customer: int, column: str) -> None:
    log_once(customer, column)
    if sum(name == TALLY for name, _ in batch.tallies) < _MOST:
        batch.count(TALLY, str(customer))
