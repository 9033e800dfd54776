"""How good a store's events are: a score a day, what is held, which fields are filled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, or_, select

from connectors.demographics import DEMOGRAPHICS
from connectors.events import moment
from worker import models, tallies
from worker.legible import decoded
from worker.quality_checks import HELD, PASSED, REASONS, RELEASING, TALLY

if TYPE_CHECKING:  # the sweep asks for scores only: no campaigns, no numpy
    from worker.shop import Shop

FEW: Final = 20  # events; a day with fewer says nothing
_PAGE: Final = 20_000  # customers
_letters: Final = models.dead_letters.c
_people: Final = models.customers.c


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a store: events that passed the gate, and those that did not, by reason.

    The last includes what was kept without being added (``foreign_currency``).
    """

    day: str
    passed: int
    failed: Mapping[str, int]

    @property
    def events(self) -> int:
        """All that came."""
        return self.passed + sum(self.failed.values())

    @property
    def score(self) -> float:
        """Share of the events that passed, 0 to 1."""
        return self.passed / self.events if self.events else 1.0


@dataclass(frozen=True, slots=True)
class HeldEvents:
    """What a store holds for one reason: how many events, the first and the last by receipt."""

    reason: str
    events: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Filled:
    """How many of a store's customers have a field."""

    field: str
    customers: int
    share: float


def days_of(counts: Mapping[tuple[str, str], int], since: str = "") -> list[Day]:
    """The days that a store's tallies tell of, from ``since`` (ISO) on, newest first."""
    by_day: dict[str, Counter[str]] = defaultdict(Counter)
    for (name, label), count in counts.items():
        if name == TALLY:
            day, _, reason = label.partition("|")
            if day >= since:
                by_day[day][reason] += count
    return [
        Day(day, reasons.pop(PASSED, 0), dict(reasons))
        for day, reasons in sorted(by_day.items(), reverse=True)
    ]


def is_low(day: Day, least: int) -> bool:
    """Whether less than ``least`` percent of a day's events passed; never of a few events."""
    return day.events >= FEW and day.score * 100 < least


def scores(connection: Connection, shop: Shop, days: int) -> list[Day]:
    """The scores of the last so many days of a store's time, newest first; none where none came."""
    since = moment(shop.now) - timedelta(days=days - 1)
    return days_of(tallies.read(connection, shop.number), since.date().isoformat())


def today_score(counts: Mapping[tuple[str, str], int], now: int) -> Day | None:
    """Today's score of a store, of its tallies; None before the first event of the day.

    Parameters
    ----------
    now
        The store's time, int microseconds.
    """
    today = moment(now).date().isoformat()
    return next((day for day in days_of(counts, today) if day.day == today), None)


def low_score(counts: Mapping[tuple[str, str], int], now: int, least: int) -> str:
    """What is to be said of a day below ``least`` percent; empty if it is not, or few came."""
    day = today_score(counts, now)
    if day is None or not is_low(day, least):
        return ""
    worst = ", ".join(f"{count:,} {one}" for one, count in Counter(day.failed).most_common(3))
    return f"{day.score:.1%} of today's {day.events:,} events passed the gate ({worst})"


def low_stores(connection: Connection, wall: int, least: int) -> Iterator[tuple[str, str]]:
    """Stores on the wall's clock whose day is below ``least`` percent, and what is to be said.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    stores, counted = models.stores.c, models.tallies.c
    today = moment(wall).date().isoformat()
    rows = connection.execute(
        select(stores.id, counted.label, counted["count"])
        .join(models.tallies, counted.store == stores.number)
        .where(
            stores.clock == "wall",
            counted.name == TALLY,
            counted.label.in_([f"{today}|{one}" for one in (PASSED, *REASONS)]),
        )
    )
    by_store: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for name, label, count in rows:
        by_store[str(name)][TALLY, str(label)] = int(count)
    for name, counts in sorted(by_store.items()):
        if said := low_score(counts, wall, least):
            yield name, said


def held(connection: Connection, store: str) -> list[HeldEvents]:
    """What a store holds, most first."""
    rows = connection.execute(
        select(_letters.reason, func.count(), func.min(_letters.at), func.max(_letters.at))
        .where(_letters.store == store, _letters.state.in_((HELD, RELEASING)))
        .group_by(_letters.reason)
        .order_by(func.count().desc(), _letters.reason)
    )
    return [
        HeldEvents(str(reason), int(count), moment(first).isoformat(), moment(last).isoformat())
        for reason, count, first, last in rows
    ]


def held_ids(connection: Connection, store: str, reason: str, limit: int) -> list[tuple[str, ...]]:
    """The newest held events, without what they say: (id, reason, received)."""
    query = select(_letters.id, _letters.reason, _letters.at).where(
        _letters.store == store, _letters.state.in_((HELD, RELEASING))
    )
    if reason:
        query = query.where(_letters.reason == reason)
    rows = connection.execute(query.order_by(_letters.at.desc(), _letters.id).limit(limit))
    return [(bytes(row.id).hex(), str(row.reason), moment(row.at).isoformat()) for row in rows]


def completeness(connection: Connection, shop: Shop) -> tuple[int, list[Filled]]:
    """How many customers there are, visitors apart, and how many of them have each attribute.

    The demographic ones always. Read a page at a time; what is sealed is not opened.
    """
    customers, filled = 0, Counter(dict.fromkeys(DEMOGRAPHICS, 0))
    for page in _pages(connection, shop.number):
        customers += len(page)
        for text in page:
            # Beside each stands who said so and when: gender.from, gender.at.
            filled.update(name for name in decoded(text) or () if "." not in name)
    found = [
        Filled(name, count, count / customers if customers else 0.0)
        for name, count in sorted(filled.items())
    ]
    return customers, found


def _pages(connection: Connection, store: int) -> Iterator[list[str]]:
    last = 0
    while True:
        rows = connection.execute(
            select(_people.id, _people.attributes)
            .where(
                _people.store == store,
                _people.id > last,
                or_(_people.platform_id != "", _people.is_known),
                _people.merged_into.is_(None),
            )
            .order_by(_people.id)
            .limit(_PAGE)
        ).all()
        if not rows:
            return
        yield [str(row.attributes) for row in rows]
        last = int(rows[-1].id)
