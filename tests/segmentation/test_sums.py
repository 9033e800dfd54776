"""Sums of an ageing pass stand for the customers themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans

from segmentation.drift import drift, sentences, stability_index
from segmentation.following import HELD, follow, stepped
from segmentation.model import Group, SegmentModel, assign, predict
from segmentation.rules import NOBODY, Columns, Floats
from segmentation.sums import (
    CLEAR,
    GroupSums,
    Round,
    added,
    begun,
    centres_of,
    from_json,
    judged,
    latest,
    nothing,
    plus,
    to_json,
    turned,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("recency_days", "orders", "monetary_value", "items_per_order")
SIZE = 4000


def people(seed: int = 1, shift: float = 0.0, size: int = SIZE) -> Floats:
    """Six clouds in four directions."""
    luck = np.random.default_rng(seed)
    middles = np.random.default_rng(7).normal(0, 2, (6, 4))
    return middles[luck.integers(6, size=size)] + luck.normal(shift, 0.7, (size, 4))


def columns(points: Floats) -> Columns:
    """These points as columns that a model of `fitted` scales back to them."""
    named = {name: points[:, at] for at, name in enumerate(NAMES)}
    return {**named, "orders": 50 + named["orders"]}


def fitted(points: Floats, margin: float = 0.0) -> SegmentModel:
    found = KMeans(6, n_init=3, random_state=0).fit(points)
    bounds = tuple(tuple(np.quantile(row, np.arange(1, 10) / 10).tolist()) for row in points.T)
    bounds = (bounds[0], tuple(50 + one for one in bounds[1]), *bounds[2:])
    return SegmentModel(
        3,
        "kmeans",
        tuple(Group(f"new.{at}", "new", str(at)) for at in range(6)),
        NOW,
        features=NAMES,
        transforms=("none",) * 4,
        imputed=(0.0,) * 4,
        centre=(0.0, 50.0, 0.0, 0.0),
        scale=(1.0,) * 4,
        centroids=tuple(map(tuple, found.cluster_centers_.tolist())),
        margin=margin,
        error=float(found.inertia_) / len(points),
        bounds=bounds,
        shares=((0.1,) * 10,) * 4,
        scaled_at=3,
    )


def nobody(size: int = SIZE) -> np.ndarray:
    return np.full(size, NOBODY)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_partial_fit_of_weighted_means_is_that_of_the_customers(seed: int) -> None:
    model, points = fitted(people()), people(seed, shift=0.3)
    start = np.array(model.centroids)
    _, its = judged(model, columns(points), nobody(), start)
    learner = MiniBatchKMeans(6, init=start, n_init=1, random_state=0, reassignment_ratio=0.0)
    learner.partial_fit(points)
    assert stepped(start, its) == pytest.approx(learner.cluster_centers_, abs=1e-9)
    assert np.abs(learner.cluster_centers_ - start).max() > 0.01


def test_the_groups_are_those_of_assign_and_the_sums_do_not_depend_on_how_they_are_cut() -> None:
    model, points = fitted(people(), margin=0.8), people(2, shift=0.3)
    before = np.random.default_rng(1).integers(-1, 6, SIZE)
    centres = np.array(model.centroids) + 0.1
    groups, whole = judged(model, columns(points), before, centres)
    assert np.array_equal(groups, assign(model, columns(points), before))
    first = judged(model, columns(points[:900]), before[:900], centres)[1]
    second = judged(model, columns(points[900:]), before[900:], centres)[1]
    for one, both in zip(whole, plus(first, second), strict=True):
        assert one == pytest.approx(both)
    assert whole.customers == SIZE
    assert whole.totals == pytest.approx(points.sum(axis=0))
    assert whole.squares == pytest.approx((points**2).sum(axis=0))


def test_a_lead_that_must_be_clear_holds_more_people_and_adds_up_the_same() -> None:
    model, points = fitted(people(), margin=0.8), people(2, shift=0.3)
    before, centres = predict(model, columns(people())), np.array(model.centroids)
    fine, its = judged(model, columns(points), before, centres)
    clear, same = judged(model, columns(points), before, centres, CLEAR)
    wide = msgspec.structs.replace(model, margin=CLEAR * 0.8)
    assert np.array_equal(clear, predict(wide, columns(points), before))
    assert (clear != before).sum() < (fine != before).sum()
    for one, other in zip(its, same, strict=True):
        assert np.array_equal(one, other)


def test_whoever_has_no_order_is_in_no_group_and_no_sum() -> None:
    model, full = fitted(people()), columns(people(2))
    ordered = np.arange(SIZE) % 3 > 0
    some = {**full, "orders": np.where(ordered, full["orders"], 0.0)}
    groups, its = judged(model, some, nobody(), np.array(model.centroids))
    only = {name: column[ordered] for name, column in some.items()}
    alone = judged(model, only, nobody(int(ordered.sum())), np.array(model.centroids))[1]
    assert np.array_equal(groups == NOBODY, ~ordered)
    for one, other in zip(its, alone, strict=True):
        assert one == pytest.approx(other)


def one_pass(model: SegmentModel, sums: GroupSums, points: Floats, slices: int) -> GroupSums:
    groups = assign(model, columns(points))
    for number in range(slices):
        sums = turned(sums, model, number)
        rows = slice(number, None, slices)
        its = judged(model, columns(points[rows]), groups[rows], centres_of(sums))[1]
        sums = added(sums, model, its, (number, slices))
    return sums


def test_passes_over_everybody_are_lloyds_steps_in_one_piece_or_in_slices() -> None:
    model, points = fitted(people()), people(2, shift=0.5)
    whole = in_slices = begun(model)
    for _ in range(12):
        whole = one_pass(model, whole, points, 1)
        in_slices = one_pass(model, in_slices, points, 7)
    best = KMeans(6, init=np.array(model.centroids), n_init=1, tol=0).fit(points)
    assert centres_of(whole) == pytest.approx(centres_of(in_slices))
    assert centres_of(whole) == pytest.approx(best.cluster_centers_, abs=0.02)
    assert from_json(to_json(whole), model) == whole


def test_a_lost_slice_loses_no_pass_and_a_pass_of_few_says_nothing() -> None:
    model, points = fitted(people()), people(2, shift=0.5)
    sums = one_pass(model, begun(model), points, 4)
    found = latest(sums, model)
    assert found is not None
    assert found.customers == SIZE
    turned_once = turned(sums, model, 0)
    its = judged(model, columns(points[:100]), nobody(100), centres_of(turned_once))[1]
    few = added(turned_once, model, its, (0, 4))
    still = latest(few, model)
    assert still is not None
    assert still.customers == SIZE
    again = turned(few, model, 0)
    assert again.centres == few.centres
    assert latest(begun(model), model) is None


def test_sums_of_another_version_are_begun_anew() -> None:
    model = fitted(people())
    sums = one_pass(model, begun(model), people(2), 1)
    newer = msgspec.structs.replace(model, version=4)
    assert latest(sums, newer) is None
    assert from_json(to_json(sums), newer) == begun(newer)
    assert from_json("{}", model) == begun(model)


def test_a_mean_that_was_held_into_another_cell_moves_no_centre() -> None:
    model = fitted(people())
    centres, its = np.array(model.centroids), nothing(model)
    counts, places = np.ones(6), centres.copy()
    places[0] = centres[1]
    found = stepped(centres, Round(counts, places, *its[2:]))
    assert found == pytest.approx(centres)


def test_groups_follow_their_people_and_the_margin_is_a_share_of_the_error() -> None:
    model, points = fitted(people()), people(2, shift=0.5)
    after = follow(model, one_pass(model, begun(model), points, 1), NOW)
    assert after.version == 4
    assert after.error == pytest.approx(float(np.mean(_nearest(model, points))))
    assert after.margin == pytest.approx(HELD * after.error)
    assert np.mean(_nearest(after, columns_scaled(after, points))) < 1.02 * np.mean(
        _best(columns_scaled(after, points))
    )


def columns_scaled(model: SegmentModel, points: Floats) -> Floats:
    shifted = points + np.array([0.0, 50.0, 0.0, 0.0])
    return np.asarray((shifted - np.array(model.centre)) / np.array(model.scale))


def _nearest(model: SegmentModel, points: Floats) -> Floats:
    away = points[:, None, :] - np.array(model.centroids)
    return np.asarray((away**2).sum(axis=2).min(axis=1))


def _best(points: Floats) -> Floats:
    found = KMeans(6, n_init=10, random_state=0).fit(points)
    return np.asarray(found.transform(points).min(axis=1) ** 2)


def test_drift_is_told_by_feature_by_error_and_by_who_moved() -> None:
    model = fitted(people())
    centres = np.array(model.centroids)
    calm = drift(model, model, judged(model, columns(people(2)), nobody(), centres)[1], 0.031)
    assert max(calm.stability_index.values()) < 0.05
    assert calm.error_ratio == pytest.approx(1.0, abs=0.05)
    assert sentences(calm) == (
        "3.1% of the customers changed group by themselves",
        "no refit is called for",
    )
    points = people(2)
    points[:, 2] += 3.0
    moved = drift(model, model, judged(model, columns(points), nobody(), centres)[1], 0.2)
    assert [name for name, one in moved.stability_index.items() if one > 0.25] == ["monetary_value"]
    assert moved.error_since_found > 1.1
    assert "a refit may help" in sentences(moved)[-1]


def test_the_stability_index_is_the_one_of_the_books() -> None:
    then, now = np.array([0.5, 0.5]), np.array([30.0, 70.0])
    assert stability_index(then, now) == pytest.approx(0.2 * np.log(5 / 3) + 0.2 * np.log(7 / 5))
    assert stability_index(then, then) == 0
    assert np.isfinite(stability_index(np.array([0.0, 1.0]), np.array([5.0, 5.0])))
