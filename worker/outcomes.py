"""What came of pushes: events brought back to the stream, then states written in one transaction.

The order is the guarantee: push, append, write down. Killed between any two, the action is still
due; pushing it again changes nothing and the event appended again has the same id.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, bindparam, update

from connectors.events import Event, event_id, moment
from worker import dead_letters, models, stream
from worker.celery import DRAIN
from worker.claims import REASONS, Claimed
from worker.doors import Door
from worker.runtime import Kit
from worker.sealing import Sealer, seal_events
from worker.stores import pause_store

# Kinds by which a customer hears from the store; a tag is not one.
CONTACTS: Final = frozenset({"coupon", "recommend", "webhook"})
FIRST_WAIT: Final = 2.0  # seconds
LONGEST_WAIT: Final = 900.0
MOST_TRIES: Final = 100  # about half a day


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an action stands after a try.

    Attributes
    ----------
    state
        ``done``; ``refused`` for good; ``due``: again at ``try_at``.
    reason
        A key of ``claims.REASONS``, or empty.
    at
        Operating time, int microseconds.
    was_tried
        False if the store was spared the try.
    detail
        What the platform's error said; never personal.
    pauses
        Why the whole store must be paused, or empty.
    events
        What a look-up brought.
    """

    action: Claimed
    state: Literal["done", "refused", "due"]
    at: int
    reason: str = ""
    try_at: int = 0
    was_tried: bool = True
    detail: str = ""
    pauses: str = ""
    events: tuple[Event, ...] = ()


def wait_before(tries: int, asked: float | None) -> float:
    """Seconds before the next try: full jitter below a doubling bound, never less than asked for.

    Exponential backoff and full jitter after Brooker, AWS Architecture Blog (2015).
    """
    bound = min(FIRST_WAIT * 2.0 ** min(tries, 16), LONGEST_WAIT)
    return max(random.uniform(0.0, bound), asked or 0.0)  # noqa: S311 - spreads load, no secret


def bring_back(kit: Kit, door: Door, outcomes: Sequence[Outcome]) -> None:
    """Append what pushes and look-ups tell us to the store's stream, and ring its drain.

    Raises
    ------
    RedisDown, BacklogFull
        Then nothing may be written down: the actions stay due.
    """
    events: list[Event] = []
    received = kit.clock()
    for outcome in outcomes:
        if outcome.state == "done" and outcome.action.kind in CONTACTS:
            events.append(_contacted(door, outcome))
        events += [
            msgspec.structs.replace(event, source="webhook", received_at=received)
            for event in seal_events(kit.sealer, outcome.events)
        ]
    if events and stream.append(
        kit.redis, door.store.partition, events, backlog=kit.settings.backlog
    ):
        kit.send(DRAIN, door.store.partition)


def _contacted(door: Door, outcome: Outcome) -> Event:
    action = outcome.action
    return Event(
        id=event_id(door.store.id, "campaign_contacted", moment(action.made_at), action.key),
        store=door.store.id,
        type="campaign_contacted",
        # On a log's time the moment at which it was due is the same in every run.
        at=moment(action.due_at if door.is_on_log_time else outcome.at),
        received_at=moment(outcome.at),
        source="shoal",
        properties={"campaign": action.campaign, "customer": action.customer},
    )


def withdraw(connection: Connection, reasons: Mapping[str, str], wall: int) -> None:
    """Write down actions that no longer hold, by key."""
    told = [
        {"its_key": key, "its_state": "withdrawn", "its_reason": reason, "its_end": wall}
        for key, reason in sorted(reasons.items())
    ]
    if told:
        connection.execute(_END, told)


def settle(connection: Connection, sealer: Sealer, door: Door, outcomes: Sequence[Outcome]) -> None:
    """Write down every outcome; refused ones are kept as dead letters, too."""
    ended = [one for one in outcomes if one.state != "due"]
    again = [one for one in outcomes if one.state == "due"]
    if ended:
        connection.execute(_END, [_end(one) for one in ended])
    if again:
        connection.execute(_AGAIN, [_again(one) for one in again])
    dead_letters.write_bodies(
        connection,
        [_letter(sealer, door, one) for one in ended if one.state == "refused"],
    )
    pauses = next((one.pauses for one in outcomes if one.pauses), "")
    if pauses:
        pause_store(connection, door.store.number, pauses, sealed=door.store.sealed)


_ACTIONS: Final = models.actions.c
_MINE: Final = (_ACTIONS.key == bindparam("its_key")) & (_ACTIONS.state == "due")
_END: Final = (
    update(models.actions)
    .where(_MINE)
    .values(
        state=bindparam("its_state"),
        reason=bindparam("its_reason"),
        finished_at=bindparam("its_end"),
    )
)
_AGAIN: Final = (
    update(models.actions)
    .where(_MINE)
    .values(try_at=bindparam("its_try"), tries=_ACTIONS.tries + bindparam("its_tries"))
)


def _end(one: Outcome) -> dict[str, object]:
    return {
        "its_key": one.action.key,
        "its_state": one.state,
        "its_reason": one.reason,
        "its_end": one.at,
    }


def _again(one: Outcome) -> dict[str, object]:
    return {"its_key": one.action.key, "its_try": one.try_at, "its_tries": int(one.was_tried)}


def _letter(sealer: Sealer, door: Door, one: Outcome) -> tuple[str, str, str, int, bytes]:
    action = one.action
    body = msgspec.json.encode(
        {"key": action.key, "kind": action.kind, "payload": msgspec.Raw(action.payload.encode())}
    )
    reason = f"{action.kind}: {REASONS[one.reason]} {one.detail}".strip()
    return door.store.id, "action", reason, one.at, sealer.seal_bytes(door.store.id, body)
