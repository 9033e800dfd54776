"""What a campaign brought: whom it reached against its control group, read from the tables.

Intention to treat: a customer counts once, in the arm of the first live decision, whatever became
of the push. Only customers whose time for the goal has passed count, in both arms alike.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Subquery, and_, func, select

from campaigns.campaign import Goal
from campaigns.costs import money_text
from campaigns.durations import micros, said
from campaigns.measurement import Arm, Difference, Lift, lift, verdict
from connectors.records import exponent
from segmentation.catalogues import counted
from worker import models
from worker.campaign_files import running_campaign
from worker.shop import Shop

_OUTCOMES: Final = ("fire", "holdout")
_people: Final = models.customers.c


class Share(msgspec.Struct, frozen=True):
    """A value in either arm and the difference with its 95 % interval; None where unknown."""

    reached: float | None
    control: float | None
    difference: float | None
    low: float | None
    high: float | None


class Results(msgspec.Struct, frozen=True):
    """What a campaign brought.

    Attributes
    ----------
    reached, control
        Customers of each arm whose time for the goal has passed.
    waiting
        Customers whose time has not passed yet.
    conversion, revenue
        Shares; currency's main unit a head, of sales before refunds within the goal's time.
    is_clear
        Whether the conversions differ beyond chance, with enough customers to say so.
    said
        The same in sentences.
    """

    id: str
    event: str
    within: str
    currency: str
    reached: int
    control: int
    waiting: int
    conversion: Share
    revenue: Share
    is_clear: bool
    said: tuple[str, ...]


def results(connection: Connection, shop: Shop, campaign: str) -> Results:
    """What a campaign's live decisions have brought so far.

    Raises
    ------
    UnknownCampaign
        Naming the nearest one.
    """
    running = running_campaign(shop, campaign)
    goal = running.campaign.goal
    first = _first_decisions(shop, campaign)
    rows = connection.execute(select(first)).all()
    done = [row for row in rows if row.at + micros(goal.within) <= shop.now]
    converted = _converted(connection, shop, first, goal)
    revenue = _revenue(connection, shop, first, goal)
    reached, control = (
        Arm(
            np.array([one in converted for one in arm], np.bool_),
            np.array([revenue.get(one, 0) for one in arm], np.int64),
        )
        for arm in (
            [row.customer for row in done if row.outcome == outcome] for outcome in _OUTCOMES
        )
    )
    found = lift(reached, control)
    return Results(
        id=campaign,
        event=goal.event,
        within=said(goal.within),
        currency=shop.currency,
        reached=found.customers,
        control=found.control_customers,
        waiting=len(rows) - len(done),
        conversion=_share(found.conversion, 1.0),
        revenue=_share(found.revenue, 10.0 ** -exponent(shop.currency)),
        is_clear=found.is_clear,
        said=(*_said(found, shop.currency), *_still(len(rows), len(rows) - len(done), goal)),
    )


def rows(found: Results) -> tuple[tuple[str, ...], ...]:
    """Conversion and revenue as cells of a table."""
    shares = (found.conversion, "conversion", "{:.1%}"), (found.revenue, found.currency, "{:,.2f}")
    return tuple(
        (
            name,
            *(
                "-" if value is None else form.format(value)
                for value in msgspec.structs.astuple(share)
            ),
        )
        for share, name, form in shares
    )


def _first_decisions(shop: Shop, campaign: str) -> Subquery:
    """customer, outcome and time of everybody's first live decision; the erased are nobody."""
    decisions = models.decisions.c
    owner = func.coalesce(_people.merged_into, _people.id)
    rank = func.row_number().over(partition_by=owner, order_by=(decisions.at, decisions.occasion))
    ranked = (
        select(owner.label("customer"), decisions.outcome, decisions.at, rank.label("rank"))
        .join_from(models.decisions, models.customers, _people.id == decisions.customer)
        .where(
            decisions.store == shop.number,
            decisions.campaign == campaign,
            decisions.mode == "live",
            decisions.outcome.in_(_OUTCOMES),
        )
        .subquery()
    )
    columns = (ranked.c.customer, ranked.c.outcome, ranked.c.at)
    return select(*columns).where(ranked.c.rank == 1).subquery()


def _converted(connection: Connection, shop: Shop, first: Subquery, goal: Goal) -> set[int]:
    who, at, chosen = _reaching(goal.event)
    owner = func.coalesce(_people.merged_into, _people.id)
    reached = (
        select(owner.label("customer"), at.label("at"))
        .join(models.customers, _people.id == who)
        .where(who.table.c.store == shop.number, chosen)
        .subquery()
    )
    rows = connection.execute(
        select(first.c.customer)
        .join(reached, _in_time(first, reached.c.customer, reached.c.at, goal))
        .distinct()
    )
    return set(rows.scalars())


def _reaching(event: str) -> tuple[Column[Any], Column[Any], ColumnElement[bool]]:
    """Of the rows that tell of an event: whose, when, and which they are."""
    orders, codes, events = models.orders.c, models.codes.c, models.events.c
    if event == "order_completed":
        return orders.customer, orders.at, orders.is_counted.is_(True)
    if event == "coupon_redeemed":
        return codes.customer, codes.redeemed_at, codes.redeemed_at.is_not(None)
    return events.customer, events.at, events.type == event


def _revenue(connection: Connection, shop: Shop, first: Subquery, goal: Goal) -> dict[int, int]:
    orders = models.orders.c
    rows = connection.execute(
        select(first.c.customer, func.sum(orders.value).label("value"))
        .join(models.orders, _in_time(first, orders.customer, orders.at, goal))
        .where(orders.store == shop.number, orders.is_counted.is_(True))
        .group_by(first.c.customer)
    )
    return {int(row.customer): int(row.value) for row in rows}


def _in_time(first: Subquery, customer: Any, at: Any, goal: Goal) -> ColumnElement[bool]:
    """What caused the decision is no success of it: only what comes after counts."""
    until = first.c.at + micros(goal.within)
    return and_(customer == first.c.customer, at > first.c.at, at <= until)


def _share(found: Difference, unit: float) -> Share:
    values = (found.reached, found.control, found.difference, found.low, found.high)
    return Share(*(None if math.isnan(value) else value * unit for value in values))


def _said(found: Lift, currency: str) -> tuple[str, ...]:
    sentences = [verdict(found)]
    apart = found.revenue
    if not math.isnan(apart.difference):
        values = (apart.reached, apart.control, apart.difference, apart.low, apart.high)
        a, b, difference, low, high = (money_text(round(value), currency) for value in values)
        sentences.append(
            f"Sales a customer, before refunds: {a} of those it reached, {b} of the control group; "
            f"{difference} apart ({low} to {high})."
        )
    return tuple(sentences)


def _still(customers: int, waiting: int, goal: Goal) -> tuple[str, ...]:
    if not customers:
        return ("Nobody was reached or held out live yet.",)
    if not waiting:
        return ()
    more = counted(waiting, "more customer does", "more customers do")
    return (f"{more} not count yet: {said(goal.within)} are not over for them.",)
