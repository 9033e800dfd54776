"""What somebody wants to be played."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

STORE: Final = "demo"  # its id
# Beside the sandbox: which of them can be broken how.
SABOTAGES: Final = {"sandbox": ("drop", "double", "skew"), "vendure": ("drop", "double", "skew")}
# About so many events, where nobody says how many.
USUAL: Final = {"sandbox": 20_000, "vendure": 900}
# Of business time, so that there is something learned in a play.
LEARN_EVERY: Final = {"sandbox": "122d", "vendure": "7d"}
_SHORT: Final = 20_000  # events


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to play, and where.

    Attributes
    ----------
    folder
        Holds everything; it is removed at the end unless ``keep``.
    platform
        ``sandbox``, or ``vendure`` for a real store.
    events
        About how many; 0 is the whole log.
    picture
        Where to save the screen in the midst of the play.
    """

    folder: Path
    platform: str = "sandbox"
    keep: bool = False
    picture: Path | None = None
    events: int = 0
    seed: int = 1
    sabotage: str = ""

    @property
    def days_a_step(self) -> int:
        """How far the sandbox's clock moves at a time: a short play takes longer steps."""
        return 4 if 0 < self.events < _SHORT else 2
