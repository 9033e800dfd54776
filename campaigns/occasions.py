"""What one firing is about: (campaign, customer, occasion) is decided at most once."""

from __future__ import annotations

from datetime import date
from typing import Final

from connectors.events import Event
from connectors.records import Cart, Order, Refund

ENTRY: Final = "entry:"


def event_occasion(event: Event) -> str:
    """The natural key of an event: its order, refund or cart, else the event's own id."""
    match event.body:
        case Order(order_id=key):
            return f"order:{key}"
        case Refund(refund_id=key):
            return f"refund:{key}"
        case Cart(token=key):
            return cart_occasion(key)
        case _:
            return f"event:{event.id.hex()}"


def segment_occasion(number: int) -> str:
    """The number of a segment change of this customer (segment_changes.number)."""
    return counted_occasion("", number)


def membership_occasion(segment: str, number: int) -> str:
    """The number of a customer's change of one segment by rule (membership_changes.number)."""
    return counted_occasion(segment, number)


def counted_occasion(segment: str, number: int) -> str:
    """A customer's n-th change of a segment by rule; of stage or group where it is empty."""
    return f"{ENTRY}{segment}:{number}" if segment else f"{ENTRY}{number}"


def counted(occasion: str) -> tuple[str, int]:
    """The segment and the number of what `counted_occasion` made."""
    segment, _, number = occasion.removeprefix(ENTRY).rpartition(":")
    return segment, int(number)


def schedule_occasion(slot: date) -> str:
    """The local day of a slot; editing the hour does not make the day a second occasion."""
    return f"slot:{slot.isoformat()}"


def date_occasion(year: int) -> str:
    """The year in which the date itself falls, whenever the reminder comes."""
    return f"year:{year}"


def cart_occasion(token: str) -> str:
    """A cart or checkout by its token."""
    return f"cart:{token}"
