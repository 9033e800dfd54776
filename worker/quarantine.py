"""The gate: what may not move features is held, sealed and with its reason; the rest goes on.

A held event is a row among the dead letters, in a state of its own: ``held``, then ``releasing``
and ``released``, or ``dropped``. So it is sealed, searched at an erasure and sealed anew with a new
key as they are, and no list of dead letters shows it. Held events are not in the event log; a
redelivery finds the row and stops there. A released one comes by the stream again, and the row lets
it through. See docs/decisions/0014-quarantine.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy import Connection

from connectors.events import Event, microseconds, moment
from connectors.records import Customer, Order
from worker import bulk, erasure, intake, models
from worker.batch import Batch
from worker.dead_letters import EVENT
from worker.identities import Directory, Key
from worker.quality_bursts import bursts
from worker.quality_checks import (
    DROPPED,
    FLAGS,
    HELD,
    PASSED,
    RELEASED,
    RELEASING,
    TALLY,
    Reason,
    is_beyond,
    is_early,
    is_impossible_birthday,
    problem,
    softened,
    takes_away,
)
from worker.quality_sharing import Told, shared
from worker.runtime import Kit
from worker.sealing import Sealer
from worker.settings import Settings
from worker.shop import Shop

_BIRTHDAY: Final = "birthday"
_COLUMNS: Final = ("id", "store", "kind", "reason", "at", "state", "sealed")
_NAMED: Final = (Customer, Order)  # of whom the body or one identity may say enough
_SOUND: Final = frozenset({PASSED, *FLAGS})
_GO: Final = frozenset({RELEASING, RELEASED})


@dataclass(slots=True)
class Screened:
    """What came through the gate, in order of arrival, and what there is to count.

    ``seen`` are events that the gate has judged before.
    """

    passed: list[Event]
    held: int = 0
    known: int = 0
    seen: frozenset[bytes] = frozenset()
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, batch: Batch) -> None:
        """Add to a batch's tallies."""
        batch.count("set_aside", by=self.held)
        batch.count("duplicates", by=self.known)
        for (day, reason), times in self.told.items():
            batch.count(TALLY, f"{day}|{reason}", times)


def screen(
    connection: Connection, kit: Kit, shop: Shop, directory: Directory, events: Sequence[Event]
) -> Screened:
    """Let through what may move features; hold the rest.

    Parameters
    ----------
    directory
        What is stored about the keys of these events; it is not changed.
    events
        New ones of one store, in order of arrival.
    """
    if not events:
        return Screened([])
    found = _problems(connection, kit, shop, directory, events)
    failing = {one: reason for one, reason in found.items() if reason not in FLAGS}
    if not failing:
        done = Screened(list(events))
    else:
        done = _held(connection, kit.sealer, shop, events, failing)
    wrong: dict[Reason, list[Event]] = defaultdict(list)
    for event in (one for one in events if one.id in found and one.id not in done.seen):
        wrong[found[event.id]].append(event)
    sound = [event for event in events if event.id not in found] if found else events
    told: list[tuple[str, Sequence[Event]]] = [(PASSED, sound), *wrong.items()]
    for reason, its in told:
        for day, count in _days(shop, its).items():
            done.told[day, reason] += count
    return done


def _days(shop: Shop, events: Sequence[Event]) -> Counter[str]:
    """How many events count for which day: for today; in a log's replay each for its own."""
    if shop.is_on_log_time:
        return Counter(event.at.date().isoformat() for event in events)
    return Counter({moment(shop.now).date().isoformat(): len(events)})


def _problems(
    connection: Connection, kit: Kit, shop: Shop, directory: Directory, events: Sequence[Event]
) -> dict[bytes, Reason]:
    """What is wrong, by event; our own word is not judged."""
    found: dict[bytes, Reason] = {}
    browsing: list[Event] = []
    named: list[Event] = []
    for event in events:
        source, body = event.source, event.body
        if source == "shoal":
            continue
        if (reason := problem(event, shop.currency)) is not None:
            found[event.id] = reason
        if source == "browser":
            browsing.append(event)
        elif len(event.identities) > 1 or type(body) in _NAMED:
            named.append(event)
    found |= dict.fromkeys(_beyond(shop, events), "impossible_date")
    found |= dict.fromkeys(_by_testers(kit, shop, named), "test_order")
    found |= dict.fromkeys(_born_wrong(kit.sealer, named), "impossible_age")
    most = kit.settings.bot_events
    found |= dict.fromkeys(bursts(connection, directory, browsing, most), "bot_burst")
    sound = [event for event in named if found.get(event.id, PASSED) in _SOUND]
    told = Told(sound, kit.settings.shared_keys, microseconds(kit.clock()))
    dubious = shared(connection, kit.sealer, shop, directory, told)
    return found | dict.fromkeys(dubious, "shared_identity")


def _beyond(shop: Shop, events: Iterable[Event]) -> Iterator[bytes]:
    """What lies far ahead of a log's clock, once that goes."""
    if shop.is_on_log_time and shop.now:
        clock = moment(shop.now)
        yield from (one.id for one in events if one.source != "shoal" and is_beyond(one, clock))


def _by_testers(kit: Kit, shop: Shop, events: Iterable[Event]) -> Iterator[bytes]:
    """Orders of those whom the owner named as testers."""
    testers = _testers(kit.settings, kit.sealer, shop.id)
    if not testers:
        return
    for event in events:
        if isinstance(event.body, Order) and not testers.isdisjoint(event.identities):
            yield event.id


def _testers(settings: Settings, sealer: Sealer, store: str) -> frozenset[Key]:
    return frozenset(
        ("email", sealer.blind(store, one)) if "@" in one else ("customer_id", one)
        for one in settings.testers
    )


def _born_wrong(sealer: Sealer, events: Iterable[Event]) -> Iterator[bytes]:
    for event in events:
        if event.sealed and isinstance(event.body, Customer):
            born = sealer.open(event.store, event.sealed).get(_BIRTHDAY)
            if born and is_impossible_birthday(born, event.received_at.date()):
                yield event.id


def _held(
    connection: Connection,
    sealer: Sealer,
    shop: Shop,
    events: Sequence[Event],
    failing: Mapping[bytes, Reason],
) -> Screened:
    """Hold what fails, once; whom the owner released and who was erased passes."""
    states = _states(connection, failing)
    gone = _erased(connection, sealer, shop, [one for one in events if one.id in failing])
    done, letters = Screened([], seen=frozenset(states)), []
    for event in events:
        reason = failing.get(event.id)
        state = states.get(event.id, "")
        is_free = state in _GO and not is_early(event, moment(shop.now))
        if reason is None or event.id in gone or is_free:
            done.passed.append(event)
        elif takes_away(event):
            done.passed.append(_withdrawn(sealer, event, reason))
        elif state in {HELD, DROPPED}:
            done.known += 1
        else:
            letters.append(_letter(sealer, event, reason))
    done.held = len(letters)
    bulk.upsert(connection, models.dead_letters, _COLUMNS, letters)
    return done


def _states(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, str]:
    columns = ("id", "state")
    rows = bulk.select_keys(connection, models.dead_letters, columns, "id", sorted(ids))
    return {bytes(one): str(state) for one, state in rows}


def _erased(
    connection: Connection, sealer: Sealer, shop: Shop, events: Sequence[Event]
) -> set[bytes]:
    """Who was erased is forgotten by the rooms behind the gate, and never kept here."""
    if not shop.has_erasures:
        return set()
    keys = {event.id: intake.keys_of(event) for event in events}
    every = {key for its in keys.values() for key in its}
    erased = erasure.erased_keys(connection, sealer, shop, every)
    return {one for one, its in keys.items() if not erased.isdisjoint(its)}


def _letter(sealer: Sealer, event: Event, reason: Reason) -> tuple[object, ...]:
    return (
        *(event.id, event.store, EVENT, reason, microseconds(event.received_at), HELD),
        sealer.seal_bytes(event.store, msgspec.msgpack.encode(event)),
    )


def _withdrawn(sealer: Sealer, event: Event, reason: Reason) -> Event:
    """A withdrawal does not wait: it goes on without what is wrong with it."""
    told = softened(event, reason)
    personal = sealer.open(event.store, event.sealed)
    if reason != "impossible_age" or personal.pop(_BIRTHDAY, None) is None:
        return told
    return msgspec.structs.replace(told, sealed=sealer.seal(event.store, personal))
