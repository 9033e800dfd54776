"""Conditions spoken in English."""

from __future__ import annotations

from typing import Any

from campaigns.conditions import Condition, Did, Every, Not, Some, Test
from campaigns.facts import fact_named
from campaigns.operators import OPERATORS


def sentence(condition: Condition) -> str:
    """A condition as one clause, without a full stop."""
    match condition:
        case Every(parts):
            return _joined(parts, " and ") or "always"
        case Some(parts):
            return _joined(parts, " or ") or "never"
        case Not(part):
            return (
                f"did not do {_done(part)}" if isinstance(part, Did) else f"not ({sentence(part)})"
            )
        case Did():
            return f"did {_done(condition)}"
        case Test():
            return _compared(condition)


def _compared(test: Test) -> str:
    fact = fact_named(test.fact)
    name = fact.phrase if fact else test.fact
    if fact and fact.kind == "yes_no" and test.operator == "equals":
        return f"{name} is {'' if test.value else 'not '}given"
    if test.operator == "is_known":
        return f"{name} is {'' if test.value else 'not '}known"
    phrase = OPERATORS[test.operator].phrase
    return f"{name} {phrase.format(value=spoken(test.value, test.operator))}"


def spoken(value: Any, operator: str = "") -> str:
    """A value as people say it."""
    if isinstance(value, tuple):
        return (" and " if operator == "between" else ", ").join(spoken(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 -- NaN differs from itself
            return "unknown"
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return str(value) if value not in {None, ""} else "unknown"


def _joined(parts: tuple[Condition, ...], word: str) -> str:
    said = [
        f"({sentence(part)})" if isinstance(part, Every | Some) else sentence(part)
        for part in parts
    ]
    return word.join(said)


def _done(done: Did) -> str:
    times = "" if done.times == 1 else f" at least {done.times} times"
    days = "day" if done.days == 1 else f"{done.days} days"
    return f"“{done.event.replace('_', ' ')}”{times} in the last {days}"
