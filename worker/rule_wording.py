"""A rule's condition in words, in every language: whole, and the part that somebody fails."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from campaigns.conditions import Condition, Did, Every, Not, Some, Test
from campaigns.facts import Facts, history_column
from segmentation.features import BY_NAME
from segmentation.segment import kind_of
from segmentation.wording import UNKNOWN, Words, message, number
from segmentation.wording_events import event_words
from segmentation.wording_features import label, told_amount
from segmentation.wording_groups import segment_words

_COMPARED: Final = {
    "at_least": message("{fact} is at least {value}"),
    "at_most": message("{fact} is at most {value}"),
    "more_than": message("{fact} is more than {value}"),
    "less_than": message("{fact} is less than {value}"),
    "equals": message("{fact} is {value}"),
    "not_equals": message("{fact} is known and not {value}"),
    "in": message("{fact} is one of {value}"),
    "not_in": message("{fact} is known and none of {value}"),
}
_HUNDREDTHS: Final = 100


def condition_words(words: Words, condition: Condition) -> str:
    """A condition as one clause, without a full stop."""
    match condition:
        case Every(parts):
            return words.say(" and ").join(_within(words, part) for part in parts)
        case Some(parts):
            return words.say(" or ").join(_within(words, part) for part in parts)
        case Not(part):
            return words.say("not ({condition})", condition=condition_words(words, part))
        case Did():
            return _done(words, condition)
        case Test():
            return _compared(words, condition)


def _within(words: Words, part: Condition) -> str:
    told = condition_words(words, part)
    return words.say("({condition})", condition=told) if isinstance(part, Every | Some) else told


def _done(words: Words, done: Did) -> str:
    times = words.count("{number} time", "{number} times", str(done.times))
    span = words.count("{number} day", "{number} days", str(done.days))
    return words.say(
        "“{event}” happened at least {times} in the last {days}",
        event=event_words(words, done.event),
        times=times,
        days=span,
    )


def _compared(words: Words, test: Test) -> str:
    name, value = fact_words(words, test.fact), test.value
    if test.operator == "is_known":
        return words.say("{fact} is known", fact=name) if value else _unknown(words, name)
    if isinstance(value, tuple):
        told = [_value(words, test.fact, one) for one in value]
        if test.operator == "between":
            low, high = told
            return words.say("{fact} is between {low} and {high}", fact=name, low=low, high=high)
        return words.say(_COMPARED[test.operator], fact=name, value=words.enumerated(told))
    told_value = _value(words, test.fact, value)
    return words.say(_COMPARED[test.operator], fact=name, value=told_value)


def _unknown(words: Words, name: str) -> str:
    return words.say("{fact} is not known", fact=name)


def fact_words(words: Words, fact: str) -> str:
    """What a fact is called."""
    kind, _, own = fact.partition(".")
    if fact == "segment":
        return words.say("the segment")
    if kind == "consent":
        return words.say("consent for {channel}", channel=own)
    if kind == "attribute":
        return words.say("attribute “{name}”", name=own.replace("_", " "))
    return label(words, own if kind == "own" else fact)


def _value(words: Words, fact: str, value: Any) -> str:
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    if isinstance(value, str):
        is_group = fact == "segment" and kind_of(value) == "learned"
        return segment_words(words, value) if is_group else value
    # A bound is told as it stands in the file, never rounded.
    parts = _HUNDREDTHS if fact in BY_NAME and BY_NAME[fact].unit == "share" else 1
    is_exact = fact in BY_NAME and (value * parts).is_integer()
    return told_amount(words, fact, value) if is_exact else f"{value:,.10g}"


def failed_words(words: Words, part: Condition, facts: Facts, row: int) -> str:
    """The part of a condition that somebody fails, and what is so instead, where that is a value.

    ``part`` is what :func:`campaigns.conditions.first_failed` found.
    """
    told, actual = condition_words(words, part), _actual(words, part, facts, row)
    if not actual:
        return words.say("expected, and not so: {condition}", condition=told)
    return words.say(
        "expected, and not so: {condition} (it is {actual})", condition=told, actual=actual
    )


def _actual(words: Words, part: Condition, facts: Facts, row: int) -> str:
    match part:
        case Did(event, days, times):
            done = str(int(min(facts.column(history_column(event, days))[row], times)))
            return words.count("{number} time", "{number} times", done)
        case Test("segment", _, _):
            group = str(facts.column("group")[row] or facts.column("segment")[row] or "")
            return segment_words(words, group) if group else UNKNOWN
        case Test(fact, _, _):
            value = np.asarray(facts.column(fact))[row : row + 1].tolist()[0]
            return _shown(words, fact, value)
        case _:
            return ""


def _shown(words: Words, fact: str, value: Any) -> str:
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN differs from itself
        return UNKNOWN
    if fact in BY_NAME:
        return told_amount(words, fact, value)
    if fact.startswith("consent."):
        return words.say("yes") if value else words.say("no")
    return number(value) if isinstance(value, float) else str(value)
