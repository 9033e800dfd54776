"""Bots: more page events of one visitor within one minute than a person makes.

Only a browser key's word is judged; what a store or a server says is not. The first so many of a
minute pass and the rest of it is held. What earlier batches let pass is counted in the event log,
so that the size of a batch makes no difference; only where a visitor has been seen since the minute
began is there anything to count. Who is merged in the midst of such a minute is counted anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from connectors.events import BROWSER_TYPES, Event
from worker import bulk
from worker.identities import Directory
from worker.touches import BROWSING_TYPES

_MINUTE: Final = 60  # seconds
# What moves features.
_TYPES: Final = BROWSER_TYPES & frozenset(BROWSING_TYPES)
Pace = tuple[str, int]  # a visitor and a minute


def bursts(
    connection: Connection, directory: Directory, events: Sequence[Event], most: int
) -> set[bytes]:
    """Ids of the browsers' events beyond ``most`` a minute, in order of arrival."""
    judged = [event for event in events if event.type in _TYPES]
    visitors = [_visitor(event) for event in judged]
    suspects = _suspects(directory, judged, Counter(visitors), most)
    if not suspects:
        return set()
    paces: dict[Pace, list[bytes]] = defaultdict(list)
    for event, visitor in zip(judged, visitors, strict=True):
        if visitor in suspects:
            paces[visitor, int(event.at.timestamp()) // _MINUTE].append(event.id)
    before = _before(connection, directory, paces)
    return {one for pace, its in paces.items() for one in its[max(most - before.get(pace, 0), 0) :]}


def _suspects(
    directory: Directory, events: Sequence[Event], told: Counter[str], most: int
) -> set[str]:
    """Visitors who are in the batch more often, or were there in the batch's first minute or later.

    Almost nobody, so that almost nothing is counted.
    """
    told.pop("", None)
    if not told:
        return set()
    begin = int(min(event.at for event in events).timestamp()) // _MINUTE * _MINUTE * 1_000_000
    bound, seen = directory.bound.get, directory.seen.get
    return {
        visitor
        for visitor, count in told.items()
        if count > most or seen(bound(("anonymous_id", visitor), 0), begin - 1) >= begin
    }


def _visitor(event: Event) -> str:
    """Who browses, by the name that the browser gave; empty if it gave none."""
    identities = event.identities
    if len(identities) == 1:
        kind, key = identities[0]
        return key if kind == "anonymous_id" else ""
    return dict(identities).get("anonymous_id", "")


def _before(connection: Connection, directory: Directory, paces: Iterable[Pace]) -> dict[Pace, int]:
    """How many of each visitor's minute the log has."""
    known: dict[tuple[int, int], list[Pace]] = defaultdict(list)
    for visitor, minute in paces:
        customer = directory.bound.get(("anonymous_id", visitor), 0)
        begin = minute * _MINUTE * 1_000_000
        if directory.seen.get(customer, begin - 1) >= begin:
            known[customer, begin].append((visitor, minute))
    counted = bulk.count_minutes(connection, sorted(known), _TYPES)
    return {pace: count for *key, count in counted for pace in known[key[0], key[1]]}
