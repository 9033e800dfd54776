"""A model is a value: it survives JSON, predicts the nearest group and lets nobody flap."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.cluster import KMeans

from segmentation.errors import IncompatibleModel
from segmentation.model import (
    Group,
    SegmentModel,
    assign,
    centroid_values,
    empty_model,
    from_json,
    group_indices,
    predict,
    rules_model,
    squared_distances,
    standardised,
    to_json,
)
from segmentation.rules import NOBODY, STAGES, Columns, RuleSet

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def two_groups(hysteresis: float = 1.2, margin: float = 0.0) -> SegmentModel:
    """Groups at 0 and 10 orders and days, unscaled."""
    return SegmentModel(
        3,
        "kmeans",
        (Group("new.everyday", "new", "New · everyday"), Group("loyal.often", "loyal", "Loyal")),
        NOW,
        features=("orders", "recency_days"),
        transforms=("none", "none"),
        imputed=(0.0, 5.0),
        centre=(0.0, 0.0),
        scale=(1.0, 1.0),
        centroids=((0.0, 0.0), (10.0, 10.0)),
        hysteresis=hysteresis,
        margin=margin,
    )


def columns(orders: list[float], recency: list[float]) -> Columns:
    return {"orders": np.array(orders), "recency_days": np.array(recency)}


def fitted(points: np.ndarray, k: int) -> tuple[SegmentModel, KMeans]:
    names = tuple(f"f{at}" for at in range(points.shape[1]))
    found = KMeans(k, n_init=1, random_state=0).fit(points)
    wide = points.shape[1]
    model = SegmentModel(
        1,
        "kmeans",
        tuple(Group(f"new.{at}", "new", str(at)) for at in range(k)),
        NOW,
        features=names,
        transforms=("none",) * wide,
        imputed=(0.0,) * wide,
        centre=(0.0,) * wide,
        scale=(1.0,) * wide,
        centroids=tuple(map(tuple, found.cluster_centers_.tolist())),
    )
    return model, found


def as_columns(points: np.ndarray) -> Columns:
    named = {f"f{at}": points[:, at] for at in range(points.shape[1])}
    return {**named, "orders": np.ones(len(points))}


def test_predicts_what_scikit_learn_predicts() -> None:
    points = np.random.default_rng(0).normal(size=(40_000, 8))
    model, found = fitted(points[:2000], 8)
    assert np.array_equal(predict(model, as_columns(points)), found.predict(points))


def test_predicts_a_million_customers_in_about_a_second() -> None:
    points = np.random.default_rng(0).normal(size=(1_000_000, 8))
    model, _ = fitted(points[:2000], 8)
    many = as_columns(points)
    began = time.process_time()
    predict(model, many, np.zeros(len(points), dtype=np.int64))
    assert time.process_time() - began < 3  # shared machines; 0.4 s measured alone


def test_stays_while_the_old_group_is_nearly_as_near() -> None:
    near_middle = columns([5.1, 5.1, 5.1], [5.1, 5.1, 5.1])
    previous = np.array([0, 1, -1])
    assert predict(two_groups(1.2), near_middle, previous).tolist() == [0, 1, 1]
    assert predict(two_groups(1.0), near_middle, previous).tolist() == [1, 1, 1]


def test_a_margin_holds_by_the_difference_near_the_middle_and_far_from_it() -> None:
    # At (x, x) the squared distances to the groups differ by 40 x - 200: from 0 at 5.
    model, previous = two_groups(1.0, margin=10.0), np.array([0, 0, 1, -1])
    along = columns([5.2, 5.3, 4.8, 5.1], [5.2, 5.3, 4.8, 5.1])
    assert predict(model, along, previous).tolist() == [0, 1, 1, 1]
    # Farther out the ratio of the distances falls to nearly 1, the difference stays.
    aside = columns([105.2, 105.3], [0.01, 0.01])
    far = columns([55.2, 55.3], [-44.8, -44.7])
    assert predict(model, far, previous[:2]).tolist() == [0, 1]
    assert predict(two_groups(1.2), far, previous[:2]).tolist() == [0, 0]
    assert predict(model, aside, previous[:2]).tolist() == [1, 1]


@pytest.mark.invariant("I5")
def test_a_model_of_format_1_is_read_and_judges_as_before() -> None:
    body = (
        '{"version":3,"kind":"kmeans","groups":[{"id":"new.a","stage":"new","name":"A"},'
        '{"id":"loyal.b","stage":"loyal","name":"B"}],"learned_at":"2026-03-01T00:00:00Z",'
        '"customers":9,"features":["orders","recency_days"],"transforms":["none","none"],'
        '"imputed":[0.0,5.0],"centre":[0.0,0.0],"scale":[1.0,1.0],'
        '"centroids":[[0.0,0.0],[10.0,10.0]],"hysteresis":1.2,"scaled_at":3,"format":1}'
    )
    model = from_json(body)
    near_middle = columns([5.1, 5.1, 6], [5.1, 5.1, 6])
    assert predict(model, near_middle, np.array([0, 1, 0])).tolist() == [0, 1, 1]
    assert from_json(to_json(model)) == model


@pytest.mark.invariant("I5")
def test_a_model_of_format_2_sees_values_as_they_are() -> None:
    body = (
        '{"version":3,"kind":"kmeans","groups":[{"id":"new.a","stage":"new","name":"A"},'
        '{"id":"loyal.b","stage":"loyal","name":"B"}],"learned_at":"2026-03-01T00:00:00Z",'
        '"customers":9,"features":["orders","recency_days"],"transforms":["none","log"],'
        '"imputed":[0.0,5.0],"centre":[0.1,0.2],"scale":[0.3,0.7],'
        '"centroids":[[0.0,0.0],[10.0,10.0]],"hysteresis":1.0,"scaled_at":3,"format":2,'
        '"margin":0.5,"error":0.9,"bounds":[[1.0],[2.0]],"shares":[[0.5,0.5],[0.5,0.5]]}'
    )
    model = from_json(body)
    # The catalogue has bounds for recency by now; this model was trained without.
    far = np.array([-3.0, 1e7, np.nan])
    known = np.where(np.isnan(far), 5.0, far)
    seen = (np.copysign(np.log1p(np.abs(known)), known) - 0.2) / 0.7
    place = standardised(model, columns([1.0, 2.0, 3.0], far.tolist()))
    assert place[:, 1].tolist() == seen.tolist()
    assert place[:, 0].tolist() == ((np.array([1.0, 2.0, 3.0]) - 0.1) / 0.3).tolist()
    assert (model.format, from_json(to_json(model))) == (2, model)


def test_values_are_cut_where_the_model_says() -> None:
    model = msgspec.structs.replace(two_groups(), clips=(None, (2.0, 8.0)))
    found = standardised(model, columns([1, 99, 1, 1], [1, 99, 4, float("nan")]))
    assert found.tolist() == [[1, 2], [99, 8], [1, 4], [1, 5]]
    assert predict(model, columns([5], [1e9])).tolist() == [1]
    assert from_json(to_json(model)) == model


def test_leaves_when_the_new_group_is_clearly_nearer() -> None:
    assert predict(two_groups(1.2), columns([6], [6]), np.array([0])).tolist() == [1]


@pytest.mark.invariant("I5")
@given(
    points=arrays.arrays(np.float64, (30, 2), elements=st.floats(4.8, 5.2) | st.floats(-20, 20)),
    step=st.floats(-0.02, 0.02),
)
@example(np.full((30, 2), 4.98), 0.02)
def test_a_small_step_back_and_forth_moves_nobody_twice(points: np.ndarray, step: float) -> None:
    model = two_groups(1.0, margin=20.0)
    here = columns(*(np.abs(points).T + 0.01).tolist())
    there = {name: column * (1 + step) for name, column in here.items()}
    settled = predict(model, here, predict(model, here))
    pushed = predict(model, there, settled)
    back = predict(model, here, pushed)
    assert np.array_equal(back, pushed)
    assert np.array_equal(predict(model, there, back), pushed)


def test_nobody_without_an_order_is_in_a_group() -> None:
    people = columns([0, float("nan"), 1], [1, 1, 1])
    assert predict(two_groups(), people).tolist() == [NOBODY, NOBODY, 0]


def test_an_unknown_value_counts_as_the_model_says() -> None:
    known = columns([3], [5])
    unknown = columns([3], [float("nan")])
    model = two_groups()
    assert np.array_equal(squared_distances(model, known), squared_distances(model, unknown))


def test_log_features_are_defined_below_zero() -> None:
    model = msgspec.structs.replace(two_groups(), transforms=("none", "log"))
    place = standardised(model, columns([1, 1], [np.e - 1, 1 - np.e]))
    assert place[:, 1].tolist() == pytest.approx([1, -1])
    model = msgspec.structs.replace(model, centroids=((0.0, 1.0), (10.0, -1.0)))
    assert centroid_values(model)["recency_days"].tolist() == pytest.approx([np.e - 1, 1 - np.e])


@pytest.mark.parametrize("model", [two_groups(1.1), empty_model()])
def test_json_keeps_every_bit(model: SegmentModel) -> None:
    uneven = msgspec.structs.replace(model, hysteresis=0.1 + 0.2)
    assert from_json(to_json(uneven)) == uneven


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("format", 4, "format 4, expected one of"),
        ("clips", [None], "expected 2 features"),
        ("scalings", ["none"], "expected 2 features"),
        ("kind", "forest", "forest"),
        ("centre", [0.0], "expected 2 features"),
        ("centroids", [[0.0, 0.0]], "one a group"),
        ("groups", [{"id": "x", "stage": "vip", "name": "X"}] * 2, "'vip'"),
        ("colour", "red", "colour"),
    ],
)
def test_a_model_of_another_make_is_refused(field: str, value: object, said: str) -> None:
    body = msgspec.json.decode(to_json(two_groups())) | {field: value}
    with pytest.raises(IncompatibleModel, match=said):
        from_json(msgspec.json.encode(body))


def test_a_missing_feature_is_named_with_the_nearest() -> None:
    with pytest.raises(IncompatibleModel, match=r"'recency_days'; nearest is 'recency_day'"):
        predict(two_groups(), {"orders": np.ones(1), "recency_day": np.ones(1)})


def test_group_ids_lead_to_groups_former_ones_too() -> None:
    first, second = two_groups().groups
    renamed = Group("at_risk.often", "at_risk", "At risk", formerly=("loyal.often",))
    model = msgspec.structs.replace(two_groups(), groups=(first, renamed))
    ids = ["at_risk.often", second.id, "", "lost.unheard_of", first.id]
    assert group_indices(model, ids).tolist() == [1, 1, -1, -1, 0]


def test_rules_answer_the_same_call() -> None:
    model = rules_model(RuleSet(), 1, NOW)
    people = {
        "orders": np.array([0.0, 1.0, 9.0]),
        "recency_days": np.array([np.nan, 3.0, 3.0]),
        "gap_days_mean": np.array([np.nan, np.nan, 30.0]),
        "monetary_value": np.array([0.0, 20.0, 900.0]),
    }
    groups = assign(model, people, np.array([2, 2, 2]))
    assert [model.groups[at].stage for at in groups[1:]] == ["new", "champions"]
    assert groups[0] == NOBODY
    assert tuple(group.stage for group in model.groups) == STAGES
    assert assign(two_groups(), columns([1], [1])).tolist() == [0]
