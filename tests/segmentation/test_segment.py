"""One object for segments of three kinds, and who is in a band of a prediction."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from segmentation.segment import PREDICTED, RULE, Band, Segment, kind_of, members

SCORES = st.lists(st.one_of(st.floats(-2, 2), st.just(float("nan"))), min_size=1, max_size=30)


@given(SCORES, st.lists(st.floats(-1, 1), min_size=1, max_size=4, unique=True))
def test_bands_side_by_side_hold_everybody_with_a_score_once(
    scores: list[float], borders: list[float]
) -> None:
    edges = [-3.0, *sorted(borders), 3.0]
    told = np.array(scores)
    inside = [members(Band(low, high), told) for low, high in pairwise(edges)]
    assert (np.sum(inside, axis=0) == ~np.isnan(told)).all()


@given(SCORES, st.floats(0, 0.5))
def test_who_is_in_stays_within_the_margin_and_nobody_else_enters_there(
    scores: list[float], margin: float
) -> None:
    told, band = np.array(scores), Band(-0.5, 0.5, margin)
    plain = members(Band(-0.5, 0.5), told)
    assert (members(band, told, np.zeros(len(told), np.bool_)) == plain).all()
    held = members(band, told, np.ones(len(told), np.bool_))
    assert (held == ((told >= -0.5 - margin) & (told < 0.5 + margin))).all()


def test_the_lower_end_is_in_and_the_upper_is_not() -> None:
    assert members(Band(0.2, 0.7), np.array([0.2, 0.7])).tolist() == [True, False]


@pytest.mark.parametrize("wrong", [(0.5, 0.5, 0.0), (0.6, 0.5, 0.0), (0.0, 1.0, -0.1)])
def test_a_band_is_not_empty(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="lower end first"):
        Band(*wrong)


def test_the_id_tells_the_kind() -> None:
    ids = ("rule.vip", "predicted.churn.high", "at_risk.gift_buyers", "at_risk")
    assert [kind_of(one) for one in ids] == ["rule", "predicted", "learned", "learned"]
    assert [bool(RULE.fullmatch(one)) for one in ids] == [True, False, False, False]
    assert [bool(PREDICTED.fullmatch(one)) for one in ids] == [False, True, False, False]


def test_a_segment_is_called_by_its_name_in_a_language() -> None:
    vip = Segment("rule.vip", "rule", (("en", "Big spenders"), ("zh", "大客户")))
    assert (vip.name_in("zh"), vip.name_in("fr")) == ("大客户", "Big spenders")
    assert Segment("rule.vip", "rule").name_in("en") == "rule.vip"
