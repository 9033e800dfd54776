"""The vocabulary: what can happen in a store, named as in Segment's e-commerce specification v2.

An :class:`Event` is one fact with its time and the identities it speaks of. Facts that have a
natural key (orders, refunds, customers, products, carts) carry it in ``body``; the rest carry
``properties``. ``personal`` holds names and addresses in clear only between the door and the
sealing, and again inside the drain; what is written anywhere holds ``sealed`` instead.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from connectors.records import Body

Source = Literal["webhook", "browser", "server", "import", "poll", "replay", "shoal"]

# type -> what it means. tests/test_docs.py holds docs/events.md to this table.
EVENT_TYPES: Final[dict[str, str]] = {
    "page_viewed": "A page of the storefront was shown.",
    "product_viewed": "A product's page was shown (`product_id`, `category`).",
    "products_searched": "A search was made in the store.",
    "product_added": "A product was put into the cart (`product_id`, `cart_id`).",
    "product_removed": "A product was taken out of the cart.",
    "cart_viewed": "The cart was shown.",
    "cart_updated": "The store's own word on a cart; carries a cart.",
    "checkout_started": "A checkout was begun; carries a cart when the store says it.",
    "order_updated": "The store's own word on an order; carries an order, whatever its status.",
    "order_refunded": "Money was given back; carries a refund.",
    "customer_updated": "The store's own word on a customer; carries a customer.",
    "customers_merged": "The store says two customers are one (`customer_id`, `previous_id`).",
    "product_updated": "Catalogue or stock changed; carries a product.",
    "product_reviewed": "A product was rated (`rating`, `product_id`); its text is not kept.",
    "survey_answered": "A question on satisfaction was answered (`survey`, `score`).",
    "complaint_opened": "The customer complained.",
    "ticket_closed": "A request for help was closed (`hours_open`, `satisfaction`).",
    "campaign_contacted": "One of our actions reached the customer (`campaign`).",
    "message_opened": "A message was opened (`campaign`).",
    "message_clicked": "A link in a message was clicked (`campaign`).",
    "custom": "Any other event of the shop's own; its name is in `properties.event`.",
    "customer_erased": "Forget this person: everything, everywhere.",
    "data_requested": "The person asks what is known of them: `shoal customers export` says it.",
    "store_disconnected": "The store let us go, or wants all its data gone: pushes pause.",
    "look_up_due": "The platform sent an id only; delivery reads the rest and brings it back.",
    "clock_ticked": "Time passed: age these customers (`slice`, `slices`).",
    "model_published": "A new segment model is in force from here on.",
}
# Derived inside the drain; campaigns may name them as triggers.
DERIVED_TYPES: Final[dict[str, str]] = {
    "order_completed": "An order first seen authorised, partly paid, paid or cash on delivery.",
    "order_cancelled": "A completed order was cancelled.",
    "coupon_redeemed": "A completed order was discounted by one of our codes.",
}
# What a public key may say (invariant I11). Everything else needs a signature or a server key.
BROWSER_TYPES: Final = frozenset(
    {
        "page_viewed",
        "product_viewed",
        "products_searched",
        "product_added",
        "product_removed",
        "cart_viewed",
        "checkout_started",
    }
)
# Properties the event log keeps (invariant I9); every other one is dropped before writing.
LOGGED_PROPERTIES: Final = frozenset(
    {
        "product_id",
        "category",
        "cart_id",
        "quantity",
        "value",
        "currency",
        "campaign",
        "event",
        "rating",
        "survey",
        "score",
        "hours_open",
        "satisfaction",
        "utc_offset",
        "previous_id",
    }
)
# What customers say of the shop: few, and kept for ever.
OPINIONS: Final = frozenset(
    {"product_reviewed", "survey_answered", "complaint_opened", "ticket_closed"}
)
# survey -> the lowest and the highest score. The best is the highest: of a customer effort score
# "it was made easy", 7.
SURVEYS: Final = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
STARS: Final = (1, 5)
MOST_HOURS: Final = 24 * 366 * 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact about one store.

    Attributes
    ----------
    id
        16 bytes: 6 of the producer's own time in ms (big-endian), 10 of a hash (:func:`event_id`).
    store
        The store's id in Shoal.
    type
        A key of ``EVENT_TYPES``.
    at, received_at
        When it happened; when we heard of it. Aware UTC.
    source
        By which door it came. ``browser`` identities are claims.
    identities
        Pairs (kind, key). An e-mail is its blind index once past the door.
    body
        The fact itself where it has a natural key.
    properties
        Scalars; only ``LOGGED_PROPERTIES`` are kept.
    personal
        Names, addresses, birthday in clear. Never written.
    sealed
        The same, sealed, as it is written.
    """

    id: bytes
    store: str
    type: str
    at: datetime
    received_at: datetime
    source: Source = "webhook"
    identities: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    properties: dict[str, Any] = {}
    personal: dict[str, str] = {}
    sealed: bytes = b""


def event_id(store: str, type_: str, original: datetime, key: str | bytes) -> bytes:
    """Sixteen bytes that name a delivery: time first, so that logs stay in order on disk.

    Parameters
    ----------
    store, type_
        Where and what.
    original
        The producer's own time; a redelivery must bring the same (else use the receipt's).
    key
        The producer's id of the happening, or the raw body where it gives none.
    """
    raw = key if isinstance(key, bytes) else key.encode()
    digest = hashlib.blake2b(
        b"\x00".join((store.encode(), type_.encode(), raw)), digest_size=10
    ).digest()
    return max(microseconds(original) // 1000, 0).to_bytes(6, "big") + digest


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The aware UTC time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=int(micros))
