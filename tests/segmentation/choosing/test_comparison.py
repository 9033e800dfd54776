"""Every candidate's figures can be computed again, and its model does what was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation import model as models
from segmentation.choosing import figures
from segmentation.choosing.candidates import Candidate, Comparison, from_json, to_json
from segmentation.choosing.comparison import compare
from segmentation.choosing.methods import METHODS, Ground, run
from segmentation.choosing.snapshots import Aged, Plan, Snapshot, small_rows
from segmentation.clustering import FEATURES, learn
from segmentation.drift import drift, sentences
from segmentation.errors import IncompatibleModel, NotEnoughCustomers
from segmentation.following import HELD
from segmentation.model import assign, standardised
from segmentation.rules import Columns
from segmentation.sums import added, begun, judged

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def shop(size: int, seed: int = 1) -> Columns:
    """Made-up customers of four kinds that hardly overlap."""
    chance = np.random.default_rng(seed)
    kind = np.arange(size) % 4
    orders = np.array([20, 5, 2, 8])[kind] + chance.integers(0, 3, size)
    basket = np.array([30, 90, 20, 200])[kind] * chance.lognormal(0, 0.1, size)
    recency = np.array([5, 30, 300, 90])[kind] * chance.lognormal(0, 0.2, size)
    tenure = recency + orders * np.array([15, 60, 40, 50])[kind]
    return {
        "recency_days": recency,
        "orders": orders.astype(np.float64),
        "monetary_value": orders * basket,
        "average_order_value": basket,
        "tenure_days": tenure,
        "items_per_order": 1 + basket / 10,
        "gap_days_mean": (tenure - recency) / np.maximum(orders - 1, 1),
        "distinct_products": orders + basket / 5,
    }


def some(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def snapshot(size: int = 400) -> Snapshot:
    columns = shop(size)
    small = small_rows(size, 0)
    earlier = Aged(small[50:], some(columns, small[50:]))
    past = np.arange(0, size, 2)
    spend = columns["monetary_value"][past] / 4
    return Snapshot(
        columns, small, NOW, (earlier, earlier), Aged(past, some(columns, past)), spend, ("a note",)
    )


@pytest.fixture(scope="module")
def found() -> Comparison:
    plan = Plan(tuple(METHODS), (3, 4), ("none", "pca", "factors"), FEATURES)
    return compare(snapshot(), plan)


def by_id(found: Comparison, name: str) -> Candidate:
    return next(one for one in found.candidates if one.id == name)


def test_every_method_and_reduction_is_there_once(found: Comparison) -> None:
    ids = [one.id for one in found.candidates]
    assert len(set(ids)) == len(ids) == 3 * (4 * 2 + 3 + 3)
    assert (found.customers, found.small, found.notes) == (400, 400, ("a note",))
    assert list(found.curve) == sorted(found.curve)
    assert len(found.curve) == 100


@pytest.mark.parametrize("name", ["kmeans-4", "ward-4-pca", "mixture-3-factors"])
def test_figures_are_those_of_the_groups_found(found: Comparison, name: str) -> None:
    one = by_id(found, name)
    plain = models.SegmentModel(0, "kmeans", (), NOW, features=FEATURES)
    model = next(other.model for other in found.candidates if other.model)
    assert model is not None
    fields = ("transforms", "imputed", "centre", "scale")
    plain = msgspec.structs.replace(plain, **{field: getattr(model, field) for field in fields})
    points = standardised(plain, snapshot().columns)
    space = points
    if one.spec.reduction != "none":
        reduced = next(
            other.model
            for other in found.candidates
            if other.model and other.spec.reduction == one.spec.reduction
        )
        assert reduced is not None
        space = points @ np.array(reduced.projection).T
    labels = run(one.spec, Ground(space), 0).labels
    assert one.figures.groups == len(np.unique(labels))
    shape = msgspec.structs.astuple(figures.shape(points, labels, np.arange(400)))
    assert msgspec.structs.astuple(one.figures.shape) == pytest.approx(shape)
    assert one.figures.smallest == figures.smallest_share(labels)
    again = [run(one.spec, Ground(space), seed).labels for seed in (0, 1, 2)]
    wanted = None if one.spec.method == "ward" else figures.agreement(again)
    assert one.figures.seeds == wanted
    # Both weeks are the same customers as now, but for the first fifty.
    early = run(one.spec, Ground(space[50:]), 0).labels
    assert one.figures.weeks == pytest.approx((adjusted_rand_score(labels[50:], early) + 1) / 2)


def test_repetitions_tell_what_chance_does() -> None:
    seen = snapshot()
    (one,) = compare(seen, Plan(("minibatch",), (7,), ("none",), FEATURES)).candidates
    assert one.model is not None
    ground = Ground(standardised(one.model, seen.columns))
    runs = [run(one.spec, ground, seed).labels for seed in (0, 1, 2)]
    assert one.figures.seeds == figures.agreement(runs)
    assert one.figures.seeds < 0.95
    luck, agreed = np.random.default_rng(1), []
    for _ in range(3):
        rows = luck.integers(400, size=400)
        distinct, places = np.unique(rows, return_index=True)
        again = run(one.spec, Ground(ground.points[rows]), 0).labels[places]
        agreed.append(adjusted_rand_score(runs[0][distinct], again))
    assert one.figures.bootstrap == pytest.approx(np.mean(agreed))
    # Two weeks ago was as one week ago, and each week is held against the one after it.
    early = run(one.spec, Ground(ground.points[50:]), 0).labels
    now = adjusted_rand_score(runs[0][50:], early)
    assert now < 0.95
    assert one.figures.weeks == pytest.approx((now + 1) / 2)


def test_spend_is_explained_by_groups_of_the_past(found: Comparison) -> None:
    for one in found.candidates:
        assert one.figures.spend is not None
        assert 0 <= one.figures.spend <= 1
    best = by_id(found, "kmeans-4").figures.spend
    assert best is not None
    assert best > 0.9  # the four kinds spend very differently


@pytest.mark.parametrize("name", ["kmeans-4", "kmeans-4-pca", "kmeans-4-factors", "mixture-4-pca"])
def test_a_model_puts_customers_where_the_method_did(found: Comparison, name: str) -> None:
    one, seen = by_id(found, name), snapshot()
    assert one.model is not None
    assert one.carrier == "itself"
    told = assign(one.model, seen.columns)
    assert adjusted_rand_score(told, np.arange(400) % 4) == 1.0
    again = models.from_json(models.to_json(one.model))
    assert again == one.model
    assert one.model.candidate == name


def test_the_best_of_each_method_that_cannot_predict_is_carried(found: Comparison) -> None:
    carried = [one for one in found.candidates if one.tried]
    assert {one.spec.method for one in carried} <= {"ward", "dbscan", "hdbscan"}
    assert len({one.spec.method for one in carried}) == len(carried)
    (ward,) = [one for one in carried if one.spec.method == "ward"]
    assert ward.model is not None
    assert ward.model.kind == "carried"
    assert ward.carrier == ward.tried[0].kind
    assert ward.tried[0].f1 > 0.98
    told = assign(ward.model, snapshot().columns)
    assert adjusted_rand_score(told, np.arange(400) % 4) > 0.5
    assert [
        one.model for one in found.candidates if one.spec.method == "ward" and not one.tried
    ] == [None] * 5


def test_the_recommended_one_is_there_and_serves(found: Comparison) -> None:
    one = by_id(found, found.recommended)
    assert one.model is not None
    assert one.figures.groups >= 3
    assert found.reason.startswith(f"{one.id}, ")


def test_a_comparison_survives_the_round_trip(found: Comparison) -> None:
    assert from_json(to_json(found)) == found
    with pytest.raises(IncompatibleModel, match="compare again"):
        from_json("{}")


def test_steps_are_told_one_by_one() -> None:
    told: list[tuple[str, int, int]] = []
    plan = Plan(("kmeans", "ward"), (3,), ("none",), FEATURES)
    compare(snapshot(), plan, lambda *step: told.append(step))
    assert told == [("kmeans-3", 0, 2), ("ward-3", 1, 2), ("ward-3: classifiers", 2, 2)]


def test_what_is_not_known_is_not_made_up() -> None:
    seen = snapshot()
    bare = Snapshot(seen.columns, seen.small, NOW)
    (one,) = compare(bare, Plan(("ward",), (3,), ("none",), FEATURES)).candidates
    assert (one.figures.seeds, one.figures.weeks, one.figures.spend) == (None, None, None)
    assert one.figures.stability == one.figures.bootstrap


@pytest.mark.parametrize(("size", "k", "needed"), [(99, 3, 100), (110, 12, 120)])
def test_too_few_customers_are_refused(size: int, k: int, needed: int) -> None:
    seen = Snapshot(shop(size), small_rows(size, 0), NOW)
    said = f"expected at least {needed} customers to learn segments from, found {size}"
    with pytest.raises(NotEnoughCustomers, match=said):
        compare(seen, Plan(("kmeans",), (2, k), ("none",), FEATURES))


def test_the_small_ones_are_drawn_by_lot_and_bounded() -> None:
    assert small_rows(7, 0).tolist() == list(range(7))
    rows = small_rows(20_000, 0)
    assert len(np.unique(rows)) == 5_000
    assert np.array_equal(rows, np.sort(rows))
    assert not np.array_equal(rows, small_rows(20_000, 1))


@pytest.mark.parametrize("name", ["kmeans-3", "kmeans-3-pca"])
def test_learning_goes_on_with_what_was_promoted(found: Comparison, name: str) -> None:
    promoted = by_id(found, name).model
    assert promoted is not None
    promoted = msgspec.structs.replace(promoted, version=4)
    after = learn(shop(400, seed=2), promoted, now=NOW)
    assert (after.version, after.kind, len(after.groups)) == (5, "kmeans", 3)
    assert (after.projection, after.candidate) == (promoted.projection, name)
    assert {group.id for group in after.groups} == {group.id for group in promoted.groups}
    before, now = (assign(one, shop(400)) for one in (promoted, after))
    assert adjusted_rand_score(before, now) > 0.95


def test_a_carried_model_stays_until_somebody_compares_anew(found: Comparison) -> None:
    carried = next(one.model for one in found.candidates if one.tried)
    assert carried is not None
    before = np.full(400, -1)
    _, its = judged(carried, shop(400, seed=2), before, np.array(carried.centroids))
    seen = added(begun(carried), carried, its, (0, 1))
    after = learn(shop(400, seed=2), carried, seen, now=NOW + timedelta(days=9))
    assert after == msgspec.structs.replace(carried, version=carried.version + 1)


def test_promoted_centres_hold_people_as_learned_ones_do(found: Comparison) -> None:
    for name in ("kmeans-4", "kmeans-4-pca"):
        model = by_id(found, name).model
        assert model is not None
        squared = models.squared_distances(model, snapshot().columns)
        assert model.error == pytest.approx(squared.min(axis=1).mean())
        assert (model.hysteresis, model.margin) == (1.0, HELD * model.error)


@pytest.mark.parametrize("name", ["kmeans-4-pca", "mixture-4", "ward"])
def test_the_ageing_pass_judges_and_watches_every_kind(found: Comparison, name: str) -> None:
    model = next(
        one.model
        for one in found.candidates
        if one.model and (one.id == name or (name == "ward" and one.spec.method == name))
    )
    assert model is not None
    seen, chance = shop(400), np.random.default_rng(3)
    before = chance.integers(-1, len(model.groups), 400)
    groups, its = judged(model, seen, before, np.array(model.centroids))
    assert np.array_equal(groups, assign(model, seen, before))
    same = drift(model, model, its, 0.0)
    assert max(same.stability_index.values()) < 0.01
    assert same.error_ratio == pytest.approx(1.0)
    assert sentences(same)[-1] == "no refit is called for"

    later = {**seen, "recency_days": seen["recency_days"] * 9}
    _, its = judged(model, later, before, np.array(model.centroids))
    told = sentences(drift(model, model, its, 0.0))
    assert told[0] == "recency_days is not spread as it was when the groups were found"
    way_out = "shoal segments refit" if model.kind == "kmeans" else "shoal segments compare"
    assert way_out in told[-1]
