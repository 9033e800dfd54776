"""Who an event is about: keys to customers, first meetings, claims and merges.

Pure bookkeeping over one batch: the rows a batch may need are read before (one query), what
changed is written after. Three rules decide everything:

1. A platform's customer id names a person; an e-mail names one unless two platform ids share it;
   anonymous ids, carts and orders only lead to one and may be handed over.
2. A visitor's profile yields to a person's when a trusted event binds both. Two people never
   merge unless the store itself says so.
3. A browser's word binds nothing but its own anonymous id: a cart it names is a claim, which the
   next trusted event about that cart confirms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

Key = tuple[str, str]
# Strength of a key: a person's own id first.
_STRENGTH: Final = {"customer_id": 0, "email": 1, "order": 2, "cart": 3, "anonymous_id": 4}
CLAIM: Final = "claim"
_PERSON: Final = frozenset({"customer_id", "email"})


@dataclass(slots=True)
class Directory:
    """A batch's view of one store's identities; changes gather in it.

    Attributes
    ----------
    bound
        Key → customer, as stored and as changed since.
    platform_ids
        Customer → the platform's id of it, for those that have one.
    known
        Customers that told us who they are.
    last
        Highest customer id given out in this store.
    changed
        Keys whose customer changed or is new.
    created
        Customers made in this batch, in order.
    merged
        Customer → the one it yielded to, in order of yielding.
    yielded
        The same of earlier batches, for customers that events name by our own id.
    seen
        When customers were last seen before the batch, int microseconds.
    """

    bound: dict[Key, int]
    platform_ids: dict[int, str]
    known: set[int]
    last: int
    changed: set[Key] = field(default_factory=set)
    created: list[int] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)
    yielded: dict[int, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)

    def final(self, customer: int) -> int:
        """The customer that stands for this one after the batch's merges."""
        customer = self.yielded.get(customer, customer)
        while customer in self.merged:
            customer = self.merged[customer]
        return customer


def keys_to_read(identities: Iterable[Key]) -> set[Key]:
    """Every stored key that resolving these identities may look at."""
    keys = set(identities)
    return keys | {(CLAIM, key) for kind, key in keys if kind == "cart"}


def resolve(directory: Directory, keys: Sequence[Key], *, is_claim: bool) -> int:
    """The customer an event is about; binds, creates and merges as the rules say.

    Parameters
    ----------
    directory
        Changed in place.
    keys
        The event's identities. Empty: nobody's, answered with 0.
    is_claim
        Whether only a browser says so.
    """
    if is_claim:
        return _resolve_claim(directory, keys)
    if not keys:
        return 0
    ordered = sorted(keys, key=lambda key: _STRENGTH.get(key[0], 9))
    customer = _primary(directory, ordered)
    for key in ordered:
        _bind(directory, key, customer)
    for kind, token in ordered:
        if kind == "cart":
            _confirm(directory, (CLAIM, token), customer)
    return customer


def merge_people(directory: Directory, winner_id: str, loser_id: str) -> None:
    """Unite two platform ids because the store says that they are one person."""
    winner = resolve(directory, [("customer_id", winner_id)], is_claim=False)
    loser = directory.bound.get(("customer_id", loser_id))
    if loser is None:
        _set(directory, ("customer_id", loser_id), winner)
    elif directory.final(loser) != winner:
        _merge(directory, directory.final(loser), winner)


def _resolve_claim(directory: Directory, keys: Sequence[Key]) -> int:
    visitor = next((key for key in keys if key[0] == "anonymous_id"), None)
    if visitor is None:
        return 0
    stored = directory.bound.get(visitor)
    customer = _create(directory) if stored is None else directory.final(stored)
    if stored is None:
        _set(directory, visitor, customer)
    for kind, key in keys:
        if kind == "cart" and (CLAIM, key) not in directory.bound:
            _set(directory, (CLAIM, key), customer)
    return customer


def _primary(directory: Directory, ordered: Sequence[Key]) -> int:
    """Whose event it is: the strongest bound key's, unless the event names somebody else."""
    own = next((key for kind, key in ordered if kind == "customer_id"), None)
    is_named = ordered[0][0] in _PERSON
    for key in ordered:
        stored = directory.bound.get(key)
        if stored is None:
            continue
        customer = directory.final(stored)
        if not is_named or key == ordered[0]:
            return customer
        if _may_become(directory, customer, key, own):
            return customer
    return _create(directory)


def _may_become(directory: Directory, customer: int, key: Key, own: str | None) -> bool:
    """A visitor may turn out to be anyone; a known person only by the e-mail or order they gave.

    ``own`` is the platform's id that the event says, if any: somebody else has another.
    """
    if own is not None and directory.platform_ids.get(customer, own) != own:
        return False
    return customer not in directory.known or key[0] in {"email", "order"}


def _bind(directory: Directory, key: Key, customer: int) -> None:
    stored = directory.bound.get(key)
    if stored is None or directory.final(stored) == customer:
        _set(directory, key, customer)
        return
    other = directory.final(stored)
    is_guest = key[0] == "email" and other not in directory.platform_ids
    if other not in directory.known or is_guest:
        _merge(directory, other, customer)
    _set(directory, key, customer)


def _confirm(directory: Directory, claim: Key, customer: int) -> None:
    stored = directory.bound.get(claim)
    if stored is None:
        return
    visitor = directory.final(stored)
    if visitor != customer and visitor not in directory.known:
        _merge(directory, visitor, customer)
    _set(directory, claim, customer)


def _set(directory: Directory, key: Key, customer: int) -> None:
    if directory.bound.get(key) != customer:
        directory.bound[key] = customer
        directory.changed.add(key)
    if key[0] == "customer_id":
        directory.platform_ids.setdefault(customer, key[1])
    if key[0] in {"customer_id", "email"}:
        directory.known.add(customer)


def _create(directory: Directory) -> int:
    directory.last += 1
    directory.created.append(directory.last)
    return directory.last


def _merge(directory: Directory, loser: int, winner: int) -> None:
    directory.merged[loser] = winner
    platform_id = directory.platform_ids.pop(loser, None)
    if platform_id is not None:
        directory.platform_ids.setdefault(winner, platform_id)
    if loser in directory.known:
        directory.known.discard(loser)
        directory.known.add(winner)
