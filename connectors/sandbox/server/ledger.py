"""The append-only book of every write the store received: what Shoal did, as the store saw it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from connectors.sandbox.server.clock import written


class Ledger:
    """Numbered entries, one JSON line each in ``ledger.jsonl``, and counts kept beside them."""

    def __init__(self, home: Path) -> None:
        self.path = home / "ledger.jsonl"
        self._file = self.path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._number = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._markers: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()

    def write(self, kind: str, key: str, result: str, details: dict[str, Any]) -> int:
        """Append an entry and return its number.

        Parameters
        ----------
        kind, key
            What was written (``coupon``, ``tag``, …) and its name.
        result
            What came of it: ``created``, ``exists``, ``refused``, ``done``, ``faulted``.
        details
            More to remember, such as the marker and the customer.
        """
        with self._lock:
            self._number += 1
            self._counts[kind, result] += 1
            if kind == "coupon" and result == "created":
                self._codes[key.casefold()] += 1
                self._markers[str(details.get("marker", ""))] += 1
            entry = {"n": self._number, "at": written(), "kind": kind, "key": key}
            self._file.write(json.dumps({**entry, "result": result, **details}) + "\n")
            return self._number

    def summary(self) -> dict[str, Any]:
        """Coupons made, those a customer could see twice, and writes by kind and result."""
        with self._lock:
            by_kind: dict[str, dict[str, int]] = {}
            for (kind, result), count in sorted(self._counts.items()):
                by_kind.setdefault(kind, {})[result] = count
            again = [self._repeats(self._codes), self._repeats(self._markers)]
            return {
                "writes": self._number,
                "coupons": sum(self._codes.values()),
                "twice": max(again),
                "by_kind": by_kind,
            }

    def _repeats(self, counts: Counter[str]) -> int:
        return sum(count - 1 for key, count in counts.items() if key)
