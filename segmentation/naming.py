"""A stage, a lasting id and a name for each learned group, from its centre.

The stage says where the customers stand with the shop; the trait after the dot says what sets the
group apart: ``at_risk.big_baskets``, "At risk · big baskets". A group keeps its stage until
another one fits clearly better; with the stage it keeps its id and name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple

import msgspec
import numpy as np

from segmentation.features import feature, signed_log
from segmentation.model import (
    Group,
    SegmentModel,
    centroid_values,
    predict,
    restored,
    stage_name,
)
from segmentation.rules import STAGES, Columns, Floats, RuleSet, rhythm_days
from segmentation.scaling import moved, spread

# Where a stage lies: value (orders and money), recency, lateness in rhythms (natural log), tenure.
# Value, recency and tenure count from the shop's usual customer in its usual spread.
_PLACES: Final = np.array(
    [
        [1.7, -1.2, -1.0, 0.5],  # champions
        [0.5, -0.6, -0.6, 0.3],  # loyal
        [-0.3, -0.3, -0.1, 0.0],  # promising
        [-0.7, -0.8, -0.8, -2.0],  # new
        [0.2, 0.4, 0.7, 0.4],  # at_risk
        [-0.7, 0.7, 1.2, 0.1],  # hibernating
        [-1.0, 1.1, 1.7, 0.2],  # lost
    ]
)
_PLACED: Final = ("orders", "monetary_value", "recency_days", "tenure_days", "gap_days_mean")
_WEIGHTS: Final = np.array([1.0, 0.6, 1.2, 0.5])
# What using one more stage is worth, and what leaving the present one costs, in the same units.
_VARIETY: Final = 0.6
_LOYALTY: Final = 0.8
# How marked a trait must be to name a group, and how marked it is to have ordered once only.
_PLAIN: Final = 0.35
_SINGLE: Final = 1.3
_EVERYDAY: Final = "everyday"
# Where fewer than this share of the customers differ from the usual one, a feature names nobody:
# beside so small a spread a single page view is much.
_TELLING: Final = 0.1
_KEPT_IDS: Final = 4
# Typical orders from which a group's customers count as having come back.
_REPEAT: Final = 1.5


class Profile(msgspec.Struct, frozen=True):
    """What is known of the groups: arrays over groups by feature name.

    ``typical`` in the feature's own unit; ``relative`` in the shop's usual spread from its usual
    customer (0: as everybody). ``weights`` are customers learned from.
    """

    typical: Mapping[str, Floats]
    relative: Mapping[str, Floats]
    weights: tuple[float, ...]
    rules: RuleSet


class _Trait(NamedTuple):
    feature: str
    sign: int
    slug: str
    words: str
    repeat_only: bool = False


_TRAITS: Final = (
    _Trait("average_order_value", 1, "big_baskets", "big baskets"),
    _Trait("average_order_value", -1, "small_baskets", "small baskets"),
    _Trait("items_per_order", 1, "many_items", "many items at once"),
    _Trait("items_per_order", -1, "few_items", "few items at once"),
    _Trait("distinct_products", 1, "wide_choice", "wide choice", repeat_only=True),
    _Trait("distinct_products", -1, "few_favourites", "few favourites", repeat_only=True),
    _Trait("gap_days_mean", 1, "seldom", "buy seldom", repeat_only=True),
    _Trait("gap_days_mean", -1, "often", "buy often", repeat_only=True),
    _Trait("orders", 1, "many_orders", "many orders", repeat_only=True),
    _Trait("monetary_value", 1, "top_spenders", "top spenders"),
    _Trait("monetary_value", -1, "light_spenders", "light spenders"),
    _Trait("discount_share", 1, "bargain_hunters", "bargain hunters"),
    _Trait("refund_share", 1, "send_back", "often send back"),
    _Trait("views", 1, "browsers", "browse a lot"),
)


def described(model: SegmentModel, columns: Columns) -> Profile:
    """The profile of a learned model's groups, from the sample it was learned from.

    Features that the model does not use describe its groups too, where the sample has them.
    """
    groups = predict(model, columns)
    counts = np.bincount(groups, minlength=len(model.centroids)).astype(np.float64)
    typical: dict[str, Floats] = {}
    relative: dict[str, Floats] = {}
    for name in sorted({*_PLACED, *(trait.feature for trait in _TRAITS)} & columns.keys()):
        values = moved(columns, name)
        if name not in _PLACED and np.mean(values != np.median(values)) < _TELLING:
            continue
        means = np.bincount(groups, values, minlength=len(counts)) / np.maximum(counts, 1)
        centre, scale = spread(values)
        typical[name] = restored(means, feature(name).transform)
        relative[name] = (means - centre) / scale
    return Profile(typical, relative, tuple(counts.tolist()), model.rules)


def profiled(model: SegmentModel, counts: Floats) -> Profile | None:
    """The profile of a learned model's groups by their centres alone, ``counts`` customers in each.

    None where the model does not use all that a stage is told by.
    """
    if not set(_PLACED) <= set(model.features):
        return None
    typical = centroid_values(model)
    relative = {
        name: ((signed_log(typical[name]) if how == "log" else typical[name]) - centre) / scale
        for name, how, centre, scale in zip(
            model.features, model.transforms, model.centre, model.scale, strict=True
        )
    }
    return Profile(typical, relative, tuple(counts.tolist()), model.rules)


def named(profile: Profile, inherited: Sequence[Group | None]) -> tuple[Group, ...]:
    """A `Group` for each centre; ``inherited`` are the previous groups they continue, or None."""
    chosen = stages(profile, [group.stage if group else None for group in inherited])
    keeps = [
        group if group and group.stage == stage else None
        for group, stage in zip(inherited, chosen, strict=True)
    ]
    taken = {text for group in inherited if group for text in (group.id, *group.formerly)}
    groups: dict[int, Group] = {}
    # The greatest groups choose their trait first.
    for at in sorted(range(len(chosen)), key=lambda at: (-profile.weights[at], at)):
        kept, weight = keeps[at], profile.weights[at]
        if kept:
            groups[at] = msgspec.structs.replace(kept, weight=weight)
            continue
        former = _former(inherited[at])
        slug = _slug_held_before(former, chosen[at]) or _slug(profile, at, chosen[at], taken)
        text = f"{chosen[at]}.{slug}"
        name = f"{stage_name(chosen[at])} · {_words(slug)}"
        former = tuple(old for old in former if old != text)
        groups[at] = Group(text, chosen[at], name, former, weight)
        taken.add(text)
    return tuple(groups[at] for at in range(len(chosen)))


def _former(group: Group | None) -> tuple[str, ...]:
    return (*group.formerly, group.id)[-_KEPT_IDS:] if group else ()


def _slug_held_before(former: tuple[str, ...], stage: str) -> str | None:
    """A group that comes back to a stage takes the id it had there."""
    held = [text.partition(".")[2] for text in former if text.startswith(f"{stage}.")]
    return held[-1] if held else None


def stages(profile: Profile, present: Sequence[str | None]) -> tuple[str, ...]:
    """The stage of each group: together the nearest ones, with a reward for each stage in use.

    Exact, by dynamic programming over the set of stages used. ``present`` are the stages held so
    far: one is left only where another fits clearly better.
    """
    misfit = _misfit(profile)
    for at, stage in enumerate(present):
        if stage:
            misfit[at, STAGES.index(stage)] -= _LOYALTY
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for row in misfit:
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        for used, (total, path) in best.items():
            for at, cost in enumerate(row.tolist()):
                mask = used | 1 << at
                cost_so_far = total + cost - (_VARIETY if mask != used else 0.0)
                if mask not in grown or cost_so_far < grown[mask][0]:
                    grown[mask] = (cost_so_far, (*path, at))
        best = grown
    return tuple(STAGES[at] for at in min(best.values())[1])


def _misfit(profile: Profile) -> Floats:
    """Groups x stages: weighted squared distance from each stage's place."""
    relative = profile.relative
    value = (relative["orders"] + relative["monetary_value"]) / 2
    typical = profile.typical
    gaps = np.where(typical["orders"] >= _REPEAT, typical["gap_days_mean"], np.nan)
    rhythm = rhythm_days(profile.rules, typical["orders"], gaps)
    late = np.log((typical["recency_days"] + 1) / (rhythm + 1))
    places = np.stack([value, relative["recency_days"], late, relative["tenure_days"]], axis=1)
    away = places[:, None, :] - _PLACES
    return np.asarray((away**2 * _WEIGHTS).sum(axis=2), dtype=np.float64)


def _slug(profile: Profile, at: int, stage: str, taken: set[str]) -> str:
    """The most marked trait whose id is still free."""
    is_repeat = bool(profile.typical["orders"][at] >= _REPEAT)
    offers = [
        (trait.sign * float(profile.relative[trait.feature][at]), trait.slug)
        for trait in _TRAITS
        if trait.feature in profile.relative and (is_repeat or not trait.repeat_only)
    ]
    offers.append((_PLAIN, _EVERYDAY))
    if not is_repeat and stage != "new":
        offers.append((_SINGLE, "one_order"))
    for _, slug in sorted(offers, key=lambda offer: -offer[0]):
        if f"{stage}.{slug}" not in taken:
            return slug
    numbered = (f"{_EVERYDAY}_{number}" for number in count(2))
    return next(slug for slug in numbered if f"{stage}.{slug}" not in taken)


def _words(slug: str) -> str:
    known = {trait.slug: trait.words for trait in _TRAITS}
    return known.get(slug, slug.replace("_", " "))
