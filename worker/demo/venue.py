"""Where a play is given: a store, and what is particular about it; all the rest is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.runtime import Kit
from worker.stores import NewStore

if TYPE_CHECKING:  # a theatre holds its venue
    from worker.demo.theatre import Theatre


@dataclass(frozen=True)
class Words:
    """What the screens say of a play.

    Attributes
    ----------
    title
        While it is played.
    after
        While it is proven.
    ending
        Over the summary; the seconds follow.
    source
        What is real in it and what is made up.
    """

    title: str
    after: str
    ending: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Played:
    """What is known of a play when its last day is over.

    Attributes
    ----------
    counts
        The player's own, ``sent`` among them.
    seconds
        How long the playing took, first delivery to last effect.
    """

    counts: Mapping[str, int]
    seconds: float
    peak_memory_mb: float


@dataclass(frozen=True)
class Mark:
    """A figure of the proof: whether it is right, in words, and what to say if it is not."""

    is_right: bool
    words: str
    problem: str


@dataclass(frozen=True)
class Proof:
    """What came of a play: the figures, the proof's marks, and differences in words."""

    told: dict[str, Any]
    marks: Sequence[Mark]
    differences: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether everything is as it must be."""
        return all(mark.is_right for mark in self.marks)


@dataclass(frozen=True, kw_only=True)
class Venue:
    """A store that runs, and what is particular about playing there.

    Attributes
    ----------
    new
        What is to be added to Shoal.
    player
        The module that plays, a process of its own (`worker.demo.protocol`).
    order
        What that is told beside the door, its key, seed and size.
    words
        For the screens.
    proof
        Compares what the store says with what we hold.
    sabotages
        What breaks one thing after the play, by name.
    open_house
        Called once the store was added.
    quiet
        Waits until the store has told everything; whether there was something to wait for.
    visit
        How somebody looks at the store itself while it runs; empty: there is no more to say.
    """

    new: NewStore
    player: str
    order: Mapping[str, Any]
    words: Words
    proof: Callable[[Theatre, Played], Proof]
    sabotages: Mapping[str, Callable[[Theatre], None]] = field(default_factory=dict)
    open_house: Callable[[Kit, int], None] = lambda *_: None
    quiet: Callable[[], bool] = lambda: False
    visit: str = ""
