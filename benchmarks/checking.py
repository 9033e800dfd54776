"""Whether what the drain made of the events is what was in them, customer by customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select

from benchmarks.machine import say
from campaigns.library import READY
from connectors.events import Event
from connectors.records import Order, Refund
from segmentation import running
from worker import models
from worker.database import reading
from worker.runtime import Kit

_COUNTED: Final = {
    "product_viewed": "views",
    "cart_updated": "carts",
    "checkout_started": "checkouts",
    "order_updated": "orders",
    "order_refunded": "refunds",
    "message_opened": "opens",
    "message_clicked": "clicks",
}
_FIGURES: Final = (*_COUNTED.values(), "revenue", "refunded")
Sums = Counter[tuple[str, str, str]]


def is_right(kit: Kit, events: Iterable[Event]) -> bool:
    """Whether each customer's counts and money, and the log, hold every event exactly once."""
    told = list(events)
    expected, found = _expected(told), _found(kit)
    wrong = [key for key in expected | found if expected[key] != found[key]]
    for key in sorted(wrong)[:5]:
        say(f"  {' '.join(key)} is {found[key]}, expected {expected[key]}")
    with reading(kit.engine) as connection:
        query = select(func.count()).select_from(models.events)
        logged = int(connection.execute(query).scalar_one())
    if logged != len(told):
        say(f"  the log holds {logged} events, expected {len(told)}")
    return not wrong and logged == len(told)


def _expected(events: Iterable[Event]) -> Sums:
    sums: Sums = Counter()
    for event in events:
        figure = _COUNTED.get(event.type)
        if figure is None:
            continue
        key = (event.store, event.identities[0][1])
        sums[*key, figure] += 1
        if isinstance(event.body, Order):
            sums[*key, "revenue"] += event.body.value
        elif isinstance(event.body, Refund):
            sums[*key, "refunded"] += event.body.value
    return sums


def _found(kit: Kit) -> Sums:
    people, stores = models.customers.c, models.stores.c
    query = select(stores.id, people.platform_id, people.record).join(
        models.stores, stores.number == people.store
    )
    with reading(kit.engine) as connection:
        rows = connection.execute(query).all()
    records = running.unpack([bytes(row.record) for row in rows])
    sums: Sums = Counter()
    for figure in _FIGURES:
        for row, value in zip(rows, records[figure].tolist(), strict=True):
            if value:
                sums[row.id, row.platform_id, figure] = value
    return sums


def fires(kit: Kit) -> dict[str, int]:
    """How often each of the six campaigns fired."""
    decisions = models.decisions.c
    query = (
        select(decisions.campaign, func.count())
        .where(decisions.outcome == "fire")
        .group_by(decisions.campaign)
    )
    with reading(kit.engine) as connection:
        counted = {name: int(number) for name, number in connection.execute(query)}
    return {name: counted.get(name, 0) for name in READY}
