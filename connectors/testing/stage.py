"""What the suite needs to know of a platform, and what it holds every event to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import httpx

from connectors.events import EVENT_TYPES, LOGGED_PROPERTIES, Event
from connectors.protocol import Connector, ConnectorFactory, StoreConfig, Webhook
from connectors.records import Coupon, Order

_EVENT_ID: Final = 16  # bytes


class Discounted(NamedTuple):
    """An order with a discount, as the platform tells it, and what it comes to in minor units.

    ``value`` is what its lines cost before the discount, whatever the platform calls total.
    """

    body: bytes
    value: int
    discount: int


@dataclass(frozen=True)
class Stage:
    """What the suite needs to know of one platform.

    Attributes
    ----------
    factory
        The connector's factory, as registered.
    store, http
        A live store (or its stand-in) and the client that reaches it.
    signed
        Body → webhook about an order, signed as the platform would.
    order
        The body of such a webhook, for an order the store holds.
    order_id
        That order's id.
    orders
        Ids of all orders the store holds, more than a page of them. Empty: not tested.
    unpaid
        The body of such a webhook for an order that nobody has paid or authorised. None where the
        platform tells of no such order.
    discounted
        The same for an order with a discount. None where there are none.
    tracked
        The same order from another door (the track API), if the platform's shops use it.
    ids_only
        A signed webhook that names its subject by id only.
    fixed_reply
        A store that wants a fixed answer, and the answer's body.
    coupon
        A coupon for a customer of the store.
    coupons_in_store
        How many of a coupon's code the store holds.
    """

    factory: ConnectorFactory
    store: StoreConfig
    http: httpx.Client = field(repr=False)
    signed: Callable[[bytes], Webhook]
    order: bytes
    order_id: str
    orders: frozenset[str] = frozenset()
    unpaid: bytes | None = None
    discounted: Discounted | None = None
    tracked: Event | None = None
    ids_only: Webhook | None = None
    fixed_reply: tuple[StoreConfig, bytes] | None = None
    coupon: Coupon | None = None
    coupons_in_store: Callable[[str], int] | None = None

    @property
    def connector(self) -> Connector:
        """The connector, speaking with the live store."""
        return self.factory(self.store, self.http)

    def facing(self, answer: Callable[[httpx.Request], httpx.Response]) -> Connector:
        """The connector before a store that answers every call in one way."""
        return self.factory(self.store, httpx.Client(transport=httpx.MockTransport(answer)))


def require_well_formed(event: Event, store: StoreConfig) -> None:
    """Assert that an event keeps the vocabulary of :mod:`connectors.events`."""
    assert len(event.id) == _EVENT_ID
    assert event.store == store.id
    assert event.type in EVENT_TYPES
    assert set(event.properties) <= LOGGED_PROPERTIES | {"customer_id"}
    assert all(isinstance(value, str) for value in event.personal.values())
    assert not event.sealed
    for kind, key in event.identities:
        assert key, kind
        assert kind != "email" or key == key.strip().lower()
    for at in (event.at, event.received_at, *_values(event.body, datetime)):
        assert at.utcoffset() == timedelta(0), f"{event.type}: times are aware UTC"
    for name in ("value", "discount", "price"):
        amount = getattr(event.body, name, 0)
        assert type(amount) is int, f"{event.type}.{name}: money is minor units"


def require_no_secret(text: str, store: StoreConfig) -> None:
    """Assert that a text holds none of a store's secrets."""
    for name, secret in store.secrets.items():
        assert not secret or secret not in text, f"secret {name} shows"


def orders_of(events: Iterable[Event]) -> list[Order]:
    """The orders that some events carry."""
    return [each.body for each in events if isinstance(each.body, Order)]


def _values(body: Any, kind: type[datetime]) -> list[datetime]:
    names = getattr(body, "__struct_fields__", ())
    return [value for name in names if isinstance(value := getattr(body, name), kind)]
