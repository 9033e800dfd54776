"""Shopify's rate limit as a bucket of points, kept so that it is never asked beyond it.

Each answer says what is left and how fast it refills. Between answers we count ourselves: what is
on its way is taken off at once, and time fills the bucket again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import msgspec

from connectors.connecting import Budget
from connectors.shopify.queries import Operation

# Kept for pushes while a long walk goes through its pages.
RESERVE: Final = 200.0


class Throttle(msgspec.Struct, frozen=True, rename="camel"):
    """What is left of the bucket, as an answer says it."""

    maximum_available: float
    currently_available: float
    restore_rate: float


class Cost(msgspec.Struct, frozen=True, rename="camel"):
    """What one document cost, as an answer says it."""

    throttle_status: Throttle
    requested_query_cost: float | None = None


@dataclass(slots=True)
class Bucket:
    """One store's bucket as this process knows it; any number of threads may use it.

    Times are monotonic seconds.
    """

    _throttle: Throttle | None = None
    _heard_at: float = 0.0
    _on_their_way: float = 0.0
    _costs: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def points(self, operation: Operation) -> float:
        """What an operation costs, as it was charged last."""
        return self._costs.get(operation.name, operation.cost)

    def take(self, cost: float, now: float, reserve: float = 0.0) -> float:
        """Take points: 0 if they are taken, else seconds until they will be there.

        Parameters
        ----------
        reserve
            Points that must be left over.
        """
        with self._lock:
            missing = cost - self._left(now)
            if self._throttle is not None:
                # No bucket holds more than its maximum, however long one waits.
                missing += min(reserve, max(self._throttle.maximum_available - cost, 0.0))
            if missing > 0 and self._throttle is not None:
                return missing / max(self._throttle.restore_rate, 1.0)
            self._on_their_way += cost
            return 0.0

    def settle(self, operation: Operation, cost: float, heard: Cost | None, now: float) -> None:
        """What became of points that were taken; None if the answer did not say."""
        with self._lock:
            self._on_their_way -= cost
            if heard is None:
                # They may have been charged all the same.
                self._spend(cost, now)
                return
            self._throttle, self._heard_at = heard.throttle_status, now
            if heard.requested_query_cost is not None:
                self._costs[operation.name] = heard.requested_query_cost

    def budget(self, now: float) -> Budget | None:
        """What is left now; None before the first answer."""
        with self._lock:
            if self._throttle is None:
                return None
            throttle = self._throttle
            left = max(self._left(now), 0.0)
            return Budget(left, throttle.maximum_available, throttle.restore_rate)

    def _left(self, now: float) -> float:
        if self._throttle is None:
            return float("inf")
        return _refilled(self._throttle, now - self._heard_at) - self._on_their_way

    def _spend(self, points: float, now: float) -> None:
        if self._throttle is None:
            return
        left = _refilled(self._throttle, now - self._heard_at) - points
        self._throttle = msgspec.structs.replace(self._throttle, currently_available=left)
        self._heard_at = now


def _refilled(throttle: Throttle, seconds: float) -> float:
    refilled = throttle.currently_available + throttle.restore_rate * seconds
    return min(refilled, throttle.maximum_available)
