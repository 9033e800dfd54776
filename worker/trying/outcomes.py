"""What each ready campaign would have done, and why not for everybody in its segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from campaigns.campaign import Campaign
from campaigns.conditions import ALWAYS
from campaigns.sentences import sentence
from campaigns.steps import CouponStep
from campaigns.triggers import CartTrigger, DateTrigger, SegmentTrigger
from connectors.records import exponent
from worker import models
from worker.shop import Running, Shop
from worker.trying.books import Book

SHOWN: Final = 10
BEFORE: Final = "before"  # in the segment before the campaign began to look
SILENT: Final = "silent"  # moved by a new model, which wakes no campaign
OTHER: Final = "other"
_WAKING: Final = frozenset({"event", "time"})  # causes of a change that wake campaigns
_NO_CARTS: Final = "needs carts; the file has none, a connected store tells of them"
_NO_BIRTHDAYS: Final = "needs birthdays; the file has none"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A segment's people at the end, by what a campaign that waits for entries did for them.

    ``others`` are counts by `BEFORE`, `SILENT`, `OTHER` or a reason of ``campaigns.reasons``; all
    counts together are ``customers``. ``gone`` were reached and are in the segment no longer.
    """

    segment: str
    customers: int
    reached: int
    control: int
    others: tuple[tuple[str, int], ...]
    gone: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a campaign would have done in the window.

    ``bought_anyway`` are those of ``reached`` who ordered within ``days`` without it; ``segments``
    are how many of them were in which stage; ``standing`` is who of its segment it did not reach,
    for a campaign that waits for people to enter one; ``held`` counts by reason (of
    ``campaigns.reasons``) the others whom it looked at; ``missing`` is why it could not be judged.
    """

    id: str
    description: str
    offer: str
    reached: int
    control: int
    coupons: int
    cost_at_most: float
    bought_anyway: int
    days: int
    segments: tuple[tuple[str, int], ...]
    people: tuple[str, ...]
    asks: str
    standing: Standing | None
    held: tuple[tuple[str, int], ...]
    missing: str = ""


def shown_id(platform_id: str, ours: int) -> str:
    """A customer's id in the store; ours where that is an address."""
    return f"customer {ours % (1 << 40)}" if "@" in platform_id or not platform_id else platform_id


def outcome_of(connection: Connection, shop: Shop, running: Running, book: Book) -> Outcome:
    """Read what a campaign left in the tables."""
    campaign = running.campaign
    decisions, people = models.decisions.c, models.customers.c
    rows = connection.execute(
        select(
            decisions.customer,
            decisions.outcome,
            decisions.cost,
            decisions.segment,
            decisions.at,
            people.platform_id,
        )
        .join(models.customers, people.id == decisions.customer)
        .where(decisions.store == shop.number, decisions.campaign == campaign.id)
        .order_by(decisions.at, decisions.customer)
    ).all()
    outcomes = {row.customer: str(row.outcome) for row in rows}
    held = _holds(connection, shop, campaign)
    fired = [row for row in rows if row.outcome == "fire"]
    coupons = [step for step in campaign.steps if isinstance(step, CouponStep)]
    stages: dict[str, int] = {}
    for row in fired:
        stage = str(row.segment).partition(".")[0]
        stages[stage] = stages.get(stage, 0) + 1
    cost = sum(row.cost for row in fired) / 10 ** exponent(shop.currency)
    reached = dict.fromkeys(row.customer for row in fired)
    ids = {row.customer: shown_id(row.platform_id, row.customer) for row in fired}
    return Outcome(
        id=campaign.id,
        description=campaign.description,
        offer=coupons[0].title if coupons else "no discount",
        reached=len(reached),
        control=len({row.customer for row in rows if row.outcome == "holdout"}),
        coupons=len(fired) * len(coupons),
        cost_at_most=round(cost, 2),
        bought_anyway=_bought_anyway(connection, shop, campaign, fired),
        days=campaign.goal.within.days,
        segments=tuple(sorted(stages.items(), key=lambda one: -one[1])),
        people=tuple(ids[customer] for customer in list(reached)[:SHOWN]),
        asks=sentence(campaign.condition) if campaign.condition != ALWAYS else "",
        standing=_standing(connection, shop, running, outcomes),
        held=_counted(held[one] for one in held.keys() - outcomes.keys()),
        missing=_missing(campaign, book),
    )


def _bought_anyway(connection: Connection, shop: Shop, campaign: Campaign, fired: list[Any]) -> int:
    """Of those a campaign would have reached, how many ordered soon after without it."""
    if not fired:
        return 0
    orders = models.orders.c
    rows = connection.execute(
        select(orders.customer, orders.at).where(
            orders.store == shop.number,
            orders.is_counted.is_(True),
            orders.at > min(row.at for row in fired),
        )
    )
    times: dict[int, list[int]] = {}
    for customer, at in rows:
        times.setdefault(customer, []).append(at)
    within = int(campaign.goal.within.total_seconds()) * 1_000_000
    came = {
        row.customer
        for row in fired
        if any(row.at < at <= row.at + within for at in times.get(row.customer, ()))
    }
    return len(came)


def _missing(campaign: Campaign, book: Book) -> str:
    if isinstance(campaign.trigger, CartTrigger) and not book.has_carts:
        return _NO_CARTS
    if isinstance(campaign.trigger, DateTrigger) and not book.has_birthdays:
        return _NO_BIRTHDAYS
    return ""


def _standing(
    connection: Connection, shop: Shop, running: Running, outcomes: Mapping[int, str]
) -> Standing | None:
    trigger = running.campaign.trigger
    if not isinstance(trigger, SegmentTrigger) or not trigger.enters:
        return None
    people = models.customers.c
    members = connection.execute(
        select(people.id).where(
            people.store == shop.number,
            people.orders > 0,
            people.merged_into.is_(None),
            or_(people.segment == trigger.segment, people.grouping == trigger.segment),
        )
    ).scalars()
    held = _holds(connection, shop, running.campaign)
    entries = _entries(connection, shop, trigger.segment)
    found: dict[int, str] = {}
    for one in members:
        at, cause = entries.get(one, (0, ""))
        if one in outcomes:
            found[one] = outcomes[one]
        elif at <= running.started_at:
            found[one] = BEFORE
        elif one in held:
            found[one] = held[one]
        else:
            found[one] = OTHER if cause in _WAKING else SILENT
    counts = dict(_counted(found.values()))
    fired = {one for one, outcome in outcomes.items() if outcome == "fire"}
    return Standing(
        segment=trigger.segment,
        customers=len(found),
        reached=counts.pop("fire", 0),
        control=counts.pop("holdout", 0),
        others=tuple(counts.items()),
        gone=len(fired - found.keys()),
    )


def _entries(connection: Connection, shop: Shop, segment: str) -> dict[int, tuple[int, str]]:
    """When, and for what cause, each customer last came into a stage or group."""
    changes = models.segment_changes.c
    rows = connection.execute(
        select(changes.customer, changes.at, changes.cause)
        .where(
            changes.store == shop.number,
            or_(
                (changes.segment_after == segment) & (changes.segment_before != segment),
                (changes.group_after == segment) & (changes.group_before != segment),
            ),
        )
        .order_by(changes.customer, changes.number)
    )
    return {row.customer: (row.at, row.cause) for row in rows}


def _holds(connection: Connection, shop: Shop, campaign: Campaign) -> dict[int, str]:
    holds = models.holds.c
    rows = connection.execute(
        select(holds.customer, holds.reason).where(
            holds.store == shop.number, holds.campaign == campaign.id
        )
    )
    return {row.customer: row.reason for row in rows}


def _counted(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda one: (-one[1], one[0])))
