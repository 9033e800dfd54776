"""From what a connector read to entries of the stream: look-ups named, persons sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.events import Event, event_id
from connectors.protocol import LookUp, Received
from worker import stream
from worker.celery import DRAIN
from worker.runtime import Kit
from worker.sealing import Sealer, seal_events


def received_events(
    sealer: Sealer, store: str, received: Received, received_at: datetime
) -> list[Event]:
    """Everything to append for one webhook, sealed; look-ups become events of their own."""
    asked = [look_up_event(store, wanted, received_at) for wanted in received.look_ups]
    return seal_events(sealer, [*received.events, *asked])


def look_up_event(store: str, wanted: LookUp, received_at: datetime) -> Event:
    """The event that makes delivery read one thing; the same change is the same event."""
    return Event(
        id=event_id(store, "look_up_due", wanted.updated_at, f"{wanted.kind}:{wanted.key}"),
        store=store,
        type="look_up_due",
        at=wanted.updated_at,
        received_at=received_at,
        properties={"kind": wanted.kind, "key": wanted.key},
    )


def accept(kit: Kit, partition: int, events: Sequence[Event]) -> None:
    """Append sealed events of one store and ring; once this returns they are not lost.

    Raises
    ------
    BacklogFull, RedisDown
        As :func:`worker.stream.append`; the sender shall send again.
    """
    if not events:
        return
    if stream.append(kit.redis, partition, events, backlog=kit.settings.backlog):
        kit.send(DRAIN, partition)
