"""Messages of Segment's track API as they stand on the wire, and who sends them.

Source: Segment specification (``track``, ``identify``, ``page``, ``alias``), e-commerce events v2.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec

from connectors.decoding import joined, mistake
from connectors.errors import MalformedPayload
from connectors.events import Event
from connectors.records import OrderStatus

T = TypeVar("T")
LARGEST_EVENT: Final = 32_768  # bytes of one message
# Shops send ids as text or as numbers.
Text = Annotated[str, msgspec.Meta(max_length=200)]
Identifier = Text | int
NO_JSON: Final = msgspec.Raw(b"{}")


class Sender(msgspec.Struct, frozen=True):
    """Whose key a request carried.

    Attributes
    ----------
    store, currency, time_zone
        The store that the key belongs to; its zone reads naive times.
    is_server
        Whether the key is the secret one. A browser's word is a claim.
    declared
        The store's attributes (:func:`connectors.attributes.declared_attributes`).
    """

    store: str
    currency: str
    is_server: bool
    time_zone: str = "UTC"
    declared: dict[str, str] = {}


class Rejection(msgspec.Struct, frozen=True):
    """A message that was not taken: where in the request, and why."""

    place: str
    reason: str


class Translated(msgspec.Struct, frozen=True):
    """What a request came to."""

    events: tuple[Event, ...] = ()
    rejections: tuple[Rejection, ...] = ()


class Unfit(Exception):
    """One message cannot be taken."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Context(msgspec.Struct, frozen=True):
    """The part of ``context`` that we read."""

    timezone: str | None = None
    traits: dict[str, Any] | None = None


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """One message, whatever its type; properties and traits wait until the type is known."""

    type: str = ""
    event: Text | None = None
    message_id: Text | None = None
    user_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    previous_id: Identifier | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    properties: msgspec.Raw = NO_JSON
    traits: msgspec.Raw = NO_JSON
    context: Context | None = None


class Batch(msgspec.Struct, frozen=True, rename="camel"):
    """Many messages in one request."""

    batch: list[msgspec.Raw]
    sent_at: datetime | None = None


class BrowseProperties(msgspec.Struct, frozen=True):
    """What was looked at or put into a cart."""

    product_id: Identifier | None = None
    sku: Identifier | None = None
    category: Text | None = None
    cart_id: Identifier | None = None
    order_id: Identifier | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    currency: Text | None = None
    products: tuple[msgspec.Raw, ...] = ()


class LineProperties(msgspec.Struct, frozen=True):
    """One product of an order or cart; ``price`` is of one piece."""

    product_id: Identifier | None = None
    sku: Identifier | None = None
    quantity: Decimal = Decimal(1)
    price: Decimal | None = None


class OrderProperties(msgspec.Struct, frozen=True):
    """An order or a refund. ``status``, ``updated_at`` and ``created_at`` go beyond Segment's."""

    order_id: Identifier
    refund_id: Identifier | None = None
    cart_id: Identifier | None = None
    checkout_id: Identifier | None = None
    total: Decimal | None = None
    revenue: Decimal | None = None
    subtotal: Decimal | None = None
    value: Decimal | None = None
    discount: Decimal | None = None
    coupon: str | list[str] | None = None
    currency: Text | None = None
    email: str | None = None
    reason: Text | None = None
    status: OrderStatus | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    products: tuple[LineProperties, ...] = ()


def whole(raw: bytes, kind: type[T]) -> T:
    """A request's body.

    Raises
    ------
    MalformedPayload
        If it is not JSON of that kind: none of it can be taken.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        place, reason = mistake(error)
    message = f"{place or 'body'}: {reason}"
    raise MalformedPayload(message)


def part(raw: msgspec.Raw, kind: type[T], place: str) -> T:
    """A part of a message.

    Raises
    ------
    Unfit
        With the place of the first mistake.
    """
    text = NO_JSON if bytes(raw) == b"null" else raw
    try:
        decoder: msgspec.json.Decoder[T] = _decoder(cast("Hashable", kind))
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        inner, reason = mistake(error)
    raise Unfit(joined(place, inner), reason)


@lru_cache(maxsize=32)
def _decoder(kind: Hashable) -> Any:
    return msgspec.json.Decoder(cast("type[object]", kind))


def text(identifier: str | int | None) -> str | None:
    """An id as text; None where it is missing or empty."""
    return None if identifier is None else str(identifier).strip() or None
