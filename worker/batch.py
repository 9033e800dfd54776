"""One store's share of a batch, from events to effects, as the rooms of the drain pass it on.

It lives inside one transaction and one process; nothing of it is kept. Each room reads what the
rooms before it wrote here and adds its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from campaigns.facts import Column
from connectors.events import Event
from worker.identities import Directory
from worker.orders import Change, RefundRow
from worker.roster import Roster
from worker.shop import Shop

FactTuple = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """An event and the customer it is about (0: nobody's)."""

    event: Event
    customer: int


@dataclass(frozen=True, slots=True)
class Move:
    """A customer's change of segment. ``number`` counts that customer's changes from 1."""

    customer: int
    number: int
    at: int
    before: str
    after: str
    group_before: str
    group_after: str
    cause: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer entered a segment by rule, or left it. ``number`` counts their changes of it."""

    segment: str
    customer: int
    number: int
    at: int
    entered: bool
    cause: str
    version: int


@dataclass(frozen=True, slots=True)
class Wake:
    """A campaign's trigger went off for a customer.

    ``at`` is when it happened or was due, ``accepted_at`` the operating time at which the webhook
    behind it was accepted (0: a timer, the clock). ``details`` are facts the event itself says.
    """

    campaign: str
    customer: int
    occasion: str
    at: int
    accepted_at: int = 0
    details: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Timer:
    """A row of the timers table."""

    kind: str
    key: str
    customer: int
    campaign: str
    occasion: str
    due_at: int
    since: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Which timers may fire in a batch.

    Attributes
    ----------
    horizon
        Operating time (int microseconds) before which everything received has been read; timers
        due later wait. 0: all of them wait.
    timers
        How many of each store may fire.
    store
        Only this store's; empty: everyone's.
    """

    horizon: int
    timers: int = 1_000
    store: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """One of our codes that really discounted a new sale."""

    subject: Subject
    campaign: str
    customer: int
    order_id: str


@dataclass(slots=True)
class Batch:
    """What is known of one store's batch so far.

    Attributes
    ----------
    shop, now
        The store, and its business time for this batch (int microseconds).
    directory, subjects
        Who is who, and every new event with its customer, in order of arrival.
    due
        Timers that fire in this batch.
    audiences
        Customers whom due schedules wake, by campaign.
    unowned
        Events that wait until their order is known.
    sales, refunds, redeemed
        Changes of orders, changed refunds, and our codes that discounted a new sale.
    facts
        Rows of ``segmentation.running.Facts``, the first column a customer's id for now.
    drifted
        Customers whom a tick found elsewhere by a rule whose moment nobody computes.
    known_in
        Customer → stages and groups in which campaigns knew those who yield to them.
    recompute
        Customers whose purchases must be computed again from all their orders.
    moves, entries, wakes
        Changes of stage and group; of rule segments; campaigns woken.
    tallies
        Counts to add, by (name, label).
    columns_seen
        Columns over the roster that campaigns have asked for, by fact name.
    typical_order_value
        The store's average order value in minor units, once something asked for it.
    """

    shop: Shop
    now: int
    directory: Directory
    subjects: list[Subject]
    roster: Roster
    due: list[Timer] = field(default_factory=list)
    audiences: dict[str, list[int]] = field(default_factory=dict)
    unowned: list[Event] = field(default_factory=list)
    sales: list[tuple[Change, Subject]] = field(default_factory=list)
    refunds: list[RefundRow] = field(default_factory=list)
    redeemed: list[Redemption] = field(default_factory=list)
    facts: list[FactTuple] = field(default_factory=list)
    drifted: set[int] = field(default_factory=set)
    known_in: dict[int, set[str]] = field(default_factory=dict)
    recompute: set[int] = field(default_factory=set)
    moves: list[Move] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)
    set_timers: list[Timer] = field(default_factory=list)
    dropped_timers: list[tuple[str, str]] = field(default_factory=list)
    tallies: dict[tuple[str, str], int] = field(default_factory=dict)
    columns_seen: dict[str, Column] = field(default_factory=dict)
    typical_order_value: int | None = None

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to a tally."""
        key = (name, label)
        self.tallies[key] = self.tallies.get(key, 0) + by


def utc_offset(event: Event, zone: ZoneInfo | None, at: datetime | None = None) -> int:
    """Seconds that local time was ahead of UTC: the event's own word, else the store's zone.

    ``at`` is when the fact happened, where that is not the event's time.
    """
    stated = event.properties.get("utc_offset")
    if isinstance(stated, int | float):
        return int(stated)
    return offset_at(zone, at or event.at)


def offset_at(zone: ZoneInfo | None, at: datetime) -> int:
    """Seconds that a zone's time (None: UTC) is ahead of UTC at a moment."""
    if zone is None:
        return 0
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
