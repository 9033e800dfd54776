"""Events around facts with natural keys, so that every door names the same fact alike.

The id is made of the fact itself: a redelivery, a burst of equal webhooks and the same version
read back by a poll are one entry of the log. A changed fact has a new version and a new id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from connectors.events import Event, Source, event_id
from connectors.records import Body, Cart, Customer, Order, Product, Refund

_encode: Final = msgspec.msgpack.Encoder(order="deterministic").encode


class Heard(msgspec.Struct, frozen=True):
    """By which door, when and about which store something was heard."""

    store: str
    received_at: datetime
    source: Source = "webhook"


def fact_type(body: Body) -> str:
    """The type of event that carries such a fact."""
    if isinstance(body, Cart):
        return "checkout_started" if body.is_checkout else "cart_updated"
    return _TYPES[type(body)]


def fact_event(
    heard: Heard,
    body: Body,
    identities: Iterable[tuple[str, str | None]] = (),
    personal: Mapping[str, str | None] | None = None,
) -> Event:
    """The event that carries a fact, at the time of its version.

    Parameters
    ----------
    heard
        Door, time and store.
    body
        The fact.
    identities
        Whom it is about; pairs without a key are left out.
    personal
        Personal fields; empty ones are left out. An ``email`` becomes an identity too.
    """
    kept = {name: value for name, value in (personal or {}).items() if value}
    kind = fact_type(body)
    return Event(
        id=event_id(heard.store, kind, body.updated_at, _encode(body)),
        store=heard.store,
        type=kind,
        at=body.updated_at,
        received_at=heard.received_at,
        source=heard.source,
        identities=who(identities, kept.get("email")),
        body=body,
        personal=kept,
    )


def who(
    identities: Iterable[tuple[str, str | None]], email: str | None = None
) -> tuple[tuple[str, str], ...]:
    """Identities that have a key, each once; an e-mail stripped and in lower case."""
    pairs = [(kind, key) for kind, key in identities if key]
    address = normalised_email(email)
    if address:
        pairs.append(("email", address))
    return tuple(dict.fromkeys(pairs))


def normalised_email(email: str | None) -> str:
    """An address as identities compare it: stripped, lower case; empty if it is none."""
    address = (email or "").strip().lower()
    return address if "@" in address else ""


_TYPES: Final[dict[type[Body], str]] = {
    Order: "order_updated",
    Refund: "order_refunded",
    Customer: "customer_updated",
    Product: "product_updated",
}
