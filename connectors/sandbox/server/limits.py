"""How much the store bears: a token bucket for its admin API."""

from __future__ import annotations

import threading
import time


class Bucket:
    """Tokens that refill at a rate; each request takes one."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> tuple[int, float]:
        """Tokens left after this request, and seconds to wait (0: it may pass)."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
            if self._tokens < 1:
                return 0, (1 - self._tokens) / self.rate
            self._tokens -= 1
            return int(self._tokens), 0.0
