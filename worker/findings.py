"""What `shoal doctor` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is right, and what was seen or is to be done."""

    check: str
    is_ok: bool
    said: str
    is_away: bool = False

    @property
    def exit_code(self) -> int:
        """What it makes `shoal doctor` end with: 4 if a service does not answer."""
        if self.is_ok:
            return 0
        return 4 if self.is_away else 1
