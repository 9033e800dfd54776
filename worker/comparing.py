"""Comparing ways of finding groups on a store's customers: what is read of them.

Customers are read in batches, as the drain keeps them. How they were weeks ago is folded again from
their orders, refunds, codes and the event log (`worker.refolding`), for a record knows only now;
browsing that the log has forgotten is missing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from sqlalchemy import Connection, func, select

from connectors.events import moment
from connectors.records import exponent
from segmentation import running
from segmentation.catalogues import counted
from segmentation.choosing.candidates import Comparison
from segmentation.choosing.comparison import OnStep, compare
from segmentation.choosing.snapshots import (
    LEAST_CUSTOMERS,
    Aged,
    Plan,
    Snapshot,
    small_rows,
)
from segmentation.constructed import Constructed
from segmentation.deriving import derived
from segmentation.errors import NotEnoughCustomers
from segmentation.record import DAY, Records
from segmentation.rules import Columns, Floats, Indices
from worker import bulk, models
from worker.drawing import is_buyer
from worker.errors import ShoalError
from worker.refolding import refolded
from worker.shop import Shop

SAMPLE: Final = 50_000
"""Customers read unless another number is wished for."""

WEEKS: Final = 4
AHEAD_DAYS: Final = 90
_BATCH: Final = 20_000
_Read = Callable[[str], None]
_Own = tuple[Constructed, ...]


class ComparisonRefused(ShoalError):
    """What was wished for cannot be compared on this store."""

    exit_code = 2


def compared(snapshot: Snapshot, plan: Plan, on_step: OnStep) -> Comparison:
    """The comparison.

    Raises
    ------
    ComparisonRefused
        If there are too few customers.
    """
    try:
        return compare(snapshot, plan, on_step)
    except NotEnoughCustomers as few:
        most = max(plan.ks, default=0)
        instead = "choose a smaller --k" if few.found >= LEAST_CUSTOMERS else "wait for more"
        there = counted(few.found, "customer", "customers")
        message = (
            f"{there} with an order: expected at least {few.needed} to compare "
            f"groups up to {most} (ten a group, {LEAST_CUSTOMERS} in all); {instead}"
        )
        raise ComparisonRefused(message) from None


def snapshot(
    connection: Connection, shop: Shop, plan: Plan, sample: int, on_read: _Read = lambda _: None
) -> Snapshot:
    """At most ``sample`` random customers with an order, now, weeks ago and 90 days ago."""
    on_read("customers")
    ids = _chosen(connection, shop, sample, plan.seed)
    own = plan.constructed
    columns = _derived(_records(connection, ids), shop.now, shop, own)
    small = small_rows(len(ids), plan.seed)
    weeks, notes = [], []
    if len(ids):
        for week in range(1, WEEKS + 1):
            on_read(f"customers {week} weeks ago")
            weeks.append(_aged(connection, shop, (ids, small), shop.now - 7 * week * DAY, own))
    needed = max(LEAST_CUSTOMERS, 10 * max(plan.ks, default=0))
    if weeks and min(len(aged.rows) for aged in weeks) < needed:
        weeks = []
        notes.append(f"stability over weeks: fewer than {needed} customers had ordered by then")
    past, spend = None, None
    if len(ids):
        on_read(f"customers {AHEAD_DAYS} days ago")
        since = shop.now - AHEAD_DAYS * DAY
        past = _aged(connection, shop, (ids, np.arange(len(ids))), since, own)
        spend = _spend(connection, shop, ids[past.rows], since)
    if past is None or len(past.rows) < needed:
        past, spend = None, None
        notes.append(
            f"spend explained: fewer than {needed} customers had ordered {AHEAD_DAYS} days ago"
        )
    return Snapshot(columns, small, moment(shop.now), tuple(weeks), past, spend, tuple(notes))


def _chosen(connection: Connection, shop: Shop, sample: int, seed: int) -> Indices:
    people = models.customers.c
    every = connection.execute(select(people.id).where(is_buyer(shop.number))).scalars()
    ids = np.sort(np.fromiter(map(int, every), np.int64))
    if len(ids) <= sample:
        return ids
    return np.sort(np.random.default_rng(seed).choice(ids, sample, replace=False))


def _batches(ids: Indices) -> Iterator[list[int]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH].tolist()


def _records(connection: Connection, ids: Indices) -> Iterator[Records]:
    for part in _batches(ids):
        rows = bulk.select_keys(connection, models.customers, ("id", "record"), "id", part)
        yield running.unpack([bytes(record) for _, record in sorted(rows, key=lambda row: row[0])])


def _aged(
    connection: Connection, shop: Shop, whom: tuple[Indices, Indices], before: int, own: _Own
) -> Aged:
    """Some of the customers as they were; those who had ordered by then."""
    ids, rows = whom
    records = (
        refolded(connection, shop.number, part, before=before) for part in _batches(ids[rows])
    )
    columns = _derived(records, before, shop, own)
    there = columns["orders"] > 0
    return Aged(rows[there], {name: column[there] for name, column in columns.items()})


def _derived(records: Iterator[Records], now: int, shop: Shop, own: _Own) -> Columns:
    digits = exponent(shop.currency)
    parts = [derived(one, now, own, currency_exponent=digits) for one in records]
    empty = derived(running.empty(0), now, own, currency_exponent=digits)
    return {name: np.concatenate([empty[name], *(part[name] for part in parts)]) for name in empty}


def _spend(connection: Connection, shop: Shop, ids: Indices, since: int) -> Floats:
    """What each customer ordered from a time until now, in minor units."""
    orders = models.orders.c
    rows = connection.execute(
        select(orders.customer, func.sum(orders.value))
        .where(orders.store == shop.number, orders.is_counted.is_(True))
        .where(orders.at >= since, orders.at < shop.now)
        .group_by(orders.customer)
    )
    spent = {int(customer): float(value) for customer, value in rows}
    return np.array([spent.get(customer, 0.0) for customer in ids.tolist()])
