"""Who asks again at each told moment, and only then, is never wrong in between."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from campaigns.conditions import Condition, Did, Every, Not, Some, Test, mask
from campaigns.facts import FACTS, Column, Facts, history_column
from campaigns.flips import Past, Setting, next_flip, unsolved
from campaigns.operators import Mask
from segmentation import running
from segmentation.clocks import FOREVER
from segmentation.record import DAY, Ints, Records

NOW = 1_772_452_800_000_000  # 2026-03-02 12:00 UTC
NUMBERS = ("recency_days", "tenure_days", "last_seen_days", "orders_30d", "age", "orders")
_BOUND = st.one_of(st.integers(0, 90).map(float), st.floats(0, 90))
_TESTS = st.one_of(
    st.builds(
        Test,
        st.sampled_from(NUMBERS),
        st.sampled_from(["at_least", "at_most", "more_than", "less_than", "equals", "not_equals"]),
        _BOUND,
    ),
    st.builds(
        Test,
        st.sampled_from(NUMBERS),
        st.just("between"),
        st.tuples(_BOUND, _BOUND).map(lambda pair: (min(pair), max(pair))),
    ),
    st.builds(
        Test, st.sampled_from(NUMBERS), st.sampled_from(["in", "not_in"]), st.tuples(_BOUND, _BOUND)
    ),
    st.builds(Test, st.just("recency_days"), st.just("is_known"), st.booleans()),
    st.builds(Test, st.just("consent.email"), st.just("equals"), st.booleans()),
    st.builds(Did, st.just("order_completed"), st.integers(1, 90), st.integers(1, 3)),
    st.builds(Did, st.just("product_viewed"), st.integers(1, 90), st.integers(1, 3)),
)
_TREES: st.SearchStrategy[Condition] = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@dataclass(frozen=True)
class Crowd:
    """Customers with what they did; everything of it is known at ``NOW``."""

    records: Records
    consents: np.typing.NDArray[np.float64]
    history: dict[str, Past]

    def facts(self, now: int) -> Facts:
        rows = len(self.records)
        columns: dict[str, Column] = {**running.derive(self.records, now, names=NUMBERS)}
        columns["consent.email"] = self.consents
        for event, past in self.history.items():
            for days in range(1, 91):
                columns[history_column(event, days)] = past.counts(days, now, rows)
        return Facts(rows, columns)

    def holds(self, condition: Condition, now: int) -> Mask:
        return mask(condition, self.facts(now))

    def flips(self, condition: Condition, now: int) -> Ints:
        setting = Setting(now, self.records, 2, self.history)
        return next_flip(condition, self.facts(now), setting)


def crowd(seed: int, count: int = 12) -> Crowd:
    random = np.random.default_rng(seed)
    records = running.empty(count)
    records["orders"] = random.integers(0, 4, count)
    last = NOW - random.integers(-2, 90 * DAY, count)
    records["last_order_at"], records["first_order_at"] = last, last - random.integers(0, DAY)
    records["last_act_at"] = NOW - random.integers(0, 90 * DAY, count)
    records["birth_year"] = random.integers(0, 2, count) * random.integers(1936, 2020, count)
    records["era"] = 0
    records["decayed"] = random.uniform(0, 30, records["decayed"].shape) * 2.0 ** (
        (NOW - 1_577_836_800_000_000) / (30 * DAY)
    )
    consents = random.choice([0.0, 1.0, np.nan], count)
    return Crowd(records, consents, {name: did(random, count) for name in EVENTS})


EVENTS = ("order_completed", "product_viewed")


def did(random: np.random.Generator, rows: int) -> Past:
    number = int(random.integers(rows, 4 * rows))
    at = NOW - random.integers(-2, 60 * DAY, number)
    return Past(random.integers(0, rows, number), at)


@settings(max_examples=60, deadline=None)
@given(condition=_TREES, seed=st.integers(0, 9999), span=st.integers(1, 130 * DAY))
def test_asking_at_each_flip_is_asking_always(condition: Condition, seed: int, span: int) -> None:
    people, until = crowd(seed), NOW + span
    now, known = NOW, people.holds(condition, NOW)
    moments = people.flips(condition, NOW)
    assert (moments > NOW).all()
    for _ in range(40):
        now = int(moments.min())
        if now > until:
            break
        due = moments == now
        # A microsecond earlier nothing has changed for anybody.
        assert (people.holds(condition, now - 1) == known).all()
        known = np.where(due, people.holds(condition, now), known)
        moments = np.where(due, people.flips(condition, now), moments)
        assert (moments > now).all()
    else:
        until = now
    assert (people.holds(condition, until) == known).all()


LEAVES = [
    Test("recency_days", "at_least", 60.0),
    Test("recency_days", "at_most", 60.0),
    Test("recency_days", "more_than", 60.0),
    Test("recency_days", "less_than", 60.0),
    Test("recency_days", "equals", 60.0),
    Test("orders_30d", "at_least", 3.0),
    Test("orders_30d", "less_than", 3.0),
    Test("age", "more_than", 40.0),
    Did("order_completed", 60, 2),
]


@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_a_single_part_turns_at_that_moment_and_not_before(leaf: Condition) -> None:
    people = crowd(3, 60)
    moments, before = people.flips(leaf, NOW), people.holds(leaf, NOW)
    turning = np.flatnonzero(moments < FOREVER)
    assert len(turning) > 3
    for row in turning.tolist():
        at = int(moments[row])
        assert people.holds(leaf, at - 1)[row] == before[row]
        assert people.holds(leaf, at)[row] != before[row]


def test_an_event_counts_through_its_last_microsecond() -> None:
    people = crowd(0, 1)
    people.history["order_completed"] = Past(np.array([0, 0]), np.array([NOW - DAY, NOW - 5]))
    twice = Did("order_completed", 3, 2)
    assert people.flips(twice, NOW).tolist() == [NOW + 2 * DAY + 1]
    assert people.flips(Did("order_completed", 3, 1), NOW).tolist() == [NOW - 5 + 3 * DAY + 1]
    assert people.flips(Did("order_completed", 3, 3), NOW).tolist() == [FOREVER]


def test_what_only_an_event_can_undo_has_no_moment() -> None:
    people = crowd(1, 40)
    rare = Every((Test("orders", "at_least", 99.0), Test("recency_days", "at_most", 60.0)))
    often = Some((Test("orders", "at_least", 0.0), Test("recency_days", "at_most", 60.0)))
    assert (people.flips(rare, NOW) == FOREVER).all()
    assert (people.flips(often, NOW) == FOREVER).all()
    assert (people.flips(rare.parts[1], NOW) < FOREVER).any()


def test_only_a_stores_own_features_are_not_solved() -> None:
    drift = Test("own.per_day", "at_least", 1.0)
    solved = Test("recency_days", "at_least", 1.0)
    still = (Test("attribute.size", "equals", "L"), Test("segment", "equals", "lost"))
    tangled = Every((solved, Not(Some((drift, Did("product_viewed", 3))))))
    assert unsolved(tangled) == ("own.per_day",)
    assert unsolved(Every((solved, *still))) == ()
    assert [name for name in FACTS if unsolved(Test(name, "is_known", True))] == []
