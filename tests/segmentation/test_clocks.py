"""A comparison turns at the very microsecond that is told, and features known to stand still do."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from segmentation.clocks import FOREVER, Bound, Side, clock_of, turns_at
from segmentation.derivation import derive
from segmentation.features import NAMES
from segmentation.record import DAY, RECORD, Bools, Records, empty

NOW = 1_772_452_800_000_000  # 2026-03-02 12:00 UTC
CENTURY = 36_525 * DAY
MOVING = [name for name in NAMES if clock_of(name) != "still"]
DAYS = ("recency_days", "tenure_days", "last_seen_days")


def people(seed: int, count: int = 40) -> Records:
    """Customers with something in every field, some of whom never ordered."""
    random = np.random.default_rng(seed)
    records = empty(count)
    for name in RECORD.names or ():
        if name not in {"schema", "flags", "era", "decayed", "moods", "categories"}:
            records[name] = random.integers(1, 90, records[name].shape)
    records["era"] = random.integers(0, 2, count)
    records["orders"] = random.integers(0, 4, count)
    for name in ("first_order_at", "last_order_at", "last_act_at"):
        records[name] = NOW - random.integers(-300, 900 * DAY, count)
    records["birth_year"] = random.integers(0, 2, count) * random.integers(1930, 2020, count)
    # What stands there now is between nothing and a few hundreds, whatever the half-life.
    records["decayed"] = random.uniform(0, 1, records["decayed"].shape)
    for name in ("decayed", "moods", "categories"):
        records[name] = random.uniform(1, 9, records[name].shape) * 2.0 ** random.integers(
            20, 40, count
        ).reshape(count, *[1] * (records[name].ndim - 1))
    return records


def compared(records: Records, name: str, bound: float, side: Side, at: int) -> Bools:
    value = derive(records, at, names=(name,))[name]
    result: Bools = value >= bound if side == "reaches" else value > bound
    return result


def bounds(name: str) -> st.SearchStrategy[float]:
    if name in DAYS:
        whole = st.integers(-1, 1200).map(float)
        return st.one_of(whole, st.floats(0, 1200), st.sampled_from([0.1, 1 / 3, 59.999_999, 1e9]))
    if name == "age":
        return st.one_of(st.integers(0, 100).map(float), st.floats(0, 100), st.just(1e12))
    return st.one_of(st.floats(1e-9, 5000), st.sampled_from([-1.0, 0.0, 1e-9, 0.5, 1.0, 1e9]))


@pytest.mark.parametrize("side", ["reaches", "exceeds"])
@pytest.mark.parametrize("name", MOVING)
def test_it_turns_at_that_microsecond_and_not_before(name: str, side: Side) -> None:
    @settings(max_examples=5, deadline=None)
    @given(seed=st.integers(0, 9999), bound=bounds(name))
    def holds(seed: int, bound: float) -> None:
        records = people(seed)
        moments = turns_at(records, Bound(name, bound, side), NOW)
        before = compared(records, name, bound, side, NOW)
        assert (moments > NOW).all()
        for row in np.flatnonzero(moments < FOREVER)[:20]:
            one, at = records[row : row + 1], int(moments[row])
            assert compared(one, name, bound, side, at - 1)[0] == before[row]
            assert compared(one, name, bound, side, at)[0] != before[row]
        never = records[moments == FOREVER]
        for years in (1, 3, 9):
            later = compared(never, name, bound, side, NOW + CENTURY * years // 100)
            assert (later == before[moments == FOREVER]).all()

    holds()


@pytest.mark.parametrize("name", MOVING)
def test_somebody_turns(name: str) -> None:
    """Else the test above would say nothing."""
    bound = {"age": 60.0}.get(name, 400.0 if name in DAYS else 1e-6)
    assert (turns_at(people(1), Bound(name, bound, "reaches"), NOW) < FOREVER).sum() > 5


def test_what_is_said_to_stand_still_does() -> None:
    records = people(5)
    now, later = (derive(records, at) for at in (NOW, NOW + 400 * DAY))
    moved = [name for name in NAMES if not np.allclose(now[name], later[name], equal_nan=True)]
    assert sorted(moved) == sorted(MOVING)
