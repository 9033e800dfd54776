"""When a condition turns by time alone: for each customer the next moment that can make it so.

Days since something pass a bound, something done falls out of its window, a decayed sum falls below
a threshold, a birthday's year begins. Each gives a moment to the microsecond
(`segmentation.clocks`); the earliest is when a condition is to be asked again. Where a part that
time cannot turn decides already, there is no such moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Final

import numpy as np

from campaigns.conditions import Condition, Did, Every, Not, Some, Test, mask
from campaigns.facts import FACTS, Facts
from campaigns.operators import Mask
from segmentation.clocks import FOREVER, Bound, Clock, Side, clock_of, turns_at
from segmentation.features import BY_NAME
from segmentation.record import DAY, Ints, Records

_SIDES: Final[Mapping[str, Side]] = {
    "at_least": "reaches",
    "less_than": "reaches",
    "at_most": "exceeds",
    "more_than": "exceeds",
}


@dataclass(frozen=True, slots=True)
class Past:
    """When customers did one type of event, one entry an event, in any order.

    ``row`` is the customer's row, ``at`` microseconds since 1970 UTC. As far back as any window
    reaches; of each customer at least as many of the latest as any condition counts to, and all
    that lie ahead of now (a clock that is fast).
    """

    row: Ints
    at: Ints

    def counts(self, days: int, now: int, rows: int) -> Ints:
        """How many of them each customer did within so many days of 24 hours before ``now``."""
        inside = (self.at >= now - days * DAY) & (self.at <= now)
        return np.bincount(self.row[inside], minlength=rows).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Setting:
    """What flips are computed from, beside the facts at ``now``; one row a customer alike."""

    now: int
    records: Records
    currency_exponent: int
    history: Mapping[str, Past]


def next_flip(condition: Condition, facts: Facts, setting: Setting) -> Ints:
    """The earliest moment after now at which time alone may turn a condition, a customer each.

    Microseconds since 1970 UTC; `segmentation.clocks.FOREVER` where there is none. Facts that
    :func:`unsolved` names are not among them.
    """
    match condition:
        case Every(parts) | Some(parts):
            moving = [part for part in parts if _moves(part)]
            found = [next_flip(part, facts, setting) for part in moving]
            settled = _settled(condition, facts)
            return np.where(settled, FOREVER, reduce(np.minimum, found, _never(facts)))
        case Not(part):
            return next_flip(part, facts, setting)
        case Did():
            return _out_of_window(condition, setting)
        case Test():
            found = [
                turns_at(
                    setting.records,
                    bound,
                    setting.now,
                    currency_exponent=setting.currency_exponent,
                )
                for bound in _bounds(condition)
            ]
            return reduce(np.minimum, found, _never(facts))


def _never(facts: Facts) -> Ints:
    return np.full(facts.rows, FOREVER)


def _settled(condition: Every | Some, facts: Facts) -> Mask:
    """Where a part that only an event can turn decides the whole."""
    decided = np.zeros(facts.rows, np.bool_)
    for part in condition.parts:
        if not _moves(part):
            holds = mask(part, facts)
            decided |= ~holds if isinstance(condition, Every) else holds
    return decided


def _bounds(test: Test) -> Iterator[Bound]:
    """Every bound of a comparison of numbers, and which side of it counts."""
    fact, value = test.fact, test.value
    if _clock(fact) in {"still", "unsolved"} or test.operator == "is_known":
        return
    values = [float(one) for one in (value if isinstance(value, tuple) else (value,))]
    if test.operator in _SIDES:
        yield Bound(fact, values[0], _SIDES[test.operator])
    elif test.operator == "between":
        yield Bound(fact, values[0], "reaches")
        yield Bound(fact, values[1], "exceeds")
    else:
        for one in values:
            yield Bound(fact, one, "reaches")
            yield Bound(fact, one, "exceeds")


def _out_of_window(done: Did, setting: Setting) -> Ints:
    """When the event that makes the count full leaves the window, or one that lies ahead comes."""
    past, span = setting.history[done.event], done.days * DAY
    found = np.full(len(setting.records), FOREVER)
    inside = (past.at >= setting.now - span) & (past.at <= setting.now)
    row, at = past.row[inside], past.at[inside]
    order = np.lexsort((-at, row))
    row, at = row[order], at[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    last = place == done.times - 1
    found[row[last]] = at[last] + span + 1
    ahead = past.at > setting.now
    np.minimum.at(found, past.row[ahead], past.at[ahead])
    return found


@lru_cache(maxsize=10_000)
def _moves(condition: Condition) -> bool:
    """Whether time alone can turn a condition."""
    match condition:
        case Every(parts) | Some(parts):
            return any(map(_moves, parts))
        case Not(part):
            return _moves(part)
        case Did():
            return True
        case Test(fact, _, _):
            return _clock(fact) != "still"


def _clock(fact: str) -> Clock:
    """How a fact moves; what only events can change (segment, consent, attribute) stands still."""
    is_feature = fact in BY_NAME or (fact not in _OWN and not fact.startswith("attribute."))
    return clock_of(fact) if is_feature else "still"


_OWN: Final = frozenset(name for name in FACTS if name not in BY_NAME)


@lru_cache(maxsize=10_000)
def unsolved(condition: Condition) -> tuple[str, ...]:
    """Facts of a condition that time may move in a way that nobody computes, by name.

    What stands on them is asked again when customers are aged, not at the moment itself.
    """
    match condition:
        case Every(parts) | Some(parts):
            return tuple(dict.fromkeys(name for part in parts for name in unsolved(part)))
        case Not(part):
            return unsolved(part)
        case Did():
            return ()
        case Test(fact, _, _):
            return (fact,) if _clock(fact) == "unsolved" else ()
