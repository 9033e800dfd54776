"""A small tree speaks for a model, says how far it is to be believed, and survives being stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.errors import IncompatibleModel
from segmentation.model import Group, SegmentModel, assign, rules_model, standardised
from segmentation.rules import STAGES, RuleSet
from segmentation.surrogate import (
    DEPTH,
    Bound,
    Node,
    Rule,
    Surrogate,
    agreement,
    answers,
    continued,
    fidelity,
    from_json,
    rules,
    to_json,
)
from segmentation.surrogate_learning import LEAST_CUSTOMERS, fit, roundest

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def shop(count: int, seed: int = 1) -> dict[str, Any]:
    """Customers of a shop whose orders, money and gaps hang together."""
    luck = np.random.default_rng(seed)
    orders = luck.geometric(0.3, count).astype(float)
    tenure = luck.uniform(10, 700, count)
    gap = np.where(orders > 1, tenure / np.maximum(orders, 2), np.nan)
    each = luck.lognormal(3, 0.6, count)
    return {
        "orders": orders,
        "recency_days": tenure * luck.beta(1, 2, count),
        "tenure_days": tenure,
        "gap_days_mean": gap,
        "average_order_value": each,
        "monetary_value": each * orders,
        "items_per_order": luck.uniform(1, 9, count),
        "distinct_products": orders * 2,
    }


def learned(people: dict[str, Any]) -> SegmentModel:
    """Five groups by k-means over the logarithms."""
    names = tuple(people)
    moved = np.array([np.log1p(np.nan_to_num(people[name])) for name in names])
    frame = SegmentModel(
        1,
        "kmeans",
        tuple(Group(f"{stage}.often", stage, stage) for stage in STAGES[:5]),
        NOW,
        features=names,
        transforms=tuple("log" for _ in names),
        imputed=(0.0,) * len(names),
        centre=tuple(moved.mean(axis=1).tolist()),
        scale=tuple(moved.std(axis=1).tolist()),
    )
    found = KMeans(5, n_init=1, random_state=3).fit(standardised(frame, people))
    centres = tuple(map(tuple, found.cluster_centers_.tolist()))
    return msgspec.structs.replace(frame, centroids=centres)


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    return shop(2_000)


@pytest.fixture(scope="module")
def model(people: dict[str, Any]) -> SegmentModel:
    return learned(people)


@pytest.fixture(scope="module")
def tree(people: dict[str, Any], model: SegmentModel) -> Surrogate:
    found = fit(model, people, seed=1)
    assert found is not None
    return found


def test_it_agrees_with_the_model_on_others_as_often_as_it_says(
    model: SegmentModel, tree: Surrogate
) -> None:
    others = shop(4_000, seed=2)
    share = float((answers(tree, others) == assign(model, others)).mean())
    told = fidelity(tree)
    assert told.customers == 500
    assert told.agreement == pytest.approx(share, abs=0.06)
    assert share > 0.7


def test_it_asks_at_most_four_questions(tree: Surrogate) -> None:
    def depth(at: int) -> int:
        node = tree.nodes[at]
        return 1 + max(depth(node.low), depth(node.high)) if node.feature else 0

    assert 2 <= depth(0) <= DEPTH


def test_the_rules_of_a_segment_hold_exactly_for_whom_the_tree_says(
    people: dict[str, Any], tree: Surrogate
) -> None:
    said = answers(tree, people)
    stages = {group.partition(".")[0] for group in tree.groups}
    for segment in (*tree.groups, *stages):
        is_in = [group == segment or group.startswith(f"{segment}.") for group in tree.groups]
        met = np.zeros(len(said), bool)
        for rule in rules(tree, segment):
            met |= np.all([within(bound, people, tree) for bound in rule.bounds], axis=0)
        assert np.array_equal(met, np.array(is_in)[said])


def within(bound: Bound, people: dict[str, Any], tree: Surrogate) -> Any:
    values = np.nan_to_num(people[bound.feature], nan=tree.unknown[bound.feature])
    above = -np.inf if bound.above is None else bound.above
    up_to = np.inf if bound.up_to is None else bound.up_to
    return (values > above) & (values <= up_to)


def two_groups() -> Surrogate:
    """Up to two orders: new. Above: loyal, where ways of three and more end alike."""
    nodes = (
        Node((60, 40), "orders", 2.0, 1, 2),
        Node((58, 2)),
        Node((2, 38), "orders", 5.0, 3, 4),
        Node((2, 10)),
        Node((0, 28)),
    )
    ids = ("new.one_order", "loyal.often")
    return Surrogate(4, ids, nodes, {"orders": 0.0}, ((18, 2), (1, 19)))


def test_ways_that_end_alike_are_one_rule() -> None:
    assert rules(two_groups(), "loyal") == (Rule((Bound("orders", above=2.0),), 40, 38),)
    assert rules(two_groups(), "new.one_order") == (Rule((Bound("orders", up_to=2.0),), 60, 58),)
    assert rules(two_groups(), "lost") == ()


def test_a_rule_says_where_the_unknown_belong() -> None:
    lacking = msgspec.structs.replace(two_groups(), lacking=("orders",))
    assert rules(lacking, "new")[0].bounds == (Bound("orders", up_to=2.0, takes_unknown=True),)
    assert not rules(lacking, "loyal")[0].bounds[0].takes_unknown


def test_fidelity_is_counted_on_those_left_out() -> None:
    told = fidelity(two_groups(), "new")
    assert (told.customers, told.agreement) == (40, 37 / 40)
    assert (told.precision, told.recall) == (18 / 19, 18 / 20)
    assert np.isnan(fidelity(two_groups(), "lost").recall)


def test_groups_of_one_stage_need_not_be_told_apart_for_the_stage() -> None:
    both = msgspec.structs.replace(two_groups(), groups=("new.one_order", "new.often"))
    assert fidelity(both, "new").agreement == 1.0
    assert fidelity(both, "new.often").agreement == 37 / 40


def test_it_survives_being_stored_and_nothing_else_is_read(tree: Surrogate) -> None:
    assert from_json(to_json(tree)) == tree
    with pytest.raises(IncompatibleModel, match="surrogate tree"):
        from_json("{}")
    looped = Node((1, 1), "orders", 1.0, 0, 1)
    odd = (
        msgspec.structs.replace(two_groups(), tested=((1, 2),)),
        msgspec.structs.replace(two_groups(), nodes=(looped, Node((1, 1)))),
        msgspec.structs.replace(two_groups(), unknown={}),
        msgspec.structs.replace(two_groups(), nodes=()),
    )
    for one in odd:
        with pytest.raises(IncompatibleModel, match="version 4: parts"):
            from_json(to_json(one))


def test_stages_by_rule_have_a_tree_too(people: dict[str, Any]) -> None:
    found = fit(rules_model(RuleSet(), 2, NOW), people, seed=1)
    assert found is not None
    assert fidelity(found).agreement > 0.8
    assert found.version == 2


def test_few_customers_have_no_tree(model: SegmentModel) -> None:
    assert fit(model, shop(LEAST_CUSTOMERS - 1), seed=1) is None


@pytest.mark.parametrize(
    ("low", "high", "border"),
    [(2, 3, 2), (2, 5, 4), (7.3, 97, 50), (0.11, 0.19, 0.1 + 0.05), (99.5, 101, 100), (3, 3, 3)],
)
def test_borders_are_round(low: float, high: float, border: float) -> None:
    assert roundest(low, high) == pytest.approx(border)


def test_the_same_customers_make_the_same_tree(
    people: dict[str, Any], model: SegmentModel, tree: Surrogate
) -> None:
    assert fit(model, people, seed=1) == tree
    assert tree.lacking == ("gap_days_mean",)


def test_it_goes_on_with_the_groups_of_a_later_version(
    people: dict[str, Any], model: SegmentModel, tree: Surrogate
) -> None:
    first, *others = model.groups
    moved = msgspec.structs.replace(first, id="lost.renamed", stage="lost", formerly=(first.id,))
    later = msgspec.structs.replace(model, groups=(moved, *others))
    found = continued(tree, later)
    assert found is not None
    assert found.groups == ("lost.renamed", *tree.groups[1:])
    said, asked = answers(found, people), assign(later, people)
    assert agreement(found, later, people) == (said == asked).mean() > 0.7
    turned = msgspec.structs.replace(tree, groups=tree.groups[::-1])
    assert agreement(turned, model, people) == (answers(tree, people) == 4 - asked).mean()
    fewer = msgspec.structs.replace(model, groups=tuple(others), centroids=model.centroids[1:])
    assert continued(tree, fewer) is None
