"""Segment's track API, translated: JSON in, events and rejections out. Pure.

A browser's key is public, so what it says is a claim: browse events only, under the anonymous id
and the cart, never under a customer's id or address (invariant I11).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from connectors.decoding import joined
from connectors.events import BROWSER_TYPES, Event, event_id
from connectors.generic.browsing import browse_event, custom_event, page_event
from connectors.generic.messages import (
    LARGEST_EVENT,
    Batch,
    Message,
    Rejection,
    Sender,
    Translated,
    Unfit,
    part,
    whole,
)
from connectors.generic.names import Meaning, event_meaning
from connectors.generic.opinions import (
    complaint_event,
    review_event,
    survey_event,
    ticket_event,
)
from connectors.generic.people import alias_event, identify_event
from connectors.generic.purchases import checkout_event, order_event, refund_event
from connectors.generic.story import Story, Translator
from connectors.generic.times import message_times

Call = Literal["track", "identify", "page", "screen", "alias"]


def read_batch(raw: bytes, sender: Sender, received_at: datetime) -> Translated:
    """The events of ``POST /v1/batch``; a message that is wrong stops no other.

    Parameters
    ----------
    raw
        The body.
    sender
        Whose key the request carried.
    received_at
        When it came, aware UTC.

    Raises
    ------
    MalformedPayload
        If the body is not a JSON object with a list ``batch``.
    """
    batch = whole(raw, Batch)
    events: list[Event] = []
    rejections: list[Rejection] = []
    for index, each in enumerate(batch.batch):
        try:
            events.append(_event(each, None, sender, (received_at, batch.sent_at)))
        except Unfit as unfit:
            place = joined(f"batch[{index}]", unfit.place)
            rejections.append(Rejection(place, unfit.reason))
    return Translated(tuple(events), tuple(rejections))


def read_call(raw: bytes, call: Call, sender: Sender, received_at: datetime) -> Translated:
    """The event of ``POST /v1/track``, ``identify``, ``page``, ``screen`` or ``alias``.

    Parameters
    ----------
    raw, sender, received_at
        As :func:`read_batch`.
    call
        The last part of the address; it wins over a ``type`` in the body.

    Raises
    ------
    MalformedPayload
        If the body is not JSON.
    """
    message = msgspec.Raw(raw)
    whole(raw, msgspec.Raw)
    try:
        return Translated(events=(_event(message, call, sender, (received_at, None)),))
    except Unfit as unfit:
        return Translated(rejections=(Rejection(unfit.place or "body", unfit.reason),))


def _event(
    raw: msgspec.Raw, call: Call | None, sender: Sender, times: tuple[datetime, datetime | None]
) -> Event:
    if len(memoryview(raw)) > LARGEST_EVENT:
        place, reason = "", f"expected at most {LARGEST_EVENT} bytes"
        raise Unfit(place, reason)
    message = part(raw, Message, "")
    received_at, sent_at = times
    meaning = _meaning(message, call)
    if not sender.is_server and meaning.type not in BROWSER_TYPES:
        raise Unfit("event" if meaning.is_track else "type", _browser_word(meaning.type))
    when = message_times(message, sent_at, received_at, sender.time_zone)
    key = message.message_id or bytes(raw)
    story = Story(
        sender=sender,
        message=message,
        meaning=meaning,
        times=when,
        received_at=received_at,
        id=event_id(sender.store, meaning.type, when.original, key),
    )
    return _TRANSLATORS[meaning.way](story)


def _meaning(message: Message, call: Call | None) -> Meaning:
    kind = call or message.type
    if kind == "track":
        if not message.event:
            place, reason = "event", "required in a track message"
            raise Unfit(place, reason)
        return event_meaning(message.event)
    meaning = _CALLS.get(kind)
    if meaning is None:
        expected = ", ".join(("track", *_CALLS))
        place, reason = "type", f"expected one of {expected}"
        raise Unfit(place, reason)
    return meaning


def _browser_word(kind: str) -> str:
    if kind == "customer_updated":
        return "who somebody is needs the server key: a browser's word is a claim"
    if kind in {"order_updated", "order_refunded"}:
        return "orders and refunds need the server key or the store's webhook"
    return f"{kind} needs the server key: the browser key takes browse events only"


_CALLS: Final = {
    "page": Meaning("page_viewed", "page", is_track=False),
    "screen": Meaning("page_viewed", "page", is_track=False),
    "identify": Meaning("customer_updated", "identify", is_track=False),
    "alias": Meaning("customers_merged", "alias", is_track=False),
}
_TRANSLATORS: Final[dict[str, Translator]] = {
    "browse": browse_event,
    "product": browse_event,
    "page": page_event,
    "custom": custom_event,
    "checkout": checkout_event,
    "order": order_event,
    "refund": refund_event,
    "review": review_event,
    "survey": survey_event,
    "complaint": complaint_event,
    "ticket": ticket_event,
    "identify": identify_event,
    "alias": alias_event,
}
