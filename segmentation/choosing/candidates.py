"""A candidate: a way to find groups, its figures, and the model that would be published."""

from __future__ import annotations

from typing import Final

import msgspec

from segmentation.choosing.carrying import Quality
from segmentation.choosing.figures import Shape
from segmentation.choosing.methods import METHODS, Spec
from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel

MOST_GROUPS: Final = 12
"""Groups above which ids cannot be matched to the old ones, and nobody keeps them apart."""


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is measured of a candidate; None where it cannot be known.

    ``customers`` were grouped into ``groups``, of which ``smallest`` is the least one's share and
    ``noise`` the share in none. ``seeds``, ``bootstrap`` and ``weeks`` are adjusted Rand indices
    between runs that differ in chance, in the customers drawn, or in the week. ``spend`` is the
    share (η²) of 90 days' spend that the groups of before explain. ``seconds`` is one fit.
    """

    customers: int
    groups: int
    shape: Shape
    seeds: float | None
    bootstrap: float | None
    weeks: float | None
    noise: float
    smallest: float
    spend: float | None
    seconds: float

    @property
    def stability(self) -> float:
        """The mean of the three agreements that are known; 0 if none is."""
        known = [one for one in (self.seeds, self.bootstrap, self.weeks) if one is not None]
        return sum(known) / len(known) if known else 0.0


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was compared. ``model`` is None where a classifier would have to carry it and none does.

    ``tried`` are the classifiers that were held against each other for it, the chosen one first.
    """

    id: str
    spec: Spec
    figures: Figures
    model: SegmentModel | None = None
    tried: tuple[Quality, ...] = ()

    @property
    def carrier(self) -> str:
        """How the next customer finds a group: by the method itself, a classifier, or `none`."""
        if METHODS[self.spec.method].predicts:
            return "itself"
        return self.tried[0].kind if self.tried else "none"


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All candidates of one comparison, in the order they were run.

    ``reason`` says in a sentence why ``recommended`` is ('' if no candidate can be); ``notes`` what
    could not be measured and why; ``curve`` are at most a hundred points of the k-distance curve.
    """

    candidates: tuple[Candidate, ...]
    recommended: str
    reason: str
    customers: int
    small: int
    notes: tuple[str, ...] = ()
    curve: tuple[float, ...] = ()


def to_json(found: Comparison) -> str:
    """The comparison as JSON; numbers survive the round trip exactly."""
    return msgspec.json.encode(found).decode()


def from_json(body: str) -> Comparison:
    """Read what `to_json` wrote. Raises `IncompatibleModel` for what another version wrote."""
    try:
        return msgspec.json.decode(body, type=Comparison)
    except (msgspec.DecodeError, msgspec.ValidationError) as problem:
        message = f"comparison: {problem}: another version wrote it; compare again"
        raise IncompatibleModel(message) from problem
