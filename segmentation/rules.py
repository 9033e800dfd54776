"""The seven stages by rule, for shops that have too few customers to learn groups from.

Recency, frequency and money in the shop's own rhythm: a fortnight is late at a grocer's and
nothing at a furniture shop. The thresholds are frozen in a `RuleSet`, so that a customer moves
because of what the customer did, never because the neighbours did something.

Source of the idea: Hughes, *Strategic Database Marketing* (1994), recency-frequency-monetary cells.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Columns = Mapping[str, Floats]

STAGES = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost")
"""Ids of the stages. They never change: campaigns name them."""

NOBODY = -1
"""The group of somebody who has never ordered."""

_CHAMPIONS, _LOYAL, _PROMISING, _NEW, _AT_RISK, _HIBERNATING, _LOST = range(7)


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of the rules. The defaults serve an empty shop.

    Days, numbers of orders, and the currency's main unit. ``late``, ``gone`` and ``lost`` count in
    rhythms: how many of a customer's usual gaps have passed since the last order.
    """

    gap_days: float = 45.0
    loyal_orders: float = 3.0
    champion_orders: float = 5.0
    champion_money: float = 0.0
    late: float = 2.0
    gone: float = 4.0
    lost: float = 7.0
    customers: int = 0


def learn_thresholds(columns: Columns) -> RuleSet:
    """Thresholds from a shop's customers (arrays by feature name, any order).

    What few customers say is mixed with the defaults: fifty repeat customers weigh as much as
    the default rhythm. An empty shop gets the defaults.
    """
    default = RuleSet()
    ordered = columns["orders"] > 0
    orders = columns["orders"][ordered]
    money = columns["monetary_value"][ordered]
    gaps = columns["gap_days_mean"][ordered]
    gaps = gaps[(orders > 1) & np.isfinite(gaps)]
    if not len(orders):
        return default
    gap = _mixed(float(np.median(gaps)), len(gaps), default.gap_days) if len(gaps) else 0.0
    repeat = orders[orders > 1]
    many = float(np.quantile(repeat, 0.75)) if len(repeat) else default.champion_orders
    return RuleSet(
        gap_days=float(np.clip(gap or default.gap_days, 7.0, 365.0)),
        champion_orders=max(float(round(_mixed(many, len(repeat), 5.0))), 4.0),
        champion_money=float(np.nanquantile(money, 0.6)) if np.isfinite(money).any() else 0.0,
        customers=len(orders),
    )


def _mixed(measured: float, weight: int, default: float) -> float:
    return (measured * weight + default * 50) / (weight + 50)


def rhythm_days(rules: RuleSet, orders: Floats, gap_days_mean: Floats) -> Floats:
    """Usual days between two orders: the customer's own, near the shop's while orders are few."""
    own = np.where(np.isfinite(gap_days_mean), gap_days_mean, rules.gap_days)
    gaps = np.maximum(orders - 1, 0)
    drawn = (own * gaps + rules.gap_days * 2) / (gaps + 2)
    # Two orders within an hour say little about the next one.
    return np.asarray(np.maximum(drawn, rules.gap_days / 3), dtype=np.float64)


def lateness(rules: RuleSet, columns: Columns) -> Floats:
    """Rhythms since each customer's last order: 1 is on time, NaN without an order."""
    rhythm = rhythm_days(rules, columns["orders"], columns["gap_days_mean"])
    return np.asarray(columns["recency_days"] / rhythm, dtype=np.float64)


def stages(rules: RuleSet, columns: Columns) -> Indices:
    """Index into `STAGES` for each customer; `NOBODY` (-1) for those without an order.

    Columns needed: ``orders``, ``recency_days``, ``gap_days_mean``, ``monetary_value``.
    """
    orders = np.nan_to_num(columns["orders"])
    late = np.nan_to_num(lateness(rules, columns), nan=np.inf)
    money = np.nan_to_num(columns["monetary_value"])
    on_time = late <= rules.late
    best = (orders >= rules.champion_orders) & (money >= rules.champion_money)
    return np.select(
        [
            orders <= 0,
            late > rules.lost,
            on_time & best,
            on_time & (orders >= rules.loyal_orders),
            on_time & (orders > 1),
            on_time,
            (late <= rules.gone) & (orders > 1),
        ],
        [NOBODY, _LOST, _CHAMPIONS, _LOYAL, _PROMISING, _NEW, _AT_RISK],
        _HIBERNATING,
    ).astype(np.int64)
