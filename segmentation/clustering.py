"""Learning groups of customers, a little at a time.

Until there are enough customers the stages by rule stay in force. The first groups are found on
everybody; from then on the sums of the ageing pass carry them from version to version
(`segmentation.following`), and now and then others are looked for (`segmentation.refitting`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from segmentation.constructed import completed, is_same
from segmentation.following import follow
from segmentation.model import SegmentModel, rules_model
from segmentation.recipe import FEATURES, Recipe, is_held, is_same_kind, look_due, promoted
from segmentation.refitting import NEARLY, Refit, first_groups, refitted
from segmentation.rules import Columns, RuleSet, learn_thresholds
from segmentation.sums import GroupSums

__all__ = ["FEATURES", "Learned", "Recipe", "learn", "learned", "refit"]

MINIMUM_CUSTOMERS: Final = 200
"""Customers with an order below which the rules stay in force: 25 for each of eight groups."""

MINIMUM_DAYS: Final = 90
"""Days since the shop's first order below which the rules stay in force: nobody is late yet, and
groups of a shop some weeks old were seen to exchange a third of their people from week to week."""

_DEFAULT: Final = Recipe()


class Learned(msgspec.Struct, frozen=True):
    """A new version, and what other groups would bring where they were looked for."""

    model: SegmentModel
    refit: Refit | None = None


def learn(
    columns: Columns,
    previous: SegmentModel | None,
    sums: GroupSums | None = None,
    *,
    now: datetime,
    recipe: Recipe = _DEFAULT,
) -> SegmentModel:
    """The model of `learned`."""
    return learned(columns, previous, sums, now=now, recipe=recipe).model


def learned(
    columns: Columns,
    previous: SegmentModel | None,
    sums: GroupSums | None = None,
    *,
    now: datetime,
    recipe: Recipe = _DEFAULT,
) -> Learned:
    """The next version of a store's segment model.

    ``columns`` are features of everybody, or of `refitting.MOST` by lot, aged to ``now`` where
    groups are found (`recipe.reads_everybody`); else nothing is learned from them. Those without an
    order are left out. ``sums`` are the ageing pass's under ``previous``. The shop's own features
    are made here, of the catalogue's in ``columns``.

    Below `MINIMUM_CUSTOMERS` or `MINIMUM_DAYS` it is the rules, with thresholds kept until the
    customers have doubled; a learned model stays learned. One that was promoted keeps its number
    of groups, its features and its projection; a carried one stays as it is, for its classifier
    cannot be moved a little, and so does one that an owner rolled back to.
    Same input, same model: what is drawn by lot is drawn by the version's number.
    """
    if previous and (previous.kind == "carried" or is_held(previous, now)):
        present = previous.version
        return Learned(msgspec.structs.replace(previous, version=present + 1, follows=present))
    recipe = promoted(previous, recipe)
    buyers = _buyers(columns, recipe)
    if previous is None or previous.kind == "rules":
        return Learned(_begun(buyers, previous, now, recipe))
    if not is_same_kind(previous, recipe) and _can_go_on(buyers, recipe.k):
        return refit(columns, previous, now=now, recipe=recipe)
    look = look_due(previous, now, recipe)
    model = _as_called(follow(previous, sums, now), recipe)
    if not look or not _can_go_on(buyers, recipe.k):
        return Learned(model)
    allowed = NEARLY if look == "settle" else recipe.gain
    found, other = refitted(buyers, model, recipe)
    is_taken = other.gain > allowed and other.moves <= recipe.moves
    is_settled = is_taken or look == "settle" or previous.settled_at is None
    model = msgspec.structs.replace(
        found if is_taken else model,
        looked_at=now,
        settled_at=now if is_settled else previous.settled_at,
    )
    return Learned(model, msgspec.structs.replace(other, is_taken=is_taken))


def refit(
    columns: Columns, previous: SegmentModel, *, now: datetime, recipe: Recipe = _DEFAULT
) -> Learned:
    """The best groups of now, whatever they gain and whoever moves: an owner asked for them."""
    following = msgspec.structs.replace(previous, version=previous.version + 1, learned_at=now)
    recipe = promoted(previous, recipe)
    model, found = refitted(_buyers(columns, recipe), following, recipe)
    model = msgspec.structs.replace(model, looked_at=now, settled_at=now, held_until=None)
    return Learned(model, msgspec.structs.replace(found, is_taken=True))


def _as_called(model: SegmentModel, recipe: Recipe) -> SegmentModel:
    """With the words that the shop has for its own features now: they are no part of learning."""
    if not is_same(model.constructed, recipe.constructed):
        return model
    return msgspec.structs.replace(model, constructed=recipe.constructed)


def _begun(
    buyers: Columns, previous: SegmentModel | None, now: datetime, recipe: Recipe
) -> SegmentModel:
    """The first groups, or the rules where it is too early for them."""
    if not _can_begin(buyers):
        return _ruled(buyers, previous, now)
    frame = SegmentModel(previous.version + 1 if previous else 1, "kmeans", (), now)
    frame = msgspec.structs.replace(frame, looked_at=now, settled_at=now)
    return first_groups(buyers, frame, recipe)


def _buyers(columns: Columns, recipe: Recipe) -> Columns:
    ordered = columns["orders"] > 0
    found = {name: column[ordered] for name, column in columns.items()}
    return completed(found, recipe.constructed)


def _can_begin(buyers: Columns) -> bool:
    enough = len(buyers["orders"]) >= MINIMUM_CUSTOMERS
    return enough and bool(np.nanmax(buyers["tenure_days"]) >= MINIMUM_DAYS)


def _can_go_on(buyers: Columns, k: int) -> bool:
    return len(buyers["orders"]) >= k * 3


def _ruled(buyers: Columns, previous: SegmentModel | None, now: datetime) -> SegmentModel:
    version = previous.version + 1 if previous else 1
    present = previous.rules if previous else RuleSet()
    if len(buyers["orders"]) >= max(2 * present.customers, 1):
        present = learn_thresholds(buyers)
    return rules_model(present, version, now)
