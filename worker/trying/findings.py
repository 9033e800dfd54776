"""What a trial found: segments, who is slipping away, and what each campaign would have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection, select

from connectors.records import exponent
from segmentation import running
from worker import models, tallies
from worker.segment_reports import groups_of
from worker.shop import Shop
from worker.trying.books import Book
from worker.trying.outcomes import SHOWN, Outcome, outcome_of, shown_id

SLIPPING: Final = "at_risk"
_GONE: Final = ("hibernating", "lost")
_DAY: Final = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Group:
    """A segment's people. Money is in the main unit; days and orders are medians."""

    id: str
    stage: str
    name: str
    customers: int
    share: float
    spent: float
    share_of_spend: float
    days_since_order: float
    orders: float


@dataclass(frozen=True, kw_only=True)
class Person:
    """One customer, by id alone."""

    id: str
    orders: int
    spent: float
    days_since_order: int


@dataclass(frozen=True, kw_only=True)
class Slipping:
    """Good customers who are late now; ``gone`` are those who have been quiet for longer."""

    customers: int
    spent: float
    share_of_spend: float
    people: tuple[Person, ...]
    gone: int
    gone_spent: float


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything. ``is_learned``: groups were learned, else they are rules."""

    segments: tuple[Group, ...]
    is_learned: bool
    slipping: Slipping
    campaigns: tuple[Outcome, ...]
    set_aside: int


@dataclass(frozen=True)
class _Buyers:
    """Everybody with an order, in parallel."""

    ids: list[str]
    stages: np.ndarray
    groups: np.ndarray
    orders: np.ndarray
    spent: np.ndarray
    days: np.ndarray
    gaps: np.ndarray  # the customer's own usual days between orders, NaN after one order


def findings_of(connection: Connection, shop: Shop, book: Book) -> Findings:
    """Read what the trial left in its tables."""
    buyers = _buyers(connection, shop)
    return Findings(
        segments=_segments(connection, shop, buyers),
        is_learned=shop.model.kind == "kmeans",
        slipping=_slipping(buyers),
        campaigns=tuple(outcome_of(connection, shop, one, book) for one in shop.campaigns),
        set_aside=tallies.read(connection, shop.number).get(("set_aside", ""), 0),
    )


def _buyers(connection: Connection, shop: Shop) -> _Buyers:
    people = models.customers.c
    rows = connection.execute(
        select(
            people.id,
            people.platform_id,
            people.segment,
            people.grouping,
            people.orders,
            people.revenue,
            people.last_order,
            people.record,
        )
        .where(people.store == shop.number, people.orders > 0, people.merged_into.is_(None))
        .order_by(people.id)
    ).all()
    last = np.array([row.last_order or 0 for row in rows], np.int64)
    records = running.unpack([bytes(row.record) for row in rows])
    gaps = running.derive(records, shop.now, names=("gap_days_mean",))["gap_days_mean"]
    return _Buyers(
        [shown_id(row.platform_id, row.id) for row in rows],
        np.array([row.segment for row in rows], object),
        np.array([row.grouping for row in rows], object),
        np.array([row.orders for row in rows], np.int64),
        np.array([row.revenue for row in rows], np.float64) / 10 ** exponent(shop.currency),
        (shop.now - last) / _DAY,
        gaps,
    )


def _segments(connection: Connection, shop: Shop, buyers: _Buyers) -> tuple[Group, ...]:
    everything = max(float(buyers.spent.sum()), 1e-9)
    found = []
    for group in groups_of(connection, shop):
        chosen = buyers.groups == group["id"]
        if not chosen.any():
            continue
        spent = float(buyers.spent[chosen].sum())
        found.append(
            Group(
                id=group["id"],
                stage=group["stage"],
                name=group["name"].removesuffix(" · all"),
                customers=int(chosen.sum()),
                share=float(chosen.mean()),
                spent=round(spent, 2),
                share_of_spend=spent / everything,
                days_since_order=float(np.median(buyers.days[chosen])),
                orders=float(np.median(buyers.orders[chosen])),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.spent))


def _slipping(buyers: _Buyers) -> Slipping:
    chosen, gone = buyers.stages == SLIPPING, np.isin(buyers.stages, _GONE)
    everything = max(float(buyers.spent.sum()), 1e-9)
    # A group's stage says how its people stand in general; shown are those late by themselves.
    at = np.flatnonzero(chosen & ~(buyers.days <= buyers.gaps))
    first = at[np.argsort(-buyers.spent[at], kind="stable")][:SHOWN].tolist()
    people = [
        Person(
            id=buyers.ids[one],
            orders=int(buyers.orders[one]),
            spent=round(float(buyers.spent[one]), 2),
            days_since_order=int(buyers.days[one]),
        )
        for one in first
    ]
    spent = float(buyers.spent[chosen].sum())
    return Slipping(
        customers=int(chosen.sum()),
        spent=round(spent, 2),
        share_of_spend=spent / everything,
        people=tuple(people),
        gone=int(gone.sum()),
        gone_spent=round(float(buyers.spent[gone].sum()), 2),
    )
