"""Duplicate identities: one e-mail for many customer ids within a day, or one id for many e-mails.

A till that books every guest under one id, or a script that opens accounts, would merge strangers
or split one person. Only a pair that contradicts what is known is looked at further and remembered
for that day, as keyed hashes; the first few are taken as they always were (families share an
address), the rest is held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, delete, select

from connectors.events import Event
from connectors.records import Customer
from worker import bulk, models
from worker.erasure import hash_of
from worker.identities import Directory, Key
from worker.sealing import Sealer

if TYPE_CHECKING:  # the sweep only forgets: no campaigns, no numpy
    from worker.shop import Shop

KEPT: Final = 2 * 86_400_000_000  # microseconds that a contradiction is remembered
_told: Final = models.contradictions


class Told(NamedTuple):
    """Events in order of arrival, how many contradictions of a key a day may have, and the wall."""

    events: Sequence[Event]
    most: int
    wall: int


class _Pair(NamedTuple):
    """An e-mail and a customer id that one event says belong together, and on which day."""

    event: bytes
    email: Key
    own: Key
    day: int


def shared(
    connection: Connection, sealer: Sealer, shop: Shop, directory: Directory, told: Told
) -> set[bytes]:
    """Ids of the events beyond the limit; contradictions of the others are remembered."""
    pairs = list(_pairs(told.events))
    if not (suspects := _suspects(directory, pairs)):
        return set()
    hashed = {key: hash_of(sealer, shop.id, key) for pair in suspects for key in pair[1:3]}
    known = _known(connection, suspects, hashed)
    view = _View(directory, {})
    held: set[bytes] = set()
    new: set[tuple[str, str]] = set()
    for pair in suspects:
        found = [
            (_name(hashed, key, pair.day), hashed[other]) for key, other in view.disputes(pair)
        ]
        fresh = [(name, other) for name, other in found if other not in known[name]]
        if any(len(known[name]) >= told.most for name, _ in fresh):
            held.add(pair.event)
            continue
        view.bind(pair)
        for name, other in fresh:
            known[name].add(other)
            new.add((name, other))
    rows = [(*one, shop.number, told.wall) for one in sorted(new)]
    bulk.insert_missing(connection, _told, ("name", "other", "store", "noted_at"), rows)
    return held


def _pairs(events: Iterable[Event]) -> Iterator[_Pair]:
    for event in events:
        said = dict(event.identities)
        email, own = said.get("email"), said.get("customer_id")
        if email is None:
            continue
        if own is None and isinstance(event.body, Customer):
            own = event.body.customer_id
        if own:
            key = ("customer_id", own)
            yield _Pair(event.id, ("email", email), key, event.at.toordinal())


def _suspects(directory: Directory, pairs: Sequence[_Pair]) -> list[_Pair]:
    """The pairs of which anything before, or another of the batch, may say otherwise."""
    bound = directory.bound.get
    new = [pair for pair in pairs if bound(pair.email, -1) != bound(pair.own, -2)]
    partners: dict[Key, set[Key]] = {key: set() for pair in new for key in pair[1:3]}
    for pair in pairs if new else ():
        for key, other in ((pair.email, pair.own), (pair.own, pair.email)):
            if key in partners:
                partners[key].add(other)
    doubtful = {
        key for key, others in partners.items() if len(others) > 1 or bound(key) is not None
    }
    return [pair for pair in pairs if pair.email in doubtful or pair.own in doubtful]


class _View:
    """Who stands behind keys, the pairs of this batch included as they come.

    So one large batch sees what many small ones see. A holder is a customer's number, or the
    platform's id of one whom this batch brings.
    """

    def __init__(self, directory: Directory, holders: dict[Key, int | str]) -> None:
        self._directory = directory
        self._holders = holders

    def _holder(self, key: Key) -> int | str | None:
        bound = self._directory.bound.get(key)
        return self._holders.get(key, None if bound is None else self._directory.final(bound))

    def disputes(self, pair: _Pair) -> list[tuple[Key, Key]]:
        """Each key that was known to lead elsewhere, and what it is said to lead to."""
        of_email, of_own = self._holder(pair.email), self._holder(pair.own)
        if of_email == of_own:
            return []
        found = []
        # A guest, known by an address alone, may turn out to be anybody.
        if isinstance(of_email, str) or of_email in self._directory.platform_ids:
            found.append((pair.email, pair.own))
        if of_own is not None:
            found.append((pair.own, pair.email))
        return found

    def bind(self, pair: _Pair) -> None:
        """From now on these two belong together."""
        of_own = self._holder(pair.own)
        holder = of_own if of_own is not None else pair.own[1]
        self._holders[pair.email] = self._holders[pair.own] = holder


def _name(hashed: Mapping[Key, str], key: Key, day: int) -> str:
    return f"{hashed[key]}|{day}"


def _known(
    connection: Connection, pairs: Iterable[_Pair], hashed: Mapping[Key, str]
) -> dict[str, set[str]]:
    names = {_name(hashed, key, pair.day) for pair in pairs for key in pair[1:3]}
    known: dict[str, set[str]] = defaultdict(set)
    for name, other in bulk.select_keys(
        connection, _told, ("name", "other"), "name", sorted(names)
    ):
        known[str(name)].add(str(other))
    return known


def has_old(connection: Connection, wall: int) -> bool:
    """Whether contradictions of earlier days are still remembered."""
    query = select(_told.c.name).where(_told.c.noted_at < wall - KEPT).limit(1)
    return connection.execute(query).first() is not None


def forget_old(connection: Connection, wall: int) -> None:
    """Contradictions of earlier days go."""
    connection.execute(delete(_told).where(_told.c.noted_at < wall - KEPT))
