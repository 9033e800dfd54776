"""One circuit a store: after several failures in a row it opens, then one action asks again.

Kept in Redis because several processes deliver. Losing it costs a few tries, never an action. Only
one delivery works for a store at a time (its bell is the lease), so reads and writes need no lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import redis

from worker.stream import reachable

OPENS_AFTER: Final = 5  # failures in a row
FIRST_REST: Final = 5.0  # seconds
LONGEST_REST: Final = 300.0
DEFAULT_PATIENCE: Final = 2.0  # seconds, where a store asks for patience without saying how much
# So long (seconds) without a try, and the past says nothing any more.
_FORGOTTEN: Final = 7_200


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a store has answered lately.

    Attributes
    ----------
    failures
        Times in a row that it was unavailable.
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


CLOSED: Final = Circuit()


def failed(before: Circuit, now: float, wait: float | None, luck: float) -> Circuit:
    """The circuit after the store was unavailable.

    Parameters
    ----------
    wait
        Seconds to wait, if the store said so.
    luck
        From 0 to 1: spreads the waits of many stores.
    """
    failures = before.failures + 1
    rest = wait or 0.0
    if failures >= OPENS_AFTER:
        longest = min(FIRST_REST * 2.0 ** min(failures - OPENS_AFTER, 16), LONGEST_REST)
        rest = max(rest, longest * (0.5 + luck / 2))
    return Circuit(failures, now + rest)


def limited(now: float, wait: float | None) -> Circuit:
    """The circuit after the store asked for patience: it is there, so nothing else is wrong."""
    return Circuit(0, now + (DEFAULT_PATIENCE if wait is None else wait))


def circuit(server: redis.Redis, store: int) -> Circuit:
    """The circuit of one store; closed if Redis knows nothing of it."""
    return circuits(server, [store])[store]


def circuits(server: redis.Redis, stores: Iterable[int]) -> dict[int, Circuit]:
    """The circuits of several stores, in one round trip."""
    wanted = list(stores)
    if not wanted:
        return {}
    with reachable():
        told = cast("list[bytes | None]", server.mget([_key(store) for store in wanted]))
    return {store: _read(one) for store, one in zip(wanted, told, strict=True)}


def keep(server: redis.Redis, store: int, state: Circuit) -> None:
    """Remember a store's circuit."""
    with reachable():
        if state == CLOSED:
            server.delete(_key(store))
        else:
            text = f"{state.failures} {state.rests_until:.3f}"
            server.set(_key(store), text, ex=_FORGOTTEN)


def _read(told: bytes | None) -> Circuit:
    if told is None:
        return CLOSED
    failures, until = told.split()
    return Circuit(int(failures), float(until))


def _key(store: int) -> str:
    return f"shoal:circuit:{store}"
