"""One message on its way to an event, and what all translations share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.events import Event
from connectors.facts import normalised_email, who
from connectors.generic.messages import Message, Sender, Unfit, text
from connectors.generic.names import Meaning
from connectors.generic.times import Times
from connectors.records import Body, Money

MOST_PIECES: Final = 1_000_000
# A code that no currency has would be kept beside money for ever.
_CURRENCY_LENGTH: Final = 3


class Story(msgspec.Struct, frozen=True):
    """A message, its sender, its times and its id."""

    sender: Sender
    message: Message
    meaning: Meaning
    times: Times
    received_at: datetime
    id: bytes


# Kinds of ids that some shops make of their customers' addresses.
_PEOPLE: Final = frozenset({"customer_id", "anonymous_id"})

Translator = Callable[[Story], Event]


class Telling(msgspec.Struct, frozen=True):
    """What a translation found beside the story."""

    body: Body | None = None
    properties: Mapping[str, Any] = {}
    keys: tuple[tuple[str, str | None], ...] = ()
    personal: Mapping[str, str | None] = {}


def told(story: Story, telling: Telling) -> Event:
    """The event of a story.

    A browser keeps only its anonymous id and its cart, and nothing personal. An id that is an
    address is an e-mail (invariant I9: ids are kept in clear).

    Raises
    ------
    Unfit
        If nobody is named whom it could be about, or a browser names an address.
    """
    sender, message = story.sender, story.message
    anonymous = ("anonymous_id", text(message.anonymous_id))
    personal: dict[str, str] = {}
    if sender.is_server:
        personal = {name: value for name, value in telling.personal.items() if value}
        ids = (("customer_id", text(message.user_id)), *telling.keys, anonymous)
        keys = [_without_address(kind, key) for kind, key in ids]
        identities = who(keys, personal.get("email"))
        address = normalised_email(text(message.user_id))
        if address:
            personal.setdefault("email", address)
    else:
        if normalised_email(anonymous[1]):
            place, reason = "anonymousId", "expected an id that is no e-mail address"
            raise Unfit(place, reason)
        carts = (pair for pair in telling.keys if pair[0] == "cart")
        identities = who((anonymous, *carts))
    if not identities:
        place = "anonymousId"
        reason = "expected userId or anonymousId" if sender.is_server else "required"
        raise Unfit(place, reason)
    return Event(
        id=story.id,
        store=sender.store,
        type=story.meaning.type,
        at=story.times.at,
        received_at=story.received_at,
        source="server" if sender.is_server else "browser",
        identities=identities,
        body=telling.body,
        properties=_with_offset(telling.properties, story.times.utc_offset),
        personal=personal,
    )


def _without_address(kind: str, key: str | None) -> tuple[str, str | None]:
    address = normalised_email(key) if kind in _PEOPLE else ""
    return ("email", address) if address else (kind, key)


def minor(amount: Decimal, currency: str, place: str) -> int:
    """An amount in minor units.

    Raises
    ------
    Unfit
        If it is no amount.
    """
    try:
        return Money.of(amount, currency).minor
    except (ValueError, ArithmeticError):
        reason = "expected an amount of money of reasonable size"
        raise Unfit(place, reason) from None


def pieces(quantity: Decimal, place: str) -> int:
    """A number of pieces.

    Raises
    ------
    Unfit
        If it is negative, huge or no number.
    """
    if not quantity.is_finite() or not 0 <= quantity <= MOST_PIECES:
        reason = f"expected a number from 0 to {MOST_PIECES}"
        raise Unfit(place, reason)
    return int(quantity)


def known_currency(code: str | None, story: Story) -> str:
    """The currency a message names, else the store's.

    Raises
    ------
    Unfit
        If it is not three letters.
    """
    if not code:
        return story.sender.currency
    tidy = code.strip().upper()
    if len(tidy) != _CURRENCY_LENGTH or not tidy.isascii() or not tidy.isalpha():
        place, reason = "properties.currency", "expected three letters (ISO 4217)"
        raise Unfit(place, reason)
    return tidy


def context_email(story: Story, *others: Any) -> str | None:
    """The first e-mail address of several places and ``context.traits``."""
    context = story.message.context
    traits = context.traits if context is not None and context.traits else {}
    return first_text((*others, traits.get("email")))


def first_text(values: Iterable[Any]) -> str | None:
    """The first value that is text and not empty."""
    return next((each for each in values if isinstance(each, str) and each.strip()), None)


def _with_offset(properties: Mapping[str, Any], offset: int | None) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if value is not None}
    if offset is not None:
        kept["utc_offset"] = offset
    return kept
