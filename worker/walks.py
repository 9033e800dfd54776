"""What is known of each walk through a store's lists: since when, how far, when to go on.

A *backfill* reads once what was before Shoal; a *poll* reads again and again what changed. Both
are rows that every process can go on with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, select, update

from worker import bulk, models

Kind = Literal["backfill", "poll"]
EVERY: Final = 60_000_000  # microseconds between two polls
# Stores change a thing and list it a little later; what is read twice is applied once.
OVERLAP: Final = 120_000_000
_walks: Final = models.walks.c
_COLUMNS: Final = tuple(column.name for column in models.walks.columns)


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk as its row says it; times in operating time, int microseconds.

    Attributes
    ----------
    since
        The oldest change that is asked for.
    resume
        The connector's word for how far it is.
    every
        From one round to the next; 0: there is only one.
    next_at
        When to go on; 0: it is done.
    brought, expected
        Events of this round so far, and about how many there will be (0: unknown).
    failures
        Times in a row that the store did not answer; ``problem`` says how.
    """

    store: int
    kind: Kind
    since: int
    resume: str = ""
    every: int = 0
    next_at: int = 0
    began_at: int = 0
    done_at: int = 0
    brought: int = 0
    expected: int = 0
    failures: int = 0
    problem: str = ""


def keep(connection: Connection, walk: Walk) -> None:
    """Write a walk down."""
    row = tuple(getattr(walk, name) for name in _COLUMNS)
    bulk.upsert(connection, models.walks, _COLUMNS, [row])


def begin_backfill(connection: Connection, store: int, since: int, now: int) -> None:
    """Have everything that changed since then read once, beginning now."""
    keep(connection, Walk(store, "backfill", since, next_at=now, began_at=now))


def begin_polling(connection: Connection, store: int, now: int, every: int = EVERY) -> None:
    """Have changes read from now on, every so many microseconds."""
    before = walk_of(connection, store, "poll")
    since = before.since if before else now - OVERLAP
    keep(connection, Walk(store, "poll", since, every=every, next_at=now, began_at=now))


def stop(connection: Connection, store: int, kind: Kind) -> None:
    """Read no further."""
    connection.execute(delete(models.walks).where(_walks.store == store, _walks.kind == kind))


def walk_of(connection: Connection, store: int, kind: Kind) -> Walk | None:
    """A store's walk of a kind, if it has one."""
    query = select(models.walks).where(_walks.store == store, _walks.kind == kind)
    row = connection.execute(query).first()
    return None if row is None else _walk(row)


def due(connection: Connection, now: int, store: int | None = None) -> list[Walk]:
    """Walks to go on with, polls first: they are short and bring what is new."""
    wanted = (_walks.next_at > 0) & (_walks.next_at <= now)
    if store is not None:
        wanted &= _walks.store == store
    query = select(models.walks).where(wanted).order_by(_walks.kind.desc(), _walks.next_at)
    return [_walk(row) for row in connection.execute(query)]


def hurry(connection: Connection, store: int, now: int) -> None:
    """Go on with a store's walks now, whatever they were waiting for."""
    is_open = (_walks.store == store) & (_walks.next_at > now)
    connection.execute(update(models.walks).where(is_open).values(next_at=now))


def advanced(walk: Walk, resume: str, brought: int, now: int) -> Walk:
    """After a stretch: further on, the store answers again."""
    total = walk.brought + brought
    return replace(walk, resume=resume, brought=total, next_at=now, failures=0, problem="")


def finished(walk: Walk, now: int) -> Walk:
    """After the last stretch: done, or waiting for a round that begins where this one did."""
    done = replace(walk, resume="", next_at=0, done_at=now, failures=0, problem="")
    if not walk.every:
        return done
    next_at = max(walk.began_at + walk.every, now)
    return replace(
        done,
        since=walk.began_at - OVERLAP,
        began_at=next_at,
        next_at=next_at,
        brought=0,
        expected=0,
    )


def failed(walk: Walk, now: int, wait: float, problem: str) -> Walk:
    """After a call that failed: to be tried again after so many seconds."""
    return replace(
        walk,
        next_at=now + int(wait * 1_000_000),
        failures=walk.failures + 1,
        problem=problem,
    )


def _walk(row: Row[Any]) -> Walk:
    return Walk(**{name: getattr(row, name) for name in _COLUMNS})
