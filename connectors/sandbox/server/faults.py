"""Trouble on request: the next so many calls of a path go wrong in a chosen way."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from connectors.sandbox.server.shelves import Refused

FAULT_KINDS: Final = ("status", "timeout", "half_body", "html", "lost_reply")


@dataclass(frozen=True)
class Fault:
    """One kind of trouble.

    Attributes
    ----------
    kind
        ``status`` (answers ``status``), ``timeout`` (stays silent for ``seconds``), ``half_body``,
        ``html`` (a page with 200), ``lost_reply`` (does the work, then hangs up).
    """

    kind: str
    status: int = 500
    retry_after: str = ""
    seconds: float = 2.0


class Faults:
    """The trouble still to come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str, Fault]] = []
        self._lock = threading.Lock()

    def order(self, wanted: dict[str, Any]) -> None:
        """Make the next ``times`` calls whose path begins with ``path`` go wrong."""
        if wanted.get("kind") not in FAULT_KINDS:
            raise Refused(422, f"kind: expected one of {', '.join(FAULT_KINDS)}")
        fault = Fault(
            kind=wanted["kind"],
            status=int(wanted.get("status", 500)),
            retry_after=str(wanted.get("retry_after", "")),
            seconds=float(wanted.get("seconds", 2.0)),
        )
        entry = (str(wanted.get("method", "")), str(wanted.get("path", "/")), fault)
        with self._lock:
            self._waiting.extend([entry] * int(wanted.get("times", 1)))

    def take(self, method: str, path: str) -> Fault | None:
        """The trouble that this call shall have."""
        with self._lock:
            for index, (wanted, prefix, fault) in enumerate(self._waiting):
                if path.startswith(prefix) and wanted in {"", method}:
                    del self._waiting[index]
                    return fault
        return None

    def clear(self) -> None:
        """Forget what was ordered."""
        with self._lock:
            self._waiting.clear()
