from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.anonymity import ANY, UNKNOWN, Identifier, anonymised, identifier


def ages(values: list[int | None]) -> Identifier:
    told = [UNKNOWN if one is None else f"{one // 10 * 10}s" for one in values]
    return identifier("age", told, [lambda text: f"{int(text[:-1]) // 20 * 20}+"])


def regions(values: list[str]) -> Identifier:
    return identifier("region", values, [lambda text: text.partition("-")[0]])


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 99),
        st.sampled_from(["DE-BY", "DE-BE", "FR-75", "FR", "IT", UNKNOWN]),
        st.sampled_from(["f", "m", UNKNOWN]),
    ),
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, least=st.integers(1, 12))
def test_nobody_stands_in_a_smaller_group(
    rows: list[tuple[int | None, str, str]], least: int
) -> None:
    columns = [
        ages([row[0] for row in rows]),
        regions([row[1] for row in rows]),
        identifier("gender", [row[2] for row in rows]),
    ]
    done = anonymised(columns, least)
    told = list(zip(*(done.labels()[one.name] for one in columns), strict=True))
    groups = Counter(line for line, is_kept in zip(told, done.kept, strict=True) if is_kept)
    assert all(count >= least for count in groups.values())
    assert done.left_out < least
    assert all(
        line == (ANY,) * 3 for line, is_kept in zip(told, done.kept, strict=True) if not is_kept
    )
    for one in columns:  # everybody is told a truth: the own value or one above it
        for row, label in zip(one.rows, done.labels()[one.name], strict=True):
            at, above = int(row), [one.labels[int(row)]]
            while one.labels[at] != ANY:
                at = int(one.above[at])
                above.append(one.labels[at])
            assert label in above


def test_large_groups_stay_as_they_are() -> None:
    done = anonymised([regions(["DE-BY"] * 10 + ["FR-75"] * 10)])
    assert Counter(done.labels()["region"]) == {"DE-BY": 10, "FR-75": 10}
    assert done.widened == {"region": 0}


def test_a_small_group_is_widened_a_step_at_a_time_and_the_rest_is_left_out() -> None:
    done = anonymised([regions(["DE-BY"] * 10 + ["DE-BE"] * 6 + ["DE-HH"] * 6 + ["FR"] * 3)])
    kept = Counter(done.labels(np.flatnonzero(done.kept))["region"])
    assert kept == {"DE-BY": 10, "DE": 12}
    assert (done.left_out, done.widened) == (3, {"region": 12})


def test_what_is_unknown_is_a_value_until_the_last_step() -> None:
    done = anonymised([ages([None] * 10 + [31] * 9 + [25])])
    assert Counter(done.labels()["age"]) == {UNKNOWN: 10, "20+": 10}


def test_fewer_than_k_are_all_left_out() -> None:
    assert anonymised([regions(["DE"] * 9)]).left_out == 9
    assert anonymised([regions([])]).left_out == 0


def test_a_step_may_lead_to_a_label_that_is_there_already() -> None:
    one = identifier("shoe", ["9b", "a", "9b"], [lambda text: "a" if text == "9b" else text])
    assert one.labels == ("9b", "a", ANY)
    assert one.above.tolist() == [1, 2, 2]


def test_nothing_to_go_by_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one column"):
        anonymised([])


def test_columns_too_many_for_one_number_are_counted_all_the_same() -> None:
    values = [str(one) for one in range(400)] * 2
    many = [identifier(f"c{n}", values) for n in range(9)]
    assert anonymised(many, 2).widened == {f"c{n}": 0 for n in range(9)}
    assert set(anonymised(many, 3).labels()["c0"]) == {ANY}
