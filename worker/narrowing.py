"""Candidates by key columns: what SQL can rule out before a condition is evaluated.

Never more than that: whoever is left over is judged by the campaign's own mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement

from campaigns.conditions import Condition, Every, Test
from segmentation.record import DAY
from worker import models

Bounds = tuple[float | None, float | None]
# Operator → the least and the most of what passes; bounds may be wider than the operator.
_BOUNDS: Final[dict[str, Callable[[Any], Bounds]]] = {
    "equals": lambda value: (value, value),
    "at_least": lambda value: (value, None),
    "more_than": lambda value: (value, None),
    "at_most": lambda value: (None, value),
    "less_than": lambda value: (None, value),
    "between": lambda value: (value[0], value[1]),
}


def candidates(condition: Condition, now: int) -> list[ColumnElement[bool]]:
    """Clauses on the customers table that everybody who meets a condition meets, too.

    Parameters
    ----------
    now
        Business time at which the condition will be evaluated, int microseconds.
    """
    parts = condition.parts if isinstance(condition, Every) else (condition,)
    clauses: list[ColumnElement[bool]] = []
    for part in parts:
        if isinstance(part, Test) and part.operator in _BOUNDS:
            clauses += _clauses(part.fact, _BOUNDS[part.operator](part.value), now)
    return clauses


def _clauses(fact: str, bounds: Bounds, now: int) -> list[ColumnElement[bool]]:
    people = models.customers.c
    low, high = bounds
    if fact == "orders":
        return _within(people.orders, low, high)
    if fact == "recency_days":
        # A microsecond of room: the mask divides, and rounds otherwise than we do.
        latest = None if low is None else now - int(low * DAY) + 1
        earliest = None if high is None else now - int(high * DAY) - 1
        return _within(people.last_order, earliest, latest)
    return []


def _within(column: Any, low: float | None, high: float | None) -> list[ColumnElement[bool]]:
    clauses = []
    if low is not None:
        clauses.append(column >= low)
    if high is not None:
        clauses.append(column <= high)
    return clauses
