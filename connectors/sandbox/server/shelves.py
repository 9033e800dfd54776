"""What the store holds: documents by kind and id, listed in the order they changed."""

from __future__ import annotations

import itertools
import threading
from typing import Any, Final

from connectors.sandbox.server.clock import normalised, written

Document = dict[str, Any]
KINDS: Final = ("products", "customers", "orders", "refunds", "carts")
LONGEST_PAGE: Final = 250


class Refused(Exception):
    """The store says no: a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Shelves:
    """All documents, behind one lock that every request takes."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.lock = threading.RLock()
        self.kinds: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
        self.coupons: dict[str, Document] = {}
        self.recommendations: dict[str, Document] = {}
        self._numbers = itertools.count(1001)

    def put(self, kind: str, document: Document) -> Document:
        """Create or change a document, stamping ``updated_at`` unless it brings its own."""
        name = "token" if kind == "carts" else "id"
        with self.lock:
            key = str(document.get(name) or next(self._numbers))
            before = self.kinds[kind].get(key, {})
            stamp = _time(document.get("updated_at")) or written()
            after = {**before, **document, name: key, "updated_at": stamp}
            self.kinds[kind][key] = after
            return after

    def one(self, kind: str, key: str) -> Document:
        """A document by its id.

        Raises
        ------
        Refused
            404 if there is none.
        """
        with self.lock:
            found = self.kinds[kind].get(key)
        if found is None:
            raise Refused(404, f"no {kind.removesuffix('s')} of that id")
        return found

    def page(self, kind: str, since: str, cursor: str, limit: int) -> Document:
        """Documents changed at or after a time, oldest first, and where to go on."""
        name = "token" if kind == "carts" else "id"
        start = _time(since) or ""
        with self.lock:
            keyed = sorted(
                (each["updated_at"], each[name])
                for each in self.kinds[kind].values()
                if each["updated_at"] >= start
            )
            after = tuple(cursor.split("|", 1)) if cursor else ("", "")
            rest = [pair for pair in keyed if pair > after]
            chosen = rest[: min(limit, LONGEST_PAGE)]
            items = [self.kinds[kind][key] for _, key in chosen]
        more = len(rest) > len(chosen)
        return {"items": items, "next": "|".join(chosen[-1]) if more else None}


def _time(text: Any) -> str | None:
    if not text:
        return None
    try:
        return normalised(str(text).replace(" ", "+"))
    except ValueError:
        raise Refused(422, "expected a time like 2026-01-31T12:00:00Z") from None
