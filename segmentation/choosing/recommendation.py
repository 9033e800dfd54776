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
from segmentation.wording import ENGLISH, Words, message

FEWEST_GROUPS: Final = 3
LEAST_SHARE: Final = 0.02
MOST_NOISE: Final = 0.1
LEAST_F1: Final = 0.9
LEAST_STABILITY: Final = 0.6
_AS_GOOD: Final = 0.005  # of spend explained: then the one with fewer groups

_REASONS: Final[tuple[tuple[str, str, Callable[[Candidate], bool]], ...]] = (
    (
        message("fewer than {limit} groups"),
        f"{FEWEST_GROUPS}",
        lambda one: one.figures.groups < FEWEST_GROUPS,
    ),
    (
        message("more than {limit} groups"),
        f"{MOST_GROUPS}",
        lambda one: one.figures.groups > MOST_GROUPS,
    ),
    (
        message("a group below {limit}"),
        f"{LEAST_SHARE:.0%}",
        lambda one: one.figures.smallest < LEAST_SHARE,
    ),
    (
        message("noise above {limit}"),
        f"{MOST_NOISE:.0%}",
        lambda one: one.figures.noise > MOST_NOISE,
    ),
    (
        message("stability below {limit}"),
        f"{LEAST_STABILITY}",
        lambda one: one.figures.stability < LEAST_STABILITY,
    ),
)


class Recommendation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The candidate's id ('' for none) and why, in a sentence."""

    id: str
    reason: str


def recommended(candidates: Sequence[Candidate], words: Words = ENGLISH) -> Recommendation:
    """The candidate to take. Same candidates, same answer, whatever their order."""
    left_out = {
        one.id: why for one in candidates if (why := unfit(one, words) or _carriage(one, words))
    }
    rest = [one for one in candidates if one.id not in left_out]
    told = _told(words, left_out)
    if not rest:
        none = words.say(
            "No candidate can be recommended: {reasons}.",
            reasons=told or words.say("there is none"),
        )
        return Recommendation("", none)
    best, half = _best(rest)
    counts = len(candidates), len(rest)
    return Recommendation(best.id, _sentence(words, best, counts, half, told))


def best_to_carry(candidates: Sequence[Candidate]) -> Candidate | None:
    """Of candidates that a classifier must carry the one worth training it for; None if none is.

    The same rule, except that one that will not be recommended is taken where there is no other:
    its owner may want it all the same.
    """
    there = [one for one in candidates if 1 < one.figures.groups <= MOST_GROUPS]
    fit = [one for one in there if unfit(one) is None]
    return _best(fit or there)[0] if there else None


def unfit(one: Candidate, words: Words = ENGLISH) -> str | None:
    """Why a candidate's groups are not recommended; None if nothing speaks against them."""
    against = ((why, limit) for why, limit, speaks in _REASONS if speaks(one))
    return next((words.say(why, limit=limit) for why, limit in against), None)


def _carriage(one: Candidate, words: Words) -> str | None:
    if one.model is None:
        return words.say("another of the method being carried")
    if one.tried and one.tried[0].f1 < LEAST_F1:
        return words.say("classifiers with F1 below {limit}", limit=LEAST_F1)
    return None


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


def _sentence(
    words: Words, best: Candidate, counts: tuple[int, int], half: list[Candidate], told: str
) -> str:
    figures = best.figures
    why = words.say(
        "its {groups} groups lie furthest apart (silhouette {silhouette})",
        groups=figures.groups,
        silhouette=f"{_worth(best):.2f}",
    )
    if figures.spend is not None:
        why = words.say(
            "its {groups} groups explain most of 90 days' spend ({spend})",
            groups=figures.groups,
            spend=f"{figures.spend:.1%}",
        )
    return words.count(
        "{id}, {method}: of {number} candidate {fit} can serve{left_out}; of the steadier half "
        "(stability {least} or more) {why}, within {as_good} the fewest groups; its own stability "
        "is {stability}.",
        "{id}, {method}: of {number} candidates {fit} can serve{left_out}; of the steadier half "
        "(stability {least} or more) {why}, within {as_good} the fewest groups; its own stability "
        "is {stability}.",
        str(counts[0]),
        id=best.id,
        method=METHODS[best.spec.method].title,
        fit=counts[1],
        left_out=words.say(" (left out: {reasons})", reasons=told) if told else "",
        least=f"{half[-1].figures.stability:.2f}",
        why=why,
        as_good=_AS_GOOD,
        stability=f"{figures.stability:.2f}",
    )


def _told(words: Words, left_out: dict[str, str]) -> str:
    counted = Counter(left_out.values())
    told = [
        words.say("{times} for {reason}", times=n, reason=why) for why, n in counted.most_common()
    ]
    return words.enumerated(told)
