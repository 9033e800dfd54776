"""A group keeps its identity from version to version, and the report says what moved."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from segmentation.model import Group, SegmentModel, empty_model, rules_model
from segmentation.rules import NOBODY, RuleSet
from segmentation.stability import Move, best_pairs, inheritance, report, sentences
from segmentation.wording import Words

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def model(version: int, *groups: Group, scaled_at: int = 1) -> SegmentModel:
    return SegmentModel(version, "kmeans", groups, NOW, scaled_at=scaled_at)


def group(text: str, *formerly: str) -> Group:
    return Group(text, text.partition(".")[0], text, formerly)


@settings(max_examples=50)
@given(
    gains=arrays.arrays(
        np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(0, 1)
    )
)
def test_the_best_pairs_are_the_best_of_all(gains: np.ndarray) -> None:
    rows, columns = gains.shape
    wide = np.hstack([gains, np.zeros((rows, rows))])
    best = max(
        sum(wide[row, column] for row, column in enumerate(order))
        for order in permutations(range(columns + rows), rows)
    )
    pairs = best_pairs(gains)
    used = [column for column in pairs if column >= 0]
    assert len(set(used)) == len(used)
    assert np.isclose(sum(gains[at, to] for at, to in enumerate(pairs) if to >= 0), best)


def test_groups_are_recognised_by_their_customers_whatever_their_order() -> None:
    before = np.repeat([0, 1, 2], 100)
    after = np.repeat([2, 0, 1], 100)
    after[:10] = 1
    assert inheritance(before, after, (3, 3)) == (1, 2, 0)


def test_a_group_of_other_people_inherits_nothing() -> None:
    before = np.array([0] * 300 + [1] * 30 + [NOBODY] * 50)
    after = np.array([0] * 290 + [1] * 40 + [2] * 50)
    assert inheritance(before, after, (2, 3)) == (0, 1, -1)
    scattered = np.tile([0, 1, 2, 3], 50)
    assert inheritance(np.repeat([0, 1, 2, 3], 50), scattered, (4, 4)) == (-1,) * 4


def test_the_report_counts_who_moves_and_where_to() -> None:
    same = (group("new.a"), group("loyal.b"), group("lost.c"))
    found = report(
        model(1, *same),
        model(2, *same),
        np.array([0, 0, 0, 1, 1, 2, NOBODY, NOBODY]),
        np.array([0, 1, 1, 1, 2, 2, 0, NOBODY]),
    )
    assert found.moves == (
        Move("new.a", "loyal.b", 2),
        Move("", "new.a", 1),
        Move("loyal.b", "lost.c", 1),
    )
    assert (found.customers, found.moved, found.stage_changes) == (8, 4, 4)
    unchanged = (found.restaged, found.born, found.retired, found.emptied, found.filled)
    assert unchanged == ((),) * 5


def test_a_group_that_leaves_its_stage_is_said_to_and_its_people_do_not_count_as_moved() -> None:
    found = report(
        model(1, group("at_risk.seldom"), group("new.a")),
        model(2, group("lost.seldom", "at_risk.seldom"), group("new.a"), scaled_at=2),
        np.array([0, 0, 1]),
        np.array([0, 0, 1]),
    )
    assert found.restaged == (("at_risk.seldom", "lost.seldom"),)
    assert (found.moved, found.stage_changes) == (0, 2)
    assert (found.emptied, found.filled) == (("at_risk",), ("lost",))
    assert found.is_rescaled
    said = sentences(found)
    assert said[0] == "stage at_risk has no group any more"
    assert "group at_risk.seldom left its stage and is now lost.seldom" in said


def test_groups_that_begin_and_end_are_named() -> None:
    found = report(
        model(1, group("new.a"), group("loyal.b")),
        model(2, group("new.a"), group("loyal.d")),
        np.array([0, 1]),
        np.array([0, 1]),
    )
    assert (found.born, found.retired) == (("loyal.d",), ("loyal.b",))
    assert found.moved == 1


def test_the_change_from_rules_to_groups_is_one_report_like_any_other() -> None:
    found = report(
        rules_model(RuleSet(), 1, NOW),
        model(2, group("new.a"), group("loyal.b")),
        np.array([3, 1, 0]),
        np.array([0, 1, 1]),
    )
    assert found.stage_changes == 1
    assert found.emptied == ("champions", "promising", "at_risk", "hibernating", "lost")


def test_nothing_changed_is_said_too() -> None:
    none = np.array([], dtype=np.int64)
    found = report(empty_model(), empty_model(), none, none)
    assert sentences(found) == (
        "0.0% of the customers change group (0 of 0)",
        "0 customers change stage, those of renamed groups counted",
    )
    one = msgspec.structs.replace(found, stage_changes=1)
    assert sentences(one)[-1] == "1 customer changes stage, those of renamed groups counted"
    assert sentences(one, Words("zh"))[-1] == "1 位客户换了阶段，改名分群的客户也计在内"  # noqa: RUF001 - Chinese
