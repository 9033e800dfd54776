"""How to learn, when to look for other groups, and what may be done without asking."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from segmentation.constructed import Constructed, is_same
from segmentation.model import SegmentModel

FEATURES: Final = (
    "recency_days",
    "orders",
    "monetary_value",
    "average_order_value",
    "tenure_days",
    "items_per_order",
    "gap_days_mean",
    "distinct_products",
)
"""What the groups are learned from by default."""

Look = Literal["", "check", "settle"]


class Recipe(msgspec.Struct, frozen=True):
    """How to learn.

    ``k`` groups from ``features``, in the directions of a ``projection`` (see `SegmentModel`);
    ``constructed`` defines those of the features that are the shop's own.
    Other groups, the best of ``restarts``, are looked for on everybody: after ``refit_every`` they
    are taken where they fit better at all, at half of that time where their error is lower by the
    share ``gain``; but by itself never when more than the share ``moves`` of the customers would
    change group. ``hysteresis`` is that of a promoted candidate until it is learned on.
    """

    k: int = 8
    features: tuple[str, ...] = FEATURES
    hysteresis: float = 1.2
    restarts: int = 30
    refit_every: timedelta = timedelta(days=182)
    gain: float = 0.004
    moves: float = 0.6
    projection: tuple[tuple[float, ...], ...] = ()
    constructed: tuple[Constructed, ...] = ()


def is_held(model: SegmentModel, now: datetime) -> bool:
    """Whether an owner rolled back to this model and learning must leave it in force."""
    return model.held_until is not None and now < model.held_until


def look_due(model: SegmentModel, now: datetime, recipe: Recipe) -> Look:
    """Whether to look for other groups on everybody: to ``settle``, to ``check``, or not at all."""
    if model.kind != "kmeans" or is_held(model, now):
        return ""
    if not is_same_kind(model, recipe):
        return "settle"
    settled = model.settled_at or (model.learned_at if model.candidate else None)
    if settled is None:
        return "check"
    if now - settled >= recipe.refit_every:
        return "settle"
    looked = max(model.looked_at or settled, settled)
    return "check" if now - looked >= recipe.refit_every / 2 else ""


def is_same_kind(model: SegmentModel, recipe: Recipe) -> bool:
    """Whether groups can go on: as many, from the same features, as the recipe asks for.

    A feature of the shop's own is the same while its definition is.
    """
    recipe = promoted(model, recipe)
    is_as_wide = (len(model.groups), model.features) == (recipe.k, recipe.features)
    return is_as_wide and is_same(model.constructed, recipe.constructed)


def reads_everybody(model: SegmentModel, now: datetime, recipe: Recipe) -> bool:
    """Whether the next version is learned from everybody, not from the ageing pass's sums."""
    if is_held(model, now):
        return False
    return model.kind == "rules" or bool(look_due(model, now, recipe))


def promoted(previous: SegmentModel | None, recipe: Recipe) -> Recipe:
    """The recipe, with what an owner chose by promoting a candidate.

    The order in which a file names the same features makes no difference: it is the model's.
    """
    if previous is None:
        return recipe
    if not previous.candidate:
        is_alike = sorted(previous.features) == sorted(recipe.features)
        return msgspec.structs.replace(recipe, features=previous.features) if is_alike else recipe
    return msgspec.structs.replace(
        recipe,
        k=len(previous.groups),
        features=previous.features,
        projection=previous.projection,
        constructed=previous.constructed,
    )
