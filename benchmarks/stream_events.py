"""The stream that the pipeline is measured on: made once from a seed, the same for every rival.

What the customers did before (:func:`introductions`) is an import: it wakes nobody. Some of them
are left where each of the six ready campaigns will find them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from connectors.events import Event, event_id
from connectors.records import Cart, Customer, Line, Order, Product, Refund

CUSTOMERS: Final = 2_500  # a store
PRODUCTS: Final = 500
# Share of each type; what is left over are refunds and campaign events.
SHARES: Final = {
    "product_viewed": 0.76,
    "cart_updated": 0.10,
    "checkout_started": 0.03,
    "order_updated": 0.05,
    "order_refunded": 0.02,
    "message_opened": 0.03,
    "message_clicked": 0.01,
}
# Everything happened within these hours before now.
SPAN: Final = timedelta(hours=6)
_EARLIER: Final = timedelta(hours=1)
# Days since the orders of every twentieth customer: a regular who has gone quiet, and another
# who has bought once.
_QUIET: Final = (160, 130, 100)
_ONCE: Final = (20,)
_TWENTY: Final = 20
_BIRTHDAY: Final = 100  # every hundredth customer's is today


def introductions(store: str, now: datetime) -> Iterator[Event]:
    """A store's products, customers and their earlier orders, as an import tells them."""
    for event in _past(store, now - SPAN - _EARLIER, f"1980-{now:%m-%d}"):
        yield msgspec.structs.replace(event, received_at=now)


def _past(store: str, before: datetime, birthday: str) -> Iterator[Event]:
    for number in range(PRODUCTS):
        body = Product(f"p{number}", before, price=1000, currency="EUR", category=f"c{number % 12}")
        yield _event(store, "product_updated", f"p{number}", before, body)
    for number in range(CUSTOMERS):
        person = Customer(f"c{number}", before, consents={"email": True})
        event = _event(store, "customer_updated", f"c{number}", before, person)
        if number % _BIRTHDAY == 1:
            event = msgspec.structs.replace(event, personal={"birthday": birthday})
        yield event
        for at, days in enumerate(_days_before(number)):
            yield _earlier_order(store, number, at, before - timedelta(days=days))


def _days_before(number: int) -> tuple[int, ...]:
    return {1: _ONCE, 2: _QUIET}.get(number % _TWENTY, ())


def _earlier_order(store: str, number: int, at: int, when: datetime) -> Event:
    key = f"before{number}-{at}"
    first, second = number % PRODUCTS, (number * 7 + at) % PRODUCTS
    lines = (Line(f"p{first}", 1, 4000), Line(f"p{second}", 1, 2000))
    order = Order(key, "paid", "EUR", when, when, 6000, lines)
    return _event(store, "order_updated", key, when, order, f"c{number}")


def stream(stores: Sequence[str], count: int, now: datetime, seed: int = 7) -> list[Event]:
    """So many events in order of time; customers by Zipf's law with exponent 1."""
    rng = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, CUSTOMERS + 1)
    # Who is most active has nothing to do with what a customer did before.
    ranked = rng.permutation(CUSTOMERS)
    customers = ranked[rng.choice(CUSTOMERS, count, p=weights / weights.sum())]
    kinds = rng.choice(list(SHARES), count, p=list(SHARES.values()))
    places = rng.integers(0, len(stores), count)
    offsets = np.sort(rng.uniform(0, SPAN.total_seconds(), count))
    values = rng.integers(500, 20_000, count)
    start = now - SPAN
    return [
        _made(
            stores[places[at]],
            str(kinds[at]),
            (at, int(customers[at]), int(values[at])),
            start + timedelta(seconds=float(offsets[at])),
            now,
        )
        for at in range(count)
    ]


def _made(
    store: str, kind: str, numbers: tuple[int, int, int], at: datetime, now: datetime
) -> Event:
    number, customer, value = numbers
    lines = (Line(f"p{number % PRODUCTS}", 1, value), Line(f"p{(number * 7) % PRODUCTS}", 1, 100))
    body: Order | Refund | Cart | None = None
    if kind == "order_updated":
        body = Order(f"o{number}", "paid", "EUR", at, at, value + 100, lines)
    elif kind == "order_refunded":
        body = Refund(f"r{number}", "EUR", value, at, at)
    elif kind in {"cart_updated", "checkout_started"}:
        body = Cart(f"t{number}", at, "EUR", value, lines, is_checkout=kind != "cart_updated")
    event = _event(store, kind, str(number), at, body, f"c{customer}")
    if kind != "product_viewed":
        return msgspec.structs.replace(event, source="webhook", received_at=now)
    said = {"product_id": f"p{number % PRODUCTS}", "category": f"c{number % 12}"}
    return msgspec.structs.replace(event, source="server", received_at=now, properties=said)


def _event(  # noqa: PLR0913, PLR0917 - the columns of one event
    store: str,
    kind: str,
    key: str,
    at: datetime,
    body: Order | Refund | Cart | Customer | Product | None,
    customer: str = "",
) -> Event:
    return Event(
        id=event_id(store, kind, at, key),
        store=store,
        type=kind,
        at=at.astimezone(UTC),
        received_at=at,
        source="import",
        identities=(("customer_id", customer),) if customer else (),
        body=body,
    )
