"""What of a file was not taken: how many rows for which reason, and where the first one stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many rows for one reason; ``line`` is the first one's."""

    reason: str
    rows: int
    line: int


@dataclass(slots=True)
class Tally:
    """Counts reasons while a file is read."""

    _found: dict[str, LeftOut] = field(default_factory=dict)

    def add(self, reason: str, lines: Iterable[int]) -> None:
        """Count rows at these lines."""
        for line in lines:
            known = self._found.get(reason)
            self._found[reason] = (
                LeftOut(reason, known.rows + 1, min(known.line, line))
                if known
                else LeftOut(reason, 1, line)
            )

    def told(self) -> tuple[LeftOut, ...]:
        """Every reason, the most frequent one first."""
        return tuple(sorted(self._found.values(), key=lambda one: (-one.rows, one.reason)))
