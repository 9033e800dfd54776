"""Which candidate to take: a rule that can be followed with the table in hand.

Candidates that cannot serve are left out; of the rest the steadier half is kept; of that half the
one whose groups explain most of the next 90 days' spend is taken. Steadiness comes first because a
campaign that speaks to a group is worth nothing when the group is another one next week.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from segmentation.choosing.candidates import MOST_GROUPS, Candidate
from segmentation.choosing.methods import METHODS

FEWEST_GROUPS: Final = 3
LEAST_SHARE: Final = 0.02
MOST_NOISE: Final = 0.1
LEAST_F1: Final = 0.9
LEAST_STABILITY: Final = 0.6
_AS_GOOD: Final = 0.005  # of spend explained: then the one with fewer groups

_REASONS: Final[tuple[tuple[str, Callable[[Candidate], bool]], ...]] = (
    (f"fewer than {FEWEST_GROUPS} groups", lambda one: one.figures.groups < FEWEST_GROUPS),
    (f"more than {MOST_GROUPS} groups", lambda one: one.figures.groups > MOST_GROUPS),
    (f"a group below {LEAST_SHARE:.0%}", lambda one: one.figures.smallest < LEAST_SHARE),
    (f"noise above {MOST_NOISE:.0%}", lambda one: one.figures.noise > MOST_NOISE),
    (
        f"stability below {LEAST_STABILITY}",
        lambda one: one.figures.stability < LEAST_STABILITY,
    ),
)
_UNCARRIED: Final = "another of the method being carried"
_BADLY: Final = f"classifiers with F1 below {LEAST_F1}"


class Recommendation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The candidate's id ('' for none) and why, in a sentence."""

    id: str
    reason: str


def recommended(candidates: Sequence[Candidate]) -> Recommendation:
    """The candidate to take. Same candidates, same answer, whatever their order."""
    left_out = {one.id: why for one in candidates if (why := unfit(one) or _carriage(one))}
    rest = [one for one in candidates if one.id not in left_out]
    told = _told(left_out)
    if not rest:
        return Recommendation("", f"No candidate can be recommended: {told or 'there is none'}.")
    best, half = _best(rest)
    return Recommendation(best.id, _sentence(best, (len(candidates), len(rest)), half, told))


def best_to_carry(candidates: Sequence[Candidate]) -> Candidate | None:
    """Of candidates that a classifier must carry the one worth training it for; None if none is.

    The same rule, except that one that will not be recommended is taken where there is no other:
    its owner may want it all the same.
    """
    there = [one for one in candidates if 1 < one.figures.groups <= MOST_GROUPS]
    fit = [one for one in there if unfit(one) is None]
    return _best(fit or there)[0] if there else None


def unfit(one: Candidate) -> str | None:
    """Why a candidate's groups are not recommended; None if nothing speaks against them."""
    return next((why for why, speaks in _REASONS if speaks(one)), None)


def _carriage(one: Candidate) -> str | None:
    if one.model is None:
        return _UNCARRIED
    return _BADLY if one.tried and one.tried[0].f1 < LEAST_F1 else None


def _best(rest: Sequence[Candidate]) -> tuple[Candidate, list[Candidate]]:
    """The winner, and the steadier half that it was taken from, the steadiest first."""
    order = sorted(rest, key=lambda one: (-one.figures.stability, one.id))
    half = order[: (len(order) + 1) // 2]
    most = max(_worth(one) for one in half)
    as_good = [one for one in half if _worth(one) >= most - _AS_GOOD]
    return min(as_good, key=lambda one: (one.figures.groups, -_worth(one), one.id)), half


def _worth(one: Candidate) -> float:
    """Spend explained; where no candidate knows it, how far the groups lie apart."""
    return one.figures.shape.silhouette or 0.0 if one.figures.spend is None else one.figures.spend


def _sentence(best: Candidate, counts: tuple[int, int], half: list[Candidate], told: str) -> str:
    figures = best.figures
    why = f"its {figures.groups} groups lie furthest apart (silhouette {_worth(best):.2f})"
    if figures.spend is not None:
        why = f"its {figures.groups} groups explain most of 90 days' spend ({figures.spend:.1%})"
    out = f" (left out: {told})" if told else ""
    return (
        f"{best.id}, {METHODS[best.spec.method].title}: of {counts[0]} candidates {counts[1]} can "
        f"serve{out}; of the steadier half (stability {half[-1].figures.stability:.2f} or more) "
        f"{why}, within {_AS_GOOD} the fewest groups; its own stability is {figures.stability:.2f}."
    )


def _told(left_out: dict[str, str]) -> str:
    counted = Counter(left_out.values())
    return ", ".join(f"{number} for {why}" for why, number in counted.most_common())
