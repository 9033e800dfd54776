"""One circuit a store: after several failures in a row it opens, then one action asks again.

Kept in Redis because several processes deliver. Losing it costs a few tries, never an action. Only
one delivery works for a store at a time (its bell is the lease), so reads and writes need no lock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis

OPENS_AFTER: Final = 5  # failures in a row
FIRST_REST: Final = 5.0  # seconds
LONGEST_REST: Final = 300.0
# So long without a try, and the past says nothing any more.
_FORGOTTEN: Final = 3_600


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a store has answered lately.

    Attributes
    ----------
    failures
        Unavailable in a row.
    rests_until
        Operating time (seconds since 1970) before which nothing is pushed.
    """

    failures: int = 0
    rests_until: float = 0.0

    def allows(self, now: float) -> int | None:
        """How many actions may be tried: 0 while it rests, 1 to ask again, None without bound."""
        if now < self.rests_until:
            return 0
        return 1 if self.failures >= OPENS_AFTER else None


def circuit(server: redis.Redis, store: int) -> Circuit:
    """The circuit of one store; closed if Redis knows nothing of it."""
    return circuits(server, [store])[store]


def circuits(server: redis.Redis, stores: Iterable[int]) -> dict[int, Circuit]:
    """The circuits of several stores, in one round trip."""
    wanted = list(stores)
    if not wanted:
        return {}
    raw = server.mget([_key(store) for store in wanted])
    return {store: _read(one) for store, one in zip(wanted, raw, strict=True)}


def note_answer(server: redis.Redis, store: int) -> None:
    """The store answered: whatever it said, it is there."""
    server.delete(_key(store))


def note_failure(server: redis.Redis, store: int, now: float, wait: float | None = None) -> Circuit:
    """The store did not answer; ``wait`` seconds if it said how long."""
    failures = circuit(server, store).failures + 1
    rest = wait or 0.0
    if failures >= OPENS_AFTER:
        longest = min(FIRST_REST * 2 ** (failures - OPENS_AFTER), LONGEST_REST)
        rest = max(rest, longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, no secret
    return _write(server, store, Circuit(failures, now + rest))


def rest(server: redis.Redis, store: int, until: float) -> Circuit:
    """Push nothing to the store before a time: it asked for patience."""
    return _write(server, store, Circuit(0, until))


def _write(server: redis.Redis, store: int, state: Circuit) -> Circuit:
    server.set(_key(store), f"{state.failures} {state.rests_until:.3f}", ex=_FORGOTTEN * 2)
    return state


def _read(raw: bytes | str | None) -> Circuit:
    if raw is None:
        return Circuit()
    failures, until = (raw.decode() if isinstance(raw, bytes) else raw).split()
    return Circuit(int(failures), float(until))


def _key(store: int) -> str:
    return f"shoal:circuit:{store}"
