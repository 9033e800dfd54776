"""The mask equals a plain evaluator that goes row by row."""

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from campaigns.condition_file import ConditionKind
from campaigns.conditions import (
    Condition,
    Did,
    Every,
    Not,
    Some,
    Test,
    mask,
    needed_columns,
    needed_history,
)
from campaigns.errors import Problem
from campaigns.explanation import findings
from campaigns.facts import Facts, history_column
from campaigns.sentences import sentence

Row = dict[str, Any]
_NUMBERS = st.one_of(st.integers(-3, 6).map(float), st.just(math.nan))
_ROW = st.fixed_dictionaries(
    {
        "orders": _NUMBERS,
        "recency_days": _NUMBERS,
        "consent.email": st.sampled_from([0.0, 1.0, math.nan]),
        "segment": st.sampled_from(["", "at_risk", "lost"]),
        "group": st.sampled_from(["", "at_risk.gifts", "lost.one"]),
        "attribute.size": st.sampled_from([None, "", "S", "L", 4.0, True]),
        "did.order_completed.30d": st.integers(0, 3),
    }
)
_COMPARISONS = ("at_least", "at_most", "more_than", "less_than")
_TESTS = st.one_of(
    st.builds(
        Test,
        st.sampled_from(["orders", "recency_days", "attribute.size"]),
        st.sampled_from(_COMPARISONS),
        st.integers(-3, 6).map(float),
    ),
    st.builds(
        Test,
        st.just("orders"),
        st.sampled_from(["equals", "not_equals"]),
        st.integers(0, 3).map(float),
    ),
    st.builds(
        Test, st.just("orders"), st.just("between"), st.sampled_from([(0.0, 2.0), (-1.0, 6.0)])
    ),
    st.builds(
        Test,
        st.just("attribute.size"),
        st.sampled_from(["in", "not_in"]),
        st.sampled_from([("S",), ("S", 4.0), ("L", "M")]),
    ),
    st.builds(Test, st.just("consent.email"), st.just("equals"), st.booleans()),
    st.builds(
        Test,
        st.just("segment"),
        st.sampled_from(["equals", "not_equals"]),
        st.sampled_from(["at_risk", "lost", "at_risk.gifts"]),
    ),
    st.builds(
        Test,
        st.sampled_from(["orders", "attribute.size", "segment"]),
        st.just("is_known"),
        st.booleans(),
    ),
    st.builds(Did, st.just("order_completed"), st.just(30), st.integers(1, 3)),
)
_TREES: st.SearchStrategy[Condition] = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


def is_known(value: Any) -> bool:
    return (
        value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))
    )


def plainly(condition: Condition, row: Row) -> bool:
    if isinstance(condition, Every):
        return all(plainly(part, row) for part in condition.parts)
    if isinstance(condition, Some):
        return any(plainly(part, row) for part in condition.parts)
    if isinstance(condition, Not):
        return not plainly(condition.part, row)
    if isinstance(condition, Did):
        return bool(row[history_column(condition.event, condition.days)] >= condition.times)
    return compared(condition, row)


def compared(test: Test, row: Row) -> bool:
    value, wanted = row[test.fact], test.value
    among: Any = wanted if isinstance(wanted, tuple) else (wanted,)
    if test.operator == "is_known":
        return is_known(value) == wanted
    if not is_known(value):
        return test.fact == "segment" and test.operator == "equals" and row["group"] in among
    if test.fact == "segment":
        return (value in among or row["group"] in among) == (test.operator == "equals")
    if test.operator in _COMPARISONS or test.operator == "between":
        return not isinstance(value, str) and ordered(test.operator, value, among)
    return (value in among) == (test.operator in {"equals", "in"})


def ordered(operator: str, value: float, among: Any) -> bool:
    first, last = among[0], among[-1]
    found: dict[str, bool] = {
        "at_least": value >= first,
        "at_most": value <= first,
        "more_than": value > first,
        "less_than": value < first,
        "between": first <= value <= last,
    }
    return found[operator]


def facts_of(rows: list[Row]) -> Facts:
    columns = {
        name: np.array(
            [row[name] for row in rows], dtype=object if name.startswith("attribute.") else None
        )
        for name in rows[0]
    }
    return Facts(len(rows), columns)


@settings(max_examples=300, deadline=None)
@given(_TREES, st.lists(_ROW, min_size=1, max_size=12))
def test_the_mask_equals_the_plain_evaluator(condition: Condition, rows: list[Row]) -> None:
    facts = facts_of(rows)
    wanted = [plainly(condition, row) for row in rows]
    assert mask(condition, facts).tolist() == wanted
    # Seen from wakes, with the memo warm, and with one column brought by the wakes themselves.
    index = np.array([0, len(rows) - 1, 0])
    seen = facts.seen_from(index, {"orders": facts.columns["orders"][index]})
    assert mask(condition, seen).tolist() == [wanted[0], wanted[-1], wanted[0]]
    assert findings(condition, facts, 0)[0].passed == wanted[0]


@settings(max_examples=200, deadline=None)
@given(_TREES)
def test_written_and_read_it_is_the_same_and_can_be_said(condition: Condition) -> None:
    problems: list[Problem] = []
    kind = ConditionKind()
    assert kind.read(kind.write(condition), "if", problems) == condition
    assert problems == []
    assert sentence(condition)


def test_what_must_be_fetched() -> None:
    condition = Every(
        (
            Test("segment", "equals", "lost"),
            Not(Did("order_completed", 30)),
            Some((Test("orders", "at_least", 1.0), Did("page_viewed", 7, 3))),
        )
    )
    assert needed_columns(condition) == {"segment", "group", "orders"}
    assert needed_history(condition) == {("order_completed", 30), ("page_viewed", 7)}
    assert sentence(condition) == (
        "the segment is lost and did not do “order completed” in the last 30 days and (number of "
        "orders is at least 1 or did “page viewed” at least 3 times in the last 7 days)"
    )


def test_equal_conditions_are_computed_once() -> None:
    facts = Facts(2, {"orders": np.array([1.0, 5.0])})
    first = mask(Test("orders", "at_least", 3.0), facts)
    assert mask(Test("orders", "at_least", 3.0), facts) is first


def test_what_the_event_does_not_say_is_unknown() -> None:
    assert mask(Test("cart.value", "at_least", 0.0), Facts(2, {})).tolist() == [False, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"consent.email": True}, "consent for email is given"),
        ({"attribute.size": ["S", "L"]}, "attribute size is one of S, L"),
        (
            {"monetary_value": {"between": [10, 1200.5]}},
            "money spent in all is between 10 and 1,200.5",
        ),
        ({"orders": {"is_known": False}}, "number of orders is not known"),
    ],
)
def test_sentences(text: Any, said: str) -> None:
    assert sentence(ConditionKind().read(text, "if", [])) == said


def test_findings_show_the_actual_value() -> None:
    condition = Every((Test("orders", "at_least", 3.0), Test("segment", "equals", "lost")))
    facts = Facts(
        2,
        {
            "orders": np.array([7.0, 2.0]),
            "segment": np.array(["new", "lost"]),
            "group": np.array(["", ""]),
        },
    )
    assert [str(finding) for finding in findings(condition, facts, 1)] == [
        "✗ all of",
        "  ✗ number of orders is at least 3 (it is 2)",
        "  ✓ the segment is lost (it is lost)",
    ]
