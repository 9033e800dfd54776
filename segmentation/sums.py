"""What an ageing pass adds up while it judges everybody, so that learning need not read them.

Each ageing pass is one mini-batch, condensed to a count and a sum of places for each group under
*working centres*. A Voronoi cell is convex, so that the mean of its customers lies in it:
`MiniBatchKMeans.partial_fit` of these means, weighted by their counts, is that of the customers
themselves. The working centres move by it from pass to pass; learning publishes them.

Beside that: each feature's sum, square and tenths, which say how far the shop has moved away from
what the groups were found in. Numpy alone, a few milliseconds for ten thousand customers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from segmentation.model import (
    SegmentModel,
    features_part,
    nearest,
    parts,
    placed,
    require,
    squared_part,
)
from segmentation.rules import NOBODY, Columns, Floats, Indices

TENTHS: Final = 10

# Of the margin that holds people where they are: under the whole of it groups would follow those
# whom they hold and part from the best ones within months; under none more people would move.
_HELD: Final = 0.3

CLEAR: Final = 6.0
"""Times the margin that another group must be nearer by between two weekly settlings. Whoever
orders is near another group for a day or two and back again: such a lead does not last."""

# A pass that saw less than this share of the one before says nothing of everybody.
_ENOUGH: Final = 0.5

Row = tuple[float, ...]


class Round(NamedTuple):
    """Sums over the customers of one pass, in the model's space.

    ``counts`` (groups) and ``places`` (groups x directions) under the working centres, ``error``
    (1) the squared distances to the nearest of them; ``totals`` and ``squares`` (features) and
    ``tenths`` (features x `TENTHS`, counts between the model's bounds) before any projection.
    """

    counts: Floats
    places: Floats
    error: Floats
    totals: Floats
    squares: Floats
    tenths: Floats

    @property
    def customers(self) -> float:
        """How many customers were read."""
        return float(self.counts.sum())


class GroupSums(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store's working centres and what was added up under them; plain numbers, for JSON.

    ``version`` is the model that they belong to, ``last`` the slice of the customers that was read
    last, ``slices`` of how many; ``open`` the pass under way, ``done`` the whole one before.
    """

    version: int
    centres: tuple[Row, ...]
    last: int = -1
    slices: int = 1
    open: tuple[list[float], ...] = ()
    done: tuple[list[float], ...] = ()


def begun(model: SegmentModel) -> GroupSums:
    """Nothing read yet: the working centres are the model's."""
    return GroupSums(model.version, model.centroids)


def judged(
    model: SegmentModel, columns: Columns, previous: Indices, centres: Floats, lead: float = 1.0
) -> tuple[Indices, Round]:
    """The groups of some customers as `assign` gives them, and the sums under working centres.

    ``lead`` times the margin is what another group must be nearer by.

    Of a carried model, whose groups no centre makes, the sums say how far the shop has drifted.
    Not for rules. Raises `IncompatibleModel` when a feature is missing.
    """
    require(model, columns)
    groups = np.full(len(columns["orders"]), NOBODY)
    found, own = nothing(model), np.array(model.centroids)
    both, edges = np.concatenate([own, centres]), _edges(model)
    for part in parts(len(groups)):
        is_buyer = columns["orders"][part] > 0
        scaled = features_part(model, columns, part)[:, is_buyer]
        place = np.array(model.projection) @ scaled if model.projection else scaled
        before, squared = previous[part][is_buyer], squared_part(both, place)
        groups[part][is_buyer] = (
            nearest(squared[: len(own)], before, lead * model.margin, model.hysteresis)
            if model.carrier is None
            else placed(model, place, before)
        )
        working = squared[len(own) :]
        labels = nearest(working, before, _HELD * model.margin if model.carrier is None else 0.0)
        member = (labels == np.arange(len(own))[:, None]).astype(np.float64)
        its = Round(
            member.sum(axis=1),
            member @ place.T,
            np.array([working.min(axis=0).sum()]),
            scaled.sum(axis=1),
            np.einsum("ij,ij->i", scaled, scaled),
            _tenths(scaled, edges),
        )
        found = plus(found, its)
    return groups, found


def plus(one: Round, other: Round) -> Round:
    """The sums over both."""
    return Round(*(first + second for first, second in zip(one, other, strict=True)))


def nothing(model: SegmentModel) -> Round:
    """The sums over nobody."""
    k, wide, directions = len(model.groups), len(model.features), len(model.centroids[0])
    return Round(
        np.zeros(k),
        np.zeros((k, directions)),
        np.zeros(1),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros((wide, TENTHS)),
    )


def _edges(model: SegmentModel) -> list[Floats]:
    """Each feature's bounds between tenths, in the model's scale."""
    return [
        (np.array(bounds) - centre) / scale
        for bounds, centre, scale in zip(model.bounds, model.centre, model.scale, strict=False)
    ]


def _tenths(scaled: Floats, edges: list[Floats]) -> Floats:
    found = np.zeros((len(scaled), TENTHS))
    for row, bounds in enumerate(edges):
        found[row] = np.bincount(np.searchsorted(bounds, scaled[row]), minlength=TENTHS)
    return found


def turned(present: GroupSums, model: SegmentModel, number: int) -> GroupSums:
    """What a slice of the customers is read under: before the first one the centres move.

    A number that is not above the last one read begins another pass.
    """
    if number > present.last:
        return present
    opened = _read(present.open, model)
    if opened.customers < _ENOUGH * _read(present.done, model).customers:
        return msgspec.structs.replace(present, last=-1, open=())
    rows = tuple(map(tuple, moved(centres_of(present), opened).tolist()))
    return GroupSums(model.version, rows, done=present.open)


def added(
    present: GroupSums, model: SegmentModel, its: Round, slice_: tuple[int, int]
) -> GroupSums:
    """With the sums of one slice (its number, of how many) of the customers, read as `turned`."""
    whole = plus(_read(present.open, model), its)
    number, slices = slice_
    return msgspec.structs.replace(present, last=number, slices=slices, open=_plain(whole))


def centres_of(present: GroupSums) -> Floats:
    """The working centres, groups x directions."""
    return np.array(present.centres)


def latest(present: GroupSums, model: SegmentModel) -> Round | None:
    """The last whole pass under a model; None where there was none."""
    if present.version != model.version:
        return None
    is_whole = present.last == present.slices - 1
    found = _read(present.open if is_whole else present.done, model)
    return found if found.customers else None


def moved(centres: Floats, its: Round) -> Floats:
    """The centres after a pass; those without customers stay where they are."""
    counts = its.counts[:, None]
    return np.where(counts > 0, its.places / np.maximum(counts, 1), centres)


def _plain(its: Round) -> tuple[list[float], ...]:
    return tuple(array.ravel().tolist() for array in its)


def _read(plain: tuple[list[float], ...], model: SegmentModel) -> Round:
    empty = nothing(model)
    pairs = zip(plain, empty, strict=True)
    return Round(*(np.array(row).reshape(like.shape) for row, like in pairs)) if plain else empty


def to_json(present: GroupSums) -> str:
    """The sums as JSON."""
    return msgspec.json.encode(present).decode()


def from_json(body: str, model: SegmentModel) -> GroupSums:
    """Read what `to_json` wrote; sums of another model, or of another make, are begun anew."""
    try:
        found = msgspec.json.decode(body, type=GroupSums)
    except msgspec.DecodeError:
        return begun(model)
    return found if found.version == model.version else begun(model)
