"""What customers say, as the numbers that the features fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.events import MOST_HOURS, STARS, SURVEYS
from segmentation.running import FactKind
from segmentation.sentiment import STAR, WHOLE

Said = tuple[tuple[FactKind, int], ...]


def values_of(kind: FactKind, properties: Mapping[str, Any]) -> Said:
    """The facts that an event of that kind is, each with its value.

    A closed ticket may be two, its satisfaction an answer of its own. None if a number that makes
    the fact is missing or out of its range.
    """
    if kind is FactKind.REVIEW:
        rating = _within(properties.get("rating"), STARS)
        return () if rating is None else ((kind, round(rating * STAR)),)
    if kind is FactKind.SURVEY:
        return _answer(str(properties.get("survey")), properties.get("score"))
    if kind is FactKind.TICKET:
        hours = _within(properties.get("hours_open"), (0, MOST_HOURS))
        seconds = -1 if hours is None else round(hours * 3600)
        return ((kind, seconds), *_answer("csat", properties.get("satisfaction")))
    return ((kind, 0),)


def _answer(survey: str, score: Any) -> Said:
    low, high = SURVEYS.get(survey, (0, 0))
    given = _within(score, (low, high))
    if given is None or low == high:
        return ()
    return ((FactKind.SURVEY, round((given - low) * WHOLE / (high - low))),)


def _within(value: Any, bounds: tuple[float, float]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if bounds[0] <= value <= bounds[1] else None
