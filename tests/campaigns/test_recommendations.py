"""Only known and available products, and a word on what supplied them."""

from itertools import permutations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from campaigns.recommendations import (
    Shelf,
    Taste,
    best_sellers,
    cooccurrence,
    recommend,
    shelf_of,
    shelf_text,
)
from campaigns.steps import RecommendStep, Strategy

NAMES = tuple("abcdef")
ORDERS = [np.array(order) for order in ([0, 1], [0, 1], [0, 1, 2], [3, 4], [0, 5])]
SHELF = Shelf(
    NAMES,
    cooccurrence(ORDERS, 6, 3),
    {"": np.array([0, 1, 2, 3]), "loyal": np.array([4, 3])},
)
ALL = frozenset(NAMES)


def test_partners_by_score() -> None:
    assert SHELF.partners[0].tolist() == [1, 2, 5]
    assert SHELF.partners[3].tolist() == [4, -1, -1]


def test_bought_together_falls_back_and_says_so() -> None:
    taste = Taste("loyal", bought=("d",))
    found = recommend(RecommendStep("bought_together", 3), SHELF, taste, ALL)
    # Product e goes with d; then the segment's best (e again, d was just bought), then all's.
    assert found.products == ("e", "a", "b")
    assert found.strategies == ("bought_together", "best_in_segment")


def test_repeat_buys_may_offer_the_same_again() -> None:
    taste = Taste("", ("a",), {"a": 2.0, "c": 0.5, "gone": 9.0, "b": 0.0})
    found = recommend(RecommendStep("repeat_buys", 2), SHELF, taste, ALL)
    assert found == (("a", "c"), ("repeat_buys",))


@given(
    st.sampled_from(["bought_together", "best_in_segment", "repeat_buys"]),
    st.integers(1, 8),
    st.frozensets(st.sampled_from([*NAMES, "unknown"])),
    st.lists(st.sampled_from([*NAMES, "gone"]), max_size=4).map(tuple),
)
def test_never_unknown_nor_out_of_stock_nor_twice(
    strategy: Strategy, count: int, available: frozenset[str], bought: tuple[str, ...]
) -> None:
    taste = Taste("loyal", bought, {"gone": 3.0, "unknown": 2.0, "a": 1.0})
    products = recommend(RecommendStep(strategy, count), SHELF, taste, available).products
    assert set(products) <= available & ALL
    assert len(set(products)) == len(products) <= count


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), max_size=5), max_size=20))
def test_cooccurrence_equals_counting(baskets: list[list[int]]) -> None:
    table = cooccurrence([np.array(basket, np.int64) for basket in baskets], 8, 7)
    together = dict.fromkeys(permutations(range(8), 2), 0)
    for basket in baskets:
        for pair in permutations(sorted(set(basket)), 2):
            together[pair] += 1
    sold = [sum(item in basket for basket in baskets) for item in range(8)]
    for left in range(8):
        scores = {
            right: together[left, right] / (sold[left] * sold[right]) ** 0.5
            for right in range(8)
            if right != left and together[left, right]
        }
        found = [int(item) for item in table[left] if item >= 0]
        assert set(found) == set(scores)
        ranked = [round(scores[item], 9) for item in found]
        assert ranked == sorted(ranked, reverse=True)


def test_an_empty_store() -> None:
    assert cooccurrence([], 2, 3).tolist() == [[-1] * 3] * 2
    assert best_sellers(np.array([2, 2, 1]), 4).tolist() == [2, 1]


def test_a_shelf_reads_back() -> None:
    again = shelf_of(shelf_text(SHELF))
    assert again.products == SHELF.products
    assert np.array_equal(again.partners, SHELF.partners)
    assert again.best["loyal"].tolist() == [4, 3]
