"""What sets a segment's customers apart from the shop's, and who stands for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from segmentation.constructed import Constructed, entry
from segmentation.features import signed_log
from segmentation.rules import Columns, Floats

MOST: Final = 6
"""Differences told at most."""

TYPICAL: Final = 3
"""Customers who stand for a segment."""

# Times and places on a circle have no more or less, squares no words.
_UNTOLD: Final = frozenset({"time", "hour", "day", "days²", "money²"})
# Whoever came once has come at one time of day; of what fades, the slowest is told.
_UNTOLD_NAMES: Final = re.compile(r"\w+_focus|\w+_(7|30)d")
_KNOWN: Final = 0.5  # of both sides
_ALIKE: Final = 0.85  # correlation above which two features say the same
_PLAIN: Final = 0.2  # of the shop's spread: less is no difference
_TOLD: Final = 0.1  # of the greater value: less looks alike when it is said


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature of a segment beside the shop's, in its own unit.

    Medians, or means (``is_mean``) where the medians are the same. ``effect`` is the difference
    in the shop's standard deviations, after the feature's transform.
    """

    feature: str
    here: float
    shop: float
    is_mean: bool
    effect: float


Own = tuple[Constructed, ...]


def differences(members: Columns, shop: Columns, own: Own = ()) -> tuple[Difference, ...]:
    """The features in which a segment differs most from the shop, the greatest first.

    ``members`` and ``shop`` are samples with the same columns; ``own`` defines those that are not
    of the catalogue. Of features that say the same
    (orders and products bought) the one that differs more is told.
    """
    told: list[Difference] = []
    chosen: list[Floats] = []
    for found in sorted(_compared(members, shop, own), key=lambda one: -abs(one.effect)):
        values = _moved(shop[found.feature], found.feature, own)
        if abs(found.effect) >= _PLAIN and not any(_alike(values, one) for one in chosen):
            told.append(found)
            chosen.append(values)
        if len(told) == MOST:
            break
    return tuple(told)


def _compared(members: Columns, shop: Columns, own: Own) -> list[Difference]:
    found: list[Difference] = []
    for name in shop:
        here, all_ = _known(members[name]), _known(shop[name])
        is_rare = len(here) <= _KNOWN * len(members[name]) or len(all_) <= _KNOWN * len(shop[name])
        if is_rare or entry(name, own).unit in _UNTOLD or _UNTOLD_NAMES.fullmatch(name):
            continue
        moved = _moved(all_, name, own)
        spread = float(moved.std())
        if spread > 0:
            effect = float(_moved(here, name, own).mean() - moved.mean()) / spread
            found += _differences(name, here, all_, effect)
    return found


def _differences(name: str, here: Floats, shop: Floats, effect: float) -> Iterator[Difference]:
    """By medians; by means where medians hide or turn the difference; none where both do."""
    for is_mean, middle in ((False, np.median), (True, np.mean)):
        ours, theirs = float(middle(here)), float(middle(shop))
        least = _TOLD * max(abs(ours), abs(theirs))
        if (ours - theirs) * np.sign(effect) > least:
            yield Difference(name, ours, theirs, is_mean=is_mean, effect=effect)
            return


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _moved(values: Floats, name: str, own: Own) -> Floats:
    return signed_log(values) if entry(name, own).transform == "log" else values


def _alike(one: Floats, other: Floats) -> bool:
    both = ~(np.isnan(one) | np.isnan(other))
    first, second = one[both], other[both]
    if len(first) < 2 or not first.std() or not second.std():  # noqa: PLR2004 - two points make a line
        return False
    return bool(abs(np.corrcoef(first, second)[0, 1]) > _ALIKE)


def typical_rows(members: Columns, shop: Columns, names: Sequence[str], own: Own = ()) -> list[int]:
    """Rows of the customers nearest to the centre of a segment, the nearest first.

    Distances are over the features ``names``, transformed and in the shop's standard deviations;
    what is unknown counts as nothing (a customer with one order has no gap).
    """
    if not len(members[names[0]]):
        return []
    moved = [_moved(np.nan_to_num(members[name]), name, own) for name in names]
    spreads = [_moved(np.nan_to_num(shop[name]), name, own).std() or 1.0 for name in names]
    points = np.stack(moved, axis=1) / np.array(spreads)
    away = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
    nearest: list[int] = np.argsort(away, kind="stable")[:TYPICAL].tolist()
    return nearest
