"""Conditions as data: one definition that is evaluated on columns and spoken as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from campaigns.facts import MEMBERSHIPS, Facts, history_column
from campaigns.operators import OPERATORS, Mask
from segmentation.segment import kind_of


@dataclass(frozen=True, slots=True)
class Test:
    """One fact compared with a value. Text values of ``segment`` are stages, groups or rules."""

    __test__ = False  # pytest takes classes of this name for its own
    fact: str
    operator: str
    value: float | str | bool | tuple[float | str | bool, ...]


@dataclass(frozen=True, slots=True)
class Did:
    """The customer did a type of event at least ``times`` in the last ``days`` of 24 hours."""

    event: str
    days: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; true when empty."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not that one. What is unknown compares false, so its negation is true."""

    part: Condition


Condition = Test | Did | Every | Some | Not
ALWAYS: Final = Every(())
LONGEST_HISTORY: Final = 90  # days


def mask(condition: Condition, facts: Facts) -> Mask:
    """Where a condition holds: one boolean a row of ``facts``. Do not write into it.

    Raises
    ------
    MissingFact
        If a column it names was not brought.
    """
    # A bool and a number hash alike; the written form keeps them apart well enough, because
    # both compare alike too.
    if condition in facts.memo:
        return facts.memo[condition]
    if facts.parent is not None and facts.index is not None and _is_of_parent(condition, facts):
        found: Mask = mask(condition, facts.parent)[facts.index]
    else:
        found = _computed(condition, facts)
    facts.memo[condition] = found
    return found


def _is_of_parent(condition: Condition, facts: Facts) -> bool:
    return not any(name in facts.columns for name in needed_columns(condition))


def _computed(condition: Condition, facts: Facts) -> Mask:
    match condition:
        case Every(parts):
            found = np.ones(facts.rows, np.bool_)
            for part in parts:
                found = found & mask(part, facts)
            return found
        case Some(parts):
            found = np.zeros(facts.rows, np.bool_)
            for part in parts:
                found = found | mask(part, facts)
            return found
        case Not(part):
            return ~mask(part, facts)
        case Did(event, days, times):
            counted: Mask = facts.column(history_column(event, days)) >= times
            return counted
        case Test("segment", operator, value):
            return _in_segment(operator, value, facts)
        case Test(fact, operator, value):
            return OPERATORS[operator].compare(np.asarray(facts.column(fact)), value)


def _in_segment(operator: str, value: Any, facts: Facts) -> Mask:
    """A stage holds all of its groups, so that both columns are asked; rules have their own."""
    stage, group = np.asarray(facts.column("segment")), np.asarray(facts.column("group"))
    if operator == "is_known":
        return OPERATORS[operator].compare(stage, value)
    values = value if isinstance(value, tuple) else (value,)
    inside: Mask = np.isin(stage, values) | np.isin(group, values)
    rules = frozenset(rules_in(values))
    if rules:
        rows = np.asarray(facts.column(MEMBERSHIPS)).tolist()
        inside |= np.fromiter((not rules.isdisjoint(row) for row in rows), np.bool_, len(rows))
    if operator in {"equals", "in"}:
        return inside
    if len(rules) == len(values):
        return ~inside  # in a rule's segment or not: that is known of everybody
    return OPERATORS["is_known"].compare(stage, True) & ~inside


def rules_in(values: Any) -> tuple[str, ...]:
    """Which of a condition's values of ``segment`` are segments by rule."""
    values = values if isinstance(values, tuple) else (values,)
    return tuple(name for name in values if isinstance(name, str) and kind_of(name) != "learned")


def first_failed(condition: Condition, facts: Facts, row: int) -> Condition:
    """The part of a failed condition that is to blame at a row: the first false one of all."""
    if isinstance(condition, Every):
        for part in condition.parts:
            if not mask(part, facts)[row]:
                return first_failed(part, facts, row)
    return condition


def comparisons(condition: Condition) -> Iterator[Test]:
    """Every comparison in a condition, in the order in which it stands there."""
    match condition:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)
        case Test():
            yield condition
        case Did():
            return


@lru_cache(maxsize=10_000)
def needed_columns(condition: Condition) -> frozenset[str]:
    """Names of the columns a condition reads, counts of events excepted."""
    match condition:
        case Every(parts) | Some(parts):
            return frozenset[str]().union(*map(needed_columns, parts))
        case Not(part):
            return needed_columns(part)
        case Test("segment", _, value):
            named = {MEMBERSHIPS} if rules_in(value) else set[str]()
            return frozenset({"segment", "group"} | named)
        case Test(fact, _, _):
            return frozenset({fact})
        case Did():
            return frozenset()


def needed_history(condition: Condition) -> frozenset[tuple[str, int]]:
    """Pairs (event type, days) whose counts a condition reads as :func:`history_column`."""
    return frozenset((event, days) for event, days, _ in needed_counts(condition))


@lru_cache(maxsize=10_000)
def needed_counts(condition: Condition) -> frozenset[tuple[str, int, int]]:
    """The same with the number of times that each is compared with."""
    match condition:
        case Every(parts) | Some(parts):
            return frozenset[tuple[str, int, int]]().union(*map(needed_counts, parts))
        case Not(part):
            return needed_counts(part)
        case Did(event, days, times):
            return frozenset({(event, days, times)})
        case Test():
            return frozenset()
