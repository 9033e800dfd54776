"""What was read of a shop's file: its events in order, and what is to be said about the reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from connectors.events import Event
from worker.trying.left_out import LeftOut


@dataclass(frozen=True, kw_only=True)
class Book:
    """A shop's history from a file.

    Attributes
    ----------
    kind, platform
        What the file was recognised as; the platform's name in Shoal, empty if it is none.
    rows
        Rows of the file, those left out included.
    notes
        How it was read, sentences for people.
    currency
        ISO 4217; ``is_currency_known`` tells whether the file or somebody said it.
    events
        Its events for a store, received at a moment, oldest first.
    """

    kind: str
    platform: str
    rows: int
    customers: int
    orders: int
    first: datetime
    last: datetime
    currency: str
    is_currency_known: bool
    has_carts: bool
    has_birthdays: bool
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    events: Callable[[str, datetime], Iterator[Event]]
    event_count: int
    map_text: str = ""
