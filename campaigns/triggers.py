"""What wakes a campaign: an event, a segment entered or left, a schedule, a date, a cart left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Final, Literal

import numpy as np

from campaigns.condition_file import CUSTOMER_EVENTS, SegmentName
from campaigns.errors import Problem
from campaigns.forms import Field, Form
from campaigns.kinds import (
    INVALID,
    Choice,
    Clock,
    Named,
    Number,
    Span,
    Words,
    YesNo,
    refuse,
    unknown_name,
)
from campaigns.operators import OPERATORS
from connectors.events import LOGGED_PROPERTIES

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Filter:
    """A comparison of one property of the waking event."""

    operator: str
    value: float | str | tuple[float | str, ...]

    def __lt__(self, other: Filter) -> bool:
        return (self.operator, str(self.value)) < (other.operator, str(other.value))


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """An event, narrowed by its properties."""

    event: str
    where: tuple[tuple[str, Filter], ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    """A customer enters a stage, a group or a rule's segment; leaves it if not ``enters``."""

    segment: str
    enters: bool


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """Each day, week or month at a local time. ``on`` is a weekday 0-6 or a day of the month.

    A day that a month does not have is its last one.
    """

    every: Literal["day", "week", "month"]
    at: time
    on: int = 0


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """A date of the customer that returns each year; ``offset_days`` before (< 0) or after it."""

    date: str
    at: time
    offset_days: int = 0


@dataclass(frozen=True, slots=True)
class CartTrigger:
    """A cart (or a checkout) left for so long without an order."""

    kind: Literal["cart", "checkout"]
    after: timedelta


Trigger = EventTrigger | SegmentTrigger | ScheduleTrigger | DateTrigger | CartTrigger


def passes(trigger: EventTrigger, properties: Mapping[str, Any]) -> bool:
    """Whether an event's properties pass a trigger's filters. A missing one passes none."""
    return all(
        name in properties
        and bool(
            OPERATORS[wanted.operator].compare(
                np.array([properties[name]], dtype=object), wanted.value
            )[0]
        )
        for name, wanted in trigger.where
    )


class _FilterKind:
    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        pairs = node if isinstance(node, dict) else {self._short(node): node}
        if len(pairs) != 1:
            return refuse("one value or one operator", node, place, problems)
        name, value = next(iter(pairs.items()))
        allowed = ("equals", "in", "at_least", "at_most", "more_than", "less_than")
        if name not in allowed:
            return unknown_name(name, f"{place}.{name}", problems, choices=allowed)
        wanted = tuple(value) if isinstance(value, list) else (value,)
        right = (str, int, float) if name in {"equals", "in"} else (int, float)
        if not wanted or not all(isinstance(item, right) for item in wanted):
            return refuse(f"a value that {name} can compare", value, place, problems)
        if (name == "in") != isinstance(value, list):
            return refuse("a list for `in`, one value for others", value, place, problems)
        return Filter(name, wanted if name == "in" else value)

    def write(self, value: Any) -> Any:
        plain = list(value.value) if isinstance(value.value, tuple) else value.value
        return {value.operator: plain}

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "array", "object"]}

    def _short(self, node: Any) -> str:
        return "in" if isinstance(node, list) else "equals"


class _DayKind:
    """A weekday's name or a day of the month; which one fits is the form's rule."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        if isinstance(node, int) and not isinstance(node, bool):
            return Number(1, 31, whole=True).read(node, place, problems)
        found = Choice(WEEKDAYS).read(node, place, problems)
        return found if found is INVALID else WEEKDAYS.index(found) - len(WEEKDAYS)

    def write(self, value: Any) -> Any:
        return value if value > 0 else WEEKDAYS[value + len(WEEKDAYS)]

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(WEEKDAYS)}, {"type": "integer", "minimum": 1}]}


@dataclass(frozen=True, slots=True)
class _Schedule:
    every: Literal["day", "week", "month"]
    at: time
    on: int | None


def _schedule_rule(found: _Schedule) -> Iterable[tuple[str, str]]:
    on = found.on
    if found.every == "day" and on is not None:
        yield "on", "is for a week or a month: leave it out"
    if found.every == "week" and (on is None or on > 0):
        yield "on", "expected a weekday like monday"
    if found.every == "month" and (on is None or on < 0):
        yield "on", "expected a day of the month from 1 to 31"


_SCHEDULE: Final = Form(
    _Schedule,
    {
        "every": Field(Choice(("day", "week", "month")), "How often."),
        "at": Field(Clock(), "Local time of the store."),
        "on": Field(_DayKind(), "A weekday, or a day of the month.", None),
    },
    rule=_schedule_rule,
)


class _ScheduleKind:
    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        found = _SCHEDULE.read(node, place, problems)
        if found is INVALID:
            return INVALID
        day = found.on or 0
        return ScheduleTrigger(found.every, found.at, day if day >= 0 else day + len(WEEKDAYS))

    def write(self, value: Any) -> Any:
        day = {"day": None, "week": value.on - len(WEEKDAYS), "month": value.on}[value.every]
        return _SCHEDULE.write(_Schedule(value.every, value.at, day))

    def schema(self) -> dict[str, Any]:
        return _SCHEDULE.schema()


def _segment(segment: str, *, enters: bool, leaves: bool) -> Any:
    return _Segment(segment, enters, leaves)


@dataclass(frozen=True, slots=True)
class _Segment:
    segment: str
    enters: bool
    leaves: bool


def _segment_rule(found: _Segment) -> Iterable[tuple[str, str]]:
    if found.enters == found.leaves:
        yield "", "expected either `enters: true` or `leaves: true`"


_AFTER: Final = Field(
    Span(timedelta(minutes=5), timedelta(days=30)), "How long it has been left without an order."
)
_CART: Final = Form(lambda after: CartTrigger("cart", after), {"after": _AFTER})
_CHECKOUT: Final = Form(lambda after: CartTrigger("checkout", after), {"after": _AFTER})
_FORMS: Final[dict[str, Form]] = {
    "event": Form(
        EventTrigger,
        {
            "event": Field(Choice(CUSTOMER_EVENTS), "The event that wakes the campaign."),
            "where": Field(
                Named(Choice(tuple(sorted(LOGGED_PROPERTIES))), _FilterKind()),
                "Only events whose properties are so.",
                (),
            ),
        },
    ),
    "segment": Form(
        _segment,
        {
            "segment": Field(SegmentName(), "A stage, a learned group or a rule's segment."),
            "enters": Field(YesNo(), "When a customer comes into it.", False),
            "leaves": Field(YesNo(), "When a customer leaves it.", False),
        },
        rule=_segment_rule,
    ),
    "schedule": Form(lambda schedule: schedule, {"schedule": Field(_ScheduleKind(), "When.")}),
    "date": Form(
        DateTrigger,
        {
            "date": Field(
                Words("birthday|[a-z][a-z0-9_]{0,39}", "`birthday` or an attribute's name"),
                "A date of the customer that returns each year.",
            ),
            "at": Field(Clock(), "Local time of the customer, else of the store."),
            "offset_days": Field(
                Number(-60, 60, whole=True), "Days after the date; negative: before.", 0
            ),
        },
    ),
    "cart_abandoned": Form(lambda cart_abandoned: cart_abandoned, {"cart_abandoned": Field(_CART)}),
    "checkout_abandoned": Form(
        lambda checkout_abandoned: checkout_abandoned, {"checkout_abandoned": Field(_CHECKOUT)}
    ),
}
_LATER: Final = ("price_drop", "back_in_stock", "predicted", "weather", "location")


class TriggerKind:
    """One of the triggers, told apart by which name stands in it."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A :data:`Trigger`."""
        if not isinstance(node, dict) or not node:
            return refuse(f"a trigger ({', '.join(_FORMS)})", node, place, problems)
        named = [name for name in node if name in _FORMS]
        if len(named) > 1:
            return refuse("one trigger", " and ".join(named), place, problems)
        if not named:
            name = next(iter(node))
            return unknown_name(name, f"{place}.{name}", problems, choices=_FORMS, later=_LATER)
        found = _FORMS[named[0]].read(node, place, problems)
        return SegmentTrigger(found.segment, found.enters) if isinstance(found, _Segment) else found

    def write(self, value: Any) -> Any:
        """The mapping of its form."""
        match value:
            case SegmentTrigger(segment, enters):
                return {"segment": segment, "enters" if enters else "leaves": True}
            case ScheduleTrigger():
                return {"schedule": _ScheduleKind().write(value)}
            case CartTrigger(kind, _):
                return {f"{kind}_abandoned": _CART.write(value)}
            case EventTrigger():
                return _FORMS["event"].write(value)
        return _FORMS["date"].write(value)

    def schema(self) -> dict[str, Any]:
        """One object a trigger."""
        return {"oneOf": [form.schema() for form in _FORMS.values()]}
