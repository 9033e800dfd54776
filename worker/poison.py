"""An event that cannot be folded: found by halving its batch, kept with its reason, passed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select, update

from connectors.events import Event
from worker import models
from worker.dead_letters import write_events
from worker.sealing import Sealer

# A store that sends so many in a row has changed: its events are kept until somebody looks.
IN_A_ROW: Final = 20
SET_ASIDE: Final = (
    f"more than {IN_A_ROW} of this store's events in a row could not be applied; all are kept "
    "until `shoal dead-letters replay`"
)


def bury(connection: Connection, sealer: Sealer, event: Event, reason: str) -> None:
    """Keep one event as a dead letter and count it against its store."""
    write_events(connection, sealer, [(event, reason)])
    connection.execute(
        update(models.stores)
        .where(models.stores.c.id == event.store)
        .values(poison=models.stores.c.poison + 1)
    )


def split(
    connection: Connection, events: Sequence[Event]
) -> tuple[list[Event], list[tuple[Event, str]]]:
    """Events to apply, and those of stores that are set aside, each with the reason."""
    stores = models.stores.c
    aside = set(connection.execute(select(stores.id).where(stores.poison > IN_A_ROW)).scalars())
    if not aside:
        return list(events), []
    return (
        [event for event in events if event.store not in aside or _is_ours(event)],
        [(event, SET_ASIDE) for event in events if event.store in aside and not _is_ours(event)],
    )


def _is_ours(event: Event) -> bool:
    """The clock, an erasure, a model: our own word is true whatever the store sends."""
    return event.source == "shoal"


def forgive(connection: Connection, told: Mapping[str, Sequence[Event]]) -> None:
    """A batch of these stores' own events went well: the count starts again."""
    stores = [store for store, events in told.items() if not all(map(_is_ours, events))]
    if not stores:
        return
    connection.execute(
        update(models.stores)
        .where(
            models.stores.c.id.in_(stores),
            models.stores.c.poison > 0,
            models.stores.c.poison <= IN_A_ROW,
        )
        .values(poison=0)
    )
