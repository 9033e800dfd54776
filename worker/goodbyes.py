"""A store that let us go, or asks for all its data to be erased: its pushes stop at once.

Nothing is erased by itself: one request, signed with a secret that several shops may share, shall
not empty a store. The reason says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from connectors.events import Event
from worker.shop import Shop
from worker.stores import pause_store


def apply_goodbyes(connection: Connection, shop: Shop, events: Iterable[Event]) -> None:
    """Pause the store for the last ``store_disconnected`` among a batch's events."""
    said = [event.properties.get("event") for event in events if event.type == "store_disconnected"]
    if said:
        why = (
            f"the store let us go ({said[-1] or 'without a word'}): let in again, "
            f"`shoal store check {shop.id} --mend`; else `shoal store remove {shop.id} --erase`"
        )
        pause_store(connection, shop.number, why)
