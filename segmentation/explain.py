"""Why a customer is in a group, in words that a shop owner reads."""

from __future__ import annotations

import re
from typing import Final

import msgspec
import numpy as np

from segmentation.model import (
    SegmentModel,
    centroid_values,
    closeness,
    squared_distances,
    standardised,
)
from segmentation.rules import NOBODY, Columns, lateness, rhythm_days

_WORDS: Final = {
    "recency_days": "last order {} days ago",
    "orders": "{} orders",
    "monetary_value": "{} spent in all",
    "average_order_value": "{} spent an order",
    "tenure_days": "first order {} days ago",
    "items_per_order": "{} different products an order",
    "gap_days_mean": "{} days between orders",
    "distinct_products": "{} different products in all",
    "discount_share": "{} of the sales given as discounts",
    "refund_share": "{} of the sales sent back",
}
_MOST: Final = 3
_EXACT_BELOW: Final = 10


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody is where they are: ``reasons`` are the strongest first.

    ``rival`` names the next best group ('' under rules); ``is_held`` says that it is nearer by
    now, but not yet by enough for a move.
    """

    group: str
    stage: str
    name: str
    reasons: tuple[str, ...]
    rival: str = ""
    is_held: bool = False


def explain(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    """Why the one customer in ``columns`` (arrays of length 1) is in ``group`` of the model.

    ``group`` is what `segmentation.model.assign` gave, so the past is not guessed at; `NOBODY`
    is answered as such. Raises `IncompatibleModel` when a feature is missing.
    """
    if group == NOBODY:
        return Explanation("", "", "No order yet", ("there is no order to judge by",))
    if model.kind == "rules":
        return _by_rules(model, columns, group)
    if model.projection or model.carrier is not None:
        return _by_trial(model, columns, group)
    return _by_distance(model, columns, group)


def _by_trial(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    """What speaks for the group is what, were it as in the next best one, would speak for that.

    One feature after the other is set to the rival's typical value: how much nearer the rival comes
    is what the feature says. So it is told where no distance can be taken apart by features.
    """
    close = closeness(model, columns)[0]
    own, order = model.groups[group], [at for at in np.argsort(-close).tolist() if at != group]
    if not order:
        return Explanation(own.id, own.stage, own.name, ("it is the only group",))
    rival, typical = order[0], centroid_values(model)
    lead = float(close[group] - close[rival])
    weight = {}
    for name in model.features:
        other = {**columns, name: typical[name][rival : rival + 1]}
        there = closeness(model, other)[0]
        weight[name] = lead - float(there[group] - there[rival])
    reasons = [
        f"{_said(name, float(columns[name][0]))} (typical here {_number(typical[name][group])}, "
        f"there {_number(typical[name][rival])})"
        for name in sorted(weight, key=lambda one: -weight[one])[:_MOST]
        if weight[name] > 0
    ]
    is_held = lead < 0
    name = model.groups[rival].name
    if is_held:
        reasons.append(f"nearer to {name} by now, but not by enough for a move yet")
    return Explanation(own.id, own.stage, own.name, tuple(reasons), name, is_held)


def _by_distance(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    squared = squared_distances(model, columns)[0]
    others = [at for at in np.argsort(squared).tolist() if at != group]
    place = standardised(model, columns)[0]
    own = model.groups[group]
    if not others:
        return Explanation(own.id, own.stage, own.name, ("it is the only group",))
    rival = others[0]
    centroids = np.array(model.centroids)
    speaks = (place - centroids[rival]) ** 2 - (place - centroids[group]) ** 2
    typical = centroid_values(model)
    reasons = []
    for at in np.argsort(-speaks).tolist()[:_MOST]:
        if speaks[at] > 0:
            name = model.features[at]
            here, there = typical[name][group], typical[name][rival]
            said = _said(name, float(columns[name][0]))
            reasons.append(f"{said} (typical here {_number(here)}, there {_number(there)})")
    is_held = bool(squared[rival] < squared[group])
    if is_held:
        by = f"not by {model.hysteresis - 1:.0%}" if model.hysteresis > 1 else "not by enough"
        reasons.append(f"nearer to {model.groups[rival].name} by now, but {by}, so no move yet")
    name = model.groups[rival].name
    return Explanation(own.id, own.stage, own.name, tuple(reasons), name, is_held)


def _by_rules(model: SegmentModel, columns: Columns, group: int) -> Explanation:
    rules, own = model.rules, model.groups[group]
    late = float(lateness(rules, columns)[0])
    rhythm = float(rhythm_days(rules, columns["orders"], columns["gap_days_mean"])[0])
    recency, orders, money = (
        _said(name, float(columns[name][0]))
        for name in ("recency_days", "orders", "monetary_value")
    )
    expected = f"{late:.1f} times the {_number(rhythm)} days expected between orders"
    bounds = f"late from {rules.late:g}, hibernating from {rules.gone:g}, lost from {rules.lost:g}"
    champions = f"champions from {rules.champion_orders:g}"
    reasons = (
        f"{recency}: {expected} ({bounds})",
        f"{orders} (loyal from {rules.loyal_orders:g}, {champions})",
        f"{money} (champions from {_number(rules.champion_money)})",
    )
    return Explanation(own.id, own.stage, own.name, reasons)


def _said(name: str, value: float) -> str:
    if np.isnan(value):
        return "no second order yet" if name.startswith("gap_days") else f"{_spoken(name)} unknown"
    said = _number(value)
    words = _WORDS.get(name, _spoken(name) + " {}")
    if said == "1":
        words = re.sub(r"(\{\} (?:different )?(?:day|order|product))s", r"\1", words)
    return words.format(said)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float) -> str:
    if abs(value) < _EXACT_BELOW and round(value, 1) != round(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"
