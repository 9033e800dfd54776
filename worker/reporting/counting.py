"""What is counted for a report: one query each for sizes, sales and moves, none a customer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Connection, func, literal, select

from connectors.records import exponent
from segmentation.record import DAY
from segmentation.rules import STAGES
from worker import models
from worker.drawing import is_buyer
from worker.reporting.content import OwnSegment
from worker.rule_files import sizes_of
from worker.shop import Shop
from worker.told_causes import of_models

SPENDING_DAYS: Final = 90
"""Over so many days it is told what stages spend."""

CHANGING_DAYS: Final = 30
"""Over so many days it is told who came to a segment by rule, and who left it."""

_KNOWN: Final = ("", *STAGES)


class Size(msgspec.Struct, frozen=True):
    """Customers of a stage and group today, and what they have ever spent (main unit)."""

    stage: str
    group: str
    customers: int
    spent: float


class Sales(msgspec.Struct, frozen=True):
    """What the customers who are in a stage today bought lately (main unit)."""

    stage: str
    buyers: int
    orders: int
    spent: float


class Moves(msgspec.Struct, frozen=True):
    """Changes of one day, ``ago`` whole days before now, that are alike but for the customer.

    ``cause`` is as `worker.told_causes` tells it.
    """

    ago: int
    cause: str
    version: int
    before: str
    after: str
    customers: int
    regrouped: int


def sizes(connection: Connection, shop: Shop) -> list[Size]:
    """Everybody who has ordered, by stage and group; '' is nowhere yet."""
    people = models.customers.c
    query = (
        select(people.segment, people.grouping, func.count(), func.sum(people.revenue))
        .where(is_buyer(shop.number))
        .group_by(people.segment, people.grouping)
    )
    unit = 10 ** exponent(shop.currency)
    return [
        Size(stage, group, int(number), int(spent) / unit)
        for stage, group, number, spent in connection.execute(query)
    ]


def sales(connection: Connection, shop: Shop) -> list[Sales]:
    """Counted orders of the last `SPENDING_DAYS`, by the stage their customers are in today."""
    people, orders = models.customers.c, models.orders.c
    query = (
        select(
            people.segment,
            func.count(orders.customer.distinct()),
            func.count(),
            func.sum(orders.value),
        )
        .join(models.customers, people.id == orders.customer)
        .where(orders.store == shop.number, orders.is_counted.is_(True))
        .where(orders.at > shop.now - SPENDING_DAYS * DAY, orders.at <= shop.now)
        .where(is_buyer(shop.number))
        .group_by(people.segment)
    )
    unit = 10 ** exponent(shop.currency)
    return [
        Sales(stage, int(buyers), int(number), int(spent) / unit)
        for stage, buyers, number, spent in connection.execute(query)
    ]


def own_segments(connection: Connection, shop: Shop) -> list[OwnSegment]:
    """The segments by rule that are in force, in the order of their ids."""
    sizes, told = sizes_of(connection, shop), models.membership_changes.c
    rows = connection.execute(
        select(told.segment, told.entered, func.count())
        .where(told.store == shop.number, told.at > shop.now - CHANGING_DAYS * DAY)
        .group_by(told.segment, told.entered)
    )
    crossed = {(segment, bool(entered)): int(number) for segment, entered, number in rows}
    return [
        OwnSegment(
            segment=one.rule.segment(one.version),
            condition=one.rule.condition,
            customers=sizes.get(one.rule.id, 0),
            entered=crossed.get((one.rule.id, True), 0),
            left=crossed.get((one.rule.id, False), 0),
        )
        for one in shop.rules
    ]


def moves(connection: Connection, shop: Shop, days: int) -> list[Moves]:
    """Changes of stage or group within the last days, of those who are still customers.

    A merged profile is no customer any more: its changes are those of nobody in `sizes`.
    """
    return list(_moves(connection, shop, days))


def _moves(connection: Connection, shop: Shop, days: int) -> Iterator[Moves]:
    changed, people = models.segment_changes.c, models.customers.c
    # In a query of its own: PostgreSQL takes an expression with parameters for another one where
    # it is grouped by.
    told = (
        select(
            ((literal(shop.now, BigInteger) - changed.at) // literal(DAY, BigInteger)).label("ago"),
            changed.cause,
            changed.model,
            changed.segment_before,
            changed.segment_after,
            changed.group_before,
            changed.group_after,
        )
        .join(models.customers, people.id == changed.customer)
        .where(changed.store == shop.number, changed.at > shop.now - days * DAY)
        .where(people.merged_into.is_(None))
        .where(changed.segment_before.in_(_KNOWN), changed.segment_after.in_(_KNOWN))
        .subquery()
        .c
    )
    alike = (told.ago, told.cause, told.model, told.segment_before, told.segment_after)
    regrouped = (told.group_before != told.group_after) & (told.group_before != "")
    query = select(*alike, func.count(), func.count().filter(regrouped)).group_by(*alike)
    rows = connection.execute(query).all()
    made = of_models(connection, shop.number, {row.model for row in rows if row.cause == "model"})
    for ago, cause, version, before, after, number, others in rows:
        name = made.get(version, cause) if cause == "model" else cause
        yield Moves(max(int(ago), 0), name, int(version), before, after, int(number), int(others))
