"""Why a customer is in a group: the next best one, and the features that decide between the two.

Each reason is a claim that can be tried: were the feature as is typical in the other group, the
margin by which this group leads would shrink (learned groups), or the customer would be in the
other one (rules). Words for it: `segmentation.wording_explanations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from segmentation.features import signed_log
from segmentation.model import SegmentModel, assign, centroid_values, closeness, standardised
from segmentation.rules import NOBODY, Columns, Floats, RuleSet, rhythm_days

MOST: Final = 3
"""Reasons given at most."""

# A reason weighs at least this much of the strongest one.
_SLIGHT: Final = 0.1
# Squared spreads by which a feature has to be nearer to the rival to speak for it.
_NEARLY: Final = 0.05

Kind = Literal["nobody", "alone", "rules", "learned"]


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature of the customer: ``value`` (NaN: unknown), and what is typical ``here`` and there.

    Under rules ``here`` is the customer's own value and ``there`` the nearest with which the
    customer would be in the other segment. ``weight`` is what the margin would lose if the feature
    were as it is there.
    """

    feature: str
    value: float
    here: float
    there: float
    weight: float


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody is where they are.

    ``group`` and ``rival``, the next best, are ids ('': none). ``reasons`` are the strongest first;
    with ``is_joint`` they decide together, none alone. ``against`` speak for the rival. ``margin``
    is by how much the group leads, in the model's own measure; below zero (``is_held``) the rival
    is nearer by now, but not yet by enough for a move.
    """

    kind: Kind
    group: str = ""
    rival: str = ""
    reasons: tuple[Reason, ...] = ()
    against: tuple[Reason, ...] = ()
    margin: float = 0.0
    is_held: bool = False
    is_joint: bool = False


def explain(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    """Why the one customer in ``columns`` (arrays of length 1) is in ``group`` of the model.

    ``group`` is what `segmentation.model.assign` gave, so the past is not guessed at; `NOBODY`
    is answered as such. Raises `IncompatibleModel` when a feature is missing.
    """
    if group == NOBODY:
        return Explanation("nobody")
    if model.kind == "rules":
        return _by_rules(model, columns, group)
    if len(model.groups) == 1:
        return Explanation("alone", model.groups[group].id)
    return _by_trial(model, columns, group)


def _by_trial(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    """One feature after the other is set to the rival's typical value, and the model asked again.

    So it is told alike whether distances decide or a classifier, which cannot be taken apart.
    """
    close = closeness(model, columns)[0]
    rival = next(at for at in np.argsort(-close, kind="stable").tolist() if at != group)
    typical, count = centroid_values(model), len(model.features)
    single = _margins(model, columns, (group, rival), np.eye(count, dtype=bool))
    margin = float(close[group] - close[rival])
    nearer = _nearer(model, columns, typical, (group, rival))
    found = [
        Reason(
            name,
            float(columns[name][0]),
            float(typical[name][group]),
            float(typical[name][rival]),
            margin - float(single[at]),
        )
        for at, name in enumerate(model.features)
    ]
    order = sorted(range(count), key=lambda at: -found[at].weight)
    most = max(one.weight for one in found)
    decide = [at for at in order if found[at].weight > max(_least(margin), _SLIGHT * most)]
    # What is nearer to the other group's customers is no reason that anybody would take for one.
    plain = [at for at in decide if nearer[at] > 0] or decide
    against = [at for at in np.argsort(nearer).tolist() if nearer[at] < -_NEARLY]
    against = [at for at in against if at not in plain]
    joint = () if plain else _joint(model, columns, (group, rival), nearer)
    return Explanation(
        "learned",
        model.groups[group].id,
        model.groups[rival].id,
        tuple(found[at] for at in (plain[:MOST] or joint)),
        tuple(found[at] for at in against[:MOST]),
        margin,
        is_held=margin < 0,
        is_joint=bool(joint),
    )


def _least(margin: float) -> float:
    """What is rounding is no reason."""
    return 1e-9 * max(abs(margin), 1.0)


def _margins(
    model: SegmentModel, columns: Columns, pair: tuple[int, int], is_set: np.ndarray
) -> Floats:
    """The margin of a customer's group over the rival in each trial.

    ``is_set`` is trials x features: which of them are as is typical in the rival's group.
    """
    group, rival = pair
    typical = centroid_values(model)
    trials = {name: np.repeat(column, len(is_set)) for name, column in columns.items()}
    for at, name in enumerate(model.features):
        trials[name] = np.where(is_set[:, at], typical[name][rival], trials[name])
    close = closeness(model, trials)
    return np.asarray(close[:, group] - close[:, rival], dtype=np.float64)


def _nearer(
    model: SegmentModel, columns: Columns, typical: Mapping[str, Floats], pair: tuple[int, int]
) -> Floats:
    """By how much each feature is nearer to the group's typical value than to the rival's.

    In the feature's usual spread, squared; a projection is left aside.
    """
    plain = msgspec.structs.replace(model, projection=())
    ends = {name: np.append(columns[name], typical[name][list(pair)]) for name in model.features}
    ends["orders"] = ends.get("orders", np.repeat(columns["orders"], 3))
    own, here, there = standardised(plain, ends)
    return np.asarray((own - there) ** 2 - (own - here) ** 2, dtype=np.float64)


def _joint(
    model: SegmentModel, columns: Columns, pair: tuple[int, int], nearer: Floats
) -> tuple[int, ...]:
    """The fewest features, plainest first, that shrink the margin together; () if none do."""
    order = np.argsort(-nearer, kind="stable")
    is_set = np.zeros((len(order), len(order)), dtype=bool)
    for row in range(len(order)):
        is_set[row:, order[row]] = True
    nothing = np.zeros((1, len(order)), dtype=bool)
    before, *after = _margins(model, columns, pair, np.concatenate([nothing, is_set])).tolist()
    for row, margin in enumerate(after):
        if before - margin > _least(before):
            return tuple(order[: row + 1].tolist())
    return ()


class _Crossing(NamedTuple):
    """A value with which the customer would be in another stage, and how far off it is."""

    away: float
    group: int
    feature: str
    value: float


def _by_rules(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    """The nearest border that one feature alone has to cross decides which stage is next."""
    found = _crossings(model, columns, group)
    if not found:
        return Explanation("alone", model.groups[group].id)
    nearest: dict[str, _Crossing] = {}
    for one in found:
        if one.group == found[0].group:
            nearest.setdefault(one.feature, one)
    reasons = tuple(
        Reason(name, value := float(columns[name][0]), value, one.value, found[0].away)
        for name, one in nearest.items()
    )
    own, rival = model.groups[group].id, model.groups[found[0].group].id
    return Explanation("rules", own, rival, reasons[:MOST], margin=found[0].away)


def _crossings(model: SegmentModel, columns: Columns, group: int) -> list[_Crossing]:
    """The nearest first."""
    tried = list(_tried(model.rules, columns))
    trials = {name: np.repeat(column, len(tried)) for name, column in columns.items()}
    for row, (name, value) in enumerate(tried):
        trials[name][row] = value
    reached = assign(model, trials)
    found = [
        _Crossing(_away(float(columns[name][0]), value), int(to), name, value)
        for (name, value), to in zip(tried, reached.tolist(), strict=True)
        if to not in {group, NOBODY}
    ]
    return sorted(found)


def _away(value: float, other: float) -> float:
    ends = signed_log(np.array([value, other]))
    return float(abs(ends[1] - ends[0]))


def _tried(rules: RuleSet, columns: Columns) -> list[tuple[str, float]]:
    """Values on both sides of every border of the rules, as whole numbers."""
    rhythm = float(rhythm_days(rules, columns["orders"], columns["gap_days_mean"])[0])
    late = [float(np.floor(rhythm * times)) for times in (rules.late, rules.gone, rules.lost)]
    counts = [2.0, float(np.ceil(rules.loyal_orders)), float(np.ceil(rules.champion_orders))]
    spent = float(np.ceil(rules.champion_money))
    return [
        *(("recency_days", border + side) for border in late for side in (0, 1)),
        *(("orders", border - side) for border in counts for side in (0, 1)),
        *(("monetary_value", max(spent - side, 0.0)) for side in (0, 1)),
    ]
