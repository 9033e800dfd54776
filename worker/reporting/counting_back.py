"""Sizes of former days, counted back from today's over the recorded changes. Values in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from segmentation.rules import STAGES
from worker.reporting.content import Flow, Flows, History, Mark
from worker.reporting.counting import Moves

DAYS: Final = 180
"""So far back at most."""

BY_THEMSELVES: Final = frozenset({"event", "time"})
"""Causes that are the customers' own doing, or their not doing anything."""

_LEAST_MARKED: Final = 0.05  # of all customers, moved in one day by one version
_MOST_MARKS: Final = 5
_WEEK: Final = 7


def history(sizes: Mapping[str, int], moves: Sequence[Moves]) -> History | None:
    """Each stage's size at the end of each day; None where nothing was ever recorded.

    ``sizes`` are those of now by stage. Erased customers have left no changes, so nothing of them
    is in former sizes; a size below nothing, which that may give, is nothing.
    """
    if not moves:
        return None
    first = max(one.ago for one in moves)
    gained: Counter[tuple[str, int]] = Counter()
    for one in moves:
        gained[one.after, one.ago] += one.customers
        gained[one.before, one.ago] -= one.customers
    found = {stage: _counted_back(sizes.get(stage, 0), stage, gained, first) for stage in STAGES}
    everybody = max(sum(sizes.get(stage, 0) for stage in STAGES), 1)
    return History(
        days=tuple(range(first, -1, -1)),
        sizes=found,
        marks=_marks(moves, everybody),
        weekly=_weekly(moves, everybody, first),
    )


def _counted_back(
    size: int, stage: str, gained: Counter[tuple[str, int]], first: int
) -> tuple[int, ...]:
    back = [size]
    for ago in range(first):
        back.append(back[-1] - gained[stage, ago])
    return tuple(max(one, 0) for one in reversed(back))


def _marks(moves: Sequence[Moves], everybody: int) -> tuple[Mark, ...]:
    days: Counter[tuple[int, str, int]] = Counter()
    for one in moves:
        # Who came into the first stage of all was moved from nowhere.
        if one.cause not in BY_THEMSELVES and one.before and one.before != one.after:
            days[one.ago, one.cause, one.version] += one.customers
    many = [
        Mark(ago, cause, version, customers)
        for (ago, cause, version), customers in days.items()
        if customers >= _LEAST_MARKED * everybody
    ]
    most = sorted(many, key=lambda mark: -mark.customers)[:_MOST_MARKS]
    return tuple(sorted(most, key=lambda mark: -mark.ago))


def _weekly(moves: Sequence[Moves], everybody: int, first: int) -> tuple[float, ...]:
    weeks = (first + 1) // _WEEK
    moved = [0] * weeks
    for one in moves:
        week = one.ago // _WEEK
        if one.cause in BY_THEMSELVES and week < weeks:
            moved[week] += one.regrouped
    return tuple(number / everybody for number in reversed(moved))


def flows(moves: Sequence[Moves], days: int) -> Flows:
    """The moves between stages by event and time within the last days, most first."""
    found: Counter[tuple[str, str]] = Counter()
    for one in moves:
        if one.ago < days and one.cause in BY_THEMSELVES and one.before != one.after and one.after:
            found[one.before, one.after] += one.customers
    order = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return Flows(days, tuple(Flow(before, after, number) for (before, after), number in order))
