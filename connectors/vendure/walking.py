"""Through lists that change while they are read, and back into the order of their versions."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar

import msgspec

PAGE: Final = 100
# Some databases keep whole seconds, and Vendure's `after` leaves out what is equal.
OVERLAP: Final = timedelta(seconds=2)


class Dated(Protocol):
    """Anything with an id and a time that the list is sorted by."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def updated_at(self) -> datetime:
        """When it changed."""


D = TypeVar("D", bound=Dated)
D_co = TypeVar("D_co", bound=Dated, covariant=True)
V = TypeVar("V", bound=Dated)
Key = tuple[datetime, datetime, int, str]


class Fetch(Protocol[D_co]):
    """Reads at most ``PAGE`` entries later than ``after``.

    Oldest first; where ``until`` is given those up to it, by id, from a number on.
    """

    def __call__(
        self, after: datetime, until: datetime | None = None, skip: int = 0
    ) -> tuple[D_co, ...]:
        """The page."""


def walked(
    fetch: Fetch[D], since: datetime, at: Callable[[D], datetime] | None = None
) -> Iterator[D]:
    """Every entry of a list that is sorted by a time, each state once, oldest first.

    A page begins where the last one ended in time, not in number: entries that change meanwhile
    move to the end, and counting would then skip their neighbours. Where more than a page has one
    time (an import), these are counted through by id, because nothing else orders them.

    Parameters
    ----------
    since
        Where to begin.
    at
        The time that the list is sorted by, where it is not ``updated_at``.
    """
    when = at or (lambda entry: entry.updated_at)
    after = since - OVERLAP
    seen: dict[tuple[str, datetime], datetime] = {}
    while True:
        page = fetch(after)
        is_last = len(page) < PAGE
        reached = when(page[-1]) if page else after
        if not is_last and reached - OVERLAP <= after:
            page = _crowd(fetch, after, reached)
            page = tuple(sorted(page, key=lambda entry: key_of(entry, when(entry))))
        else:
            reached -= OVERLAP
        fresh = [entry for entry in page if (entry.id, when(entry)) not in seen]
        seen.update({(entry.id, when(entry)): when(entry) for entry in fresh})
        yield from fresh
        if is_last:
            return
        after = reached
        seen = {key: time for key, time in seen.items() if time > after}


def _crowd(fetch: Fetch[D], after: datetime, until: datetime) -> tuple[D, ...]:
    """Everything between two times that more than a page shares."""
    found: tuple[D, ...] = ()
    while True:
        page = fetch(after, until, len(found))
        found += page
        if len(page) < PAGE:
            return found


def in_order(
    entries: Iterable[tuple[datetime, V]], version: Callable[[V], datetime]
) -> Iterator[tuple[V, Place]]:
    """Entries in the order of their versions, each with the place to go on from behind it.

    Parameters
    ----------
    entries
        Each with a time that never falls and never passes its version, so what has a version before
        the time just read may go. What still waits was read before: a later walk begins there.
    """
    waiting: list[tuple[Key, datetime, V]] = []
    behind: deque[tuple[str, datetime]] = deque()
    gone: set[str] = set()

    def leave(reached: datetime) -> tuple[V, Place]:
        key, _, entry = heapq.heappop(waiting)
        gone.add(entry.id)
        while behind and behind[0][0] in gone:
            gone.discard(behind.popleft()[0])
        return entry, Place(behind[0][1] if behind else reached, key)

    bound = None
    for bound, entry in entries:
        heapq.heappush(waiting, (key_of(entry, version(entry)), bound, entry))
        behind.append((entry.id, bound))
        while waiting and waiting[0][0][0] < bound:
            yield leave(bound)
    while waiting and bound is not None:
        yield leave(bound)


def key_of(entry: Dated, version: datetime) -> Key:
    """What orders entries: version, then the order of the list, in which ids may be numbers."""
    return version, entry.updated_at, len(entry.id), entry.id


class Place(msgspec.Struct, frozen=True):
    """How far a walk came: the time to read from, and the key of the last that was given out."""

    floor: datetime
    last: Key

    @property
    def word(self) -> str:
        """The place as text."""
        return " ".join((_text(self.floor), _text(self.last[0]), _text(self.last[1]), self.last[3]))

    @classmethod
    def of(cls, word: str) -> Place:
        """A place from its text.

        Raises
        ------
        ValueError
            If it is none.
        """
        floor, version, updated, key = word.split(" ", 3)
        times = [datetime.fromisoformat(each) for each in (floor, version, updated)]
        return cls(times[0], (times[1], times[2], len(key), key))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
