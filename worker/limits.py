"""How often one key or one address may ask: token buckets in this process' memory.

In memory, because asking Redis first would double the cost of every request to refuse a few, and
the door must be able to refuse while Redis is down. With several web processes each counts for
itself, so the limit is theirs together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

MOST_BUCKETS: Final = 50_000
BURST_SECONDS: Final = 2.0


@dataclass
class Limiter:
    """Buckets that refill at ``rate`` tokens a second and hold ``BURST_SECONDS`` of them."""

    rate: float
    # name -> (tokens left, when that was)
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, name: str, now: float) -> float:
        """Take one token: 0, or the seconds until there will be one.

        Parameters
        ----------
        now
            Seconds of a clock that never goes back.
        """
        full = max(self.rate * BURST_SECONDS, 1.0)
        with self._lock:
            left, since = self._buckets.pop(name, (full, now))
            left = min(left + (now - since) * self.rate, full)
            is_granted = left >= 1
            left -= is_granted
            # Put back at the end: the first one is always who has been silent longest.
            self._buckets[name] = (left, now)
            if len(self._buckets) > MOST_BUCKETS:
                del self._buckets[next(iter(self._buckets))]
        return 0.0 if is_granted else (1 - left) / self.rate


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one household has of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else parsed.exploded[:19]
    return str(parsed)
