"""A yes or a no in sentences: a recorded decision, or conditions as they stand now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from campaigns.conditions import Condition, Did, Every, Not, Some, Test, mask, rules_in
from campaigns.facts import MEMBERSHIPS, Facts, history_column
from campaigns.reasons import REASONS
from campaigns.sentences import sentence, spoken
from segmentation.catalogues import counted

_AFTERWARDS = {
    "skip": "A next occasion may fire.",
    "drop": "This occasion is settled for good.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition at one customer: how it is said, whether it holds, the actual value.

    ``depth`` counts the groups around it; a group comes before its parts and has no value.
    """

    depth: int
    sentence: str
    passed: bool
    actual: str = ""

    def __str__(self) -> str:
        mark = "✓" if self.passed else "✗"
        actual = f" (it is {self.actual})" if self.actual else ""
        return f"{'  ' * self.depth}{mark} {self.sentence}{actual}"


def reason_sentence(reason: str, detail: Mapping[str, Any]) -> str:
    """The sentence of a recorded reason with its blanks filled."""
    said = REASONS[reason].format_map({**detail})
    return said[:1].upper() + said[1:]


def decision_sentences(
    reason: str, detail: Mapping[str, Any], otherwise: str = "", until: datetime | None = None
) -> tuple[str, ...]:
    """What happened, in a few sentences, from what a decision recorded."""
    said = [reason_sentence(reason, detail)]
    if "lowered_by" in detail:
        said.append(f"The discount was lowered to what {detail['lowered_by']} allows.")
    if until is not None:
        said.append(f"It waits until {until:%Y-%m-%d %H:%M} UTC and is asked again then.")
    elif otherwise in _AFTERWARDS:
        said.append(_AFTERWARDS[otherwise])
    return tuple(said)


def findings(condition: Condition, facts: Facts, row: int) -> tuple[Finding, ...]:
    """Every part of a condition at one row, evaluated by the same mask that decides."""
    return tuple(_findings(condition, facts, row, 0))


def _findings(condition: Condition, facts: Facts, row: int, depth: int) -> Iterator[Finding]:
    passed = bool(mask(condition, facts)[row])
    match condition:
        case Every(parts) | Some(parts):
            word = "all of" if isinstance(condition, Every) else "any of"
            yield Finding(depth, word, passed)
            for part in parts:
                yield from _findings(part, facts, row, depth + 1)
        case Not((Every() | Some()) as part):
            yield Finding(depth, "not", passed)
            yield from _findings(part, facts, row, depth + 1)
        case _:
            yield Finding(depth, sentence(condition), passed, _actual(condition, facts, row))


def _actual(condition: Condition, facts: Facts, row: int) -> str:
    match condition:
        case Not(part):
            return _actual(part, facts, row)
        case Did(event, days, _):
            return counted(int(facts.column(history_column(event, days))[row]), "time", "times")
        case Test("segment", _, asked):
            names = [facts.column("segment")[row], facts.column("group")[row]]
            names += facts.column(MEMBERSHIPS)[row] if rules_in(asked) else ()
            return " / ".join(str(name) for name in names if name) or "none"
        case Test(fact, _, _):
            return spoken(np.asarray(facts.column(fact))[row : row + 1].tolist()[0])
        case _:
            return ""
