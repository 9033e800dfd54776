"""The stream that the pipeline is measured on: made once from a seed, the same for every rival."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

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


def introductions(stores: list[str], now: datetime) -> Iterator[Event]:
    """Every customer and product of the stores, as an import tells them."""
    before = now - SPAN - timedelta(hours=1)
    for store in stores:
        for number in range(PRODUCTS):
            product = Product(
                f"p{number}", before, price=1000, currency="EUR", category=f"c{number % 12}"
            )
            yield _event(store, "product_updated", f"p{number}", before, now, product)
        for number in range(CUSTOMERS):
            person = Customer(f"c{number}", before, consents={"email": True})
            yield _event(store, "customer_updated", f"c{number}", before, now, person)


def stream(stores: list[str], count: int, now: datetime, seed: int) -> list[Event]:
    """So many events in order of time; customers by Zipf's law with exponent 1."""
    rng = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, CUSTOMERS + 1)
    customers = rng.choice(CUSTOMERS, count, p=weights / weights.sum())
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
    who = (("customer_id", f"c{customer}"),)
    if kind == "order_updated":
        order = Order(f"o{number}", "paid", "EUR", at, at, value + 100, lines)
        return _event(store, kind, str(number), at, now, order, who)
    if kind == "order_refunded":
        refund = Refund(f"r{number}", "EUR", value, at, at)
        return _event(store, kind, str(number), at, now, refund, who)
    if kind in {"cart_updated", "checkout_started"}:
        cart = Cart(f"t{number}", at, "EUR", value, lines, is_checkout=kind != "cart_updated")
        return _event(store, kind, str(number), at, now, cart, who)
    said = {"product_id": f"p{number % PRODUCTS}", "category": f"c{number % 12}"}
    return _event(store, kind, str(number), at, now, None, who, said)


def _event(  # noqa: PLR0913, PLR0917 - the columns of one event
    store: str,
    kind: str,
    key: str,
    at: datetime,
    now: datetime,
    body: Order | Refund | Cart | Customer | Product | None,
    who: tuple[tuple[str, str], ...] = (),
    said: dict[str, str] | None = None,
) -> Event:
    return Event(
        id=event_id(store, kind, at, key),
        store=store,
        type=kind,
        at=at.astimezone(UTC),
        received_at=now,
        source="webhook" if body is not None or kind.startswith("message") else "server",
        identities=who,
        body=body,
        properties=said or {},
    )
