"""When something happened by a sender whose clock may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from connectors.generic.messages import Context, Message, Unfit

# Below this the sender's clock is believed: the network's delay is no skew.
BELIEVED_SKEW: Final = timedelta(seconds=5)
_BEYOND: Final = "expected a time within the calendar"


class Times(msgspec.Struct, frozen=True):
    """The times of one message.

    Attributes
    ----------
    original
        As the sender wrote it: the same on every redelivery, so the id is made of it.
    at
        Corrected by the sender's skew, never after the receipt.
    utc_offset
        Seconds that the visitor's clock is ahead of UTC; None if unknown.
    """

    original: datetime
    at: datetime
    utc_offset: int | None = None


def message_times(
    message: Message, sent_at: datetime | None, received_at: datetime, time_zone: str
) -> Times:
    """Times of a message: ``at = received - (sent - timestamp)`` where the clocks differ.

    Parameters
    ----------
    message
        Gives ``timestamp`` (or ``originalTimestamp``) and perhaps ``sentAt``.
    sent_at
        The batch's ``sentAt``, for messages without their own.
    received_at
        When the request came.
    time_zone
        Of the store; reads times without a zone.

    Raises
    ------
    Unfit
        If the time is beyond the calendar.
    """
    said = message.original_timestamp or message.timestamp
    if said is None:
        return Times(received_at, received_at, _offset(message.context, received_at))
    sent = message.sent_at or sent_at
    try:
        original = _aware(said, time_zone)
        at = original
        if sent is not None:
            skew = received_at - _aware(sent, time_zone)
            at = original + skew if abs(skew) > BELIEVED_SKEW else original
        offset = said.utcoffset() if said.tzinfo is not None else None
        seconds = int(offset.total_seconds()) if offset else _offset(message.context, at)
    except (OverflowError, ValueError):
        place = "timestamp"
        raise Unfit(place, _BEYOND) from None
    return Times(original, min(at, received_at), seconds)


def aware(at: datetime | None, time_zone: str, place: str) -> datetime | None:
    """A time in UTC; a naive one is in the zone.

    Raises
    ------
    Unfit
        If the time is beyond the calendar.
    """
    try:
        return None if at is None else _aware(at, time_zone)
    except (OverflowError, ValueError):
        raise Unfit(place, _BEYOND) from None


def _aware(at: datetime, time_zone: str) -> datetime:
    if at.tzinfo is None:
        at = at.replace(tzinfo=_zone(time_zone) or UTC)
    return at.astimezone(UTC)


def _offset(context: Context | None, at: datetime) -> int | None:
    zone = _zone(context.timezone) if context is not None and context.timezone else None
    offset = at.astimezone(zone).utcoffset() if zone is not None else None
    return None if offset is None else int(offset.total_seconds())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # A browser's word: whatever it is, it names no zone.
        return None
