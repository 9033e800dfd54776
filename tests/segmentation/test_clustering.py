"""Groups are learned from few random customers at a time, near the optimum, and stay themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans

from segmentation.clustering import MINIMUM_CUSTOMERS, MINIMUM_DAYS, Recipe, learn
from segmentation.errors import UnknownFeature
from segmentation.model import (
    SegmentModel,
    assign,
    empty_model,
    from_json,
    group_indices,
    predict,
    squared_distances,
    standardised,
    to_json,
)
from segmentation.rules import NOBODY, STAGES, Columns
from segmentation.scaling import has_drifted, measured, moved, spread
from segmentation.stability import report

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def shop(size: int, seed: int = 1, growth: float = 1.0) -> Columns:
    """Made-up customers of a shop: kinds that differ in rate, basket and silence."""
    chance = np.random.default_rng(seed)
    kind = chance.choice(5, size, p=[0.1, 0.3, 0.2, 0.2, 0.2])
    gap = np.array([14, 45, 90, 60, 30])[kind] * chance.lognormal(0, 0.3, size) / growth
    tenure = np.array([600, 450, 400, 40, 350])[kind] * chance.uniform(0.5, 1.2, size)
    active = np.array([1.0, 1.0, 0.6, 1.0, 0.1])[kind]
    orders = np.floor(tenure * active / gap) + 1
    recency = np.minimum(tenure, tenure * (1 - active) + chance.exponential(gap))
    recency = np.where(orders == 1, tenure, recency)
    basket = np.array([120, 40, 90, 35, 25])[kind] * chance.lognormal(0, 0.4, size) * growth
    items = 1 + chance.poisson(basket / 15)
    return {
        "recency_days": recency,
        "orders": orders,
        "monetary_value": orders * basket,
        "average_order_value": basket,
        "tenure_days": tenure,
        "items_per_order": items.astype(np.float64),
        "gap_days_mean": np.where(
            orders > 1, (tenure - recency) / np.maximum(orders - 1, 1), np.nan
        ),
        "distinct_products": np.minimum(items * orders, 40 + items),
        "discount_share": chance.beta(1, 9, size),
    }


def aged(columns: Columns, days: float) -> Columns:
    later = {"recency_days": columns["recency_days"] + days}
    return {**columns, **later, "tenure_days": columns["tenure_days"] + days}


def error_ratio(model: SegmentModel, columns: Columns, groups: np.ndarray | None = None) -> float:
    found = predict(model, columns) if groups is None else groups
    error = squared_distances(model, columns)[np.arange(len(found)), found].sum()
    points = standardised(model, columns)
    best = KMeans(len(model.groups), n_init=10, random_state=0).fit(points).inertia_
    return float(error / best)


@pytest.fixture(scope="module")
def first() -> SegmentModel:
    return learn(shop(1500), None, seed=1, now=NOW)


def test_before_there_are_enough_customers_the_rules_stay_in_force() -> None:
    few = learn(shop(MINIMUM_CUSTOMERS - 1), None, seed=1, now=NOW)
    enough = learn(shop(MINIMUM_CUSTOMERS), few, seed=1, now=NOW)
    assert (few.kind, few.version) == ("rules", 1)
    assert (enough.kind, enough.version) == ("kmeans", 2)
    assert learn(shop(100), enough, seed=1, now=NOW).kind == "kmeans"


def test_while_the_shop_is_young_the_rules_stay_in_force() -> None:
    people = shop(600)
    young = {**people, "tenure_days": np.minimum(people["tenure_days"], MINIMUM_DAYS - 1)}
    old = {**people, "tenure_days": np.append(young["tenure_days"][1:], MINIMUM_DAYS)}
    assert learn(young, None, seed=1, now=NOW).kind == "rules"
    assert learn(old, None, seed=1, now=NOW).kind == "kmeans"


def test_thresholds_of_the_rules_are_frozen_until_the_customers_double() -> None:
    first = learn(shop(60), empty_model(), seed=1, now=NOW)
    again = learn(shop(100, seed=2), first, seed=2, now=NOW)
    doubled = learn(shop(120, seed=3), again, seed=3, now=NOW)
    assert first.rules.customers == 60
    assert again.rules == first.rules
    assert doubled.rules.customers == 120


def test_a_shop_without_customers_has_rules_too() -> None:
    nothing = {name: column[:0] for name, column in shop(10).items()}
    assert learn(nothing, None, seed=1, now=NOW).kind == "rules"


def test_one_pass_ends_near_the_optimum(first: SegmentModel) -> None:
    assert error_ratio(first, shop(1500)) < 1.02


def test_a_small_sample_serves_a_large_shop() -> None:
    everybody = shop(20_000)
    model: SegmentModel | None = None
    for week in range(4):
        picked = np.random.default_rng(week).permutation(20_000)[:1024]
        sample = {name: column[picked] for name, column in everybody.items()}
        model = learn(sample, model, seed=week, now=NOW + week * WEEK)
    assert model is not None
    assert error_ratio(model, everybody) < 1.03


def test_same_input_same_seed_same_model(first: SegmentModel) -> None:
    again = learn(shop(1500), None, seed=1, now=NOW)
    assert to_json(again) == to_json(first)
    assert from_json(to_json(first)) == first


def test_partial_fit_is_what_moves_the_centres(
    first: SegmentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = MiniBatchKMeans.partial_fit

    def counted(self: MiniBatchKMeans, points: np.ndarray, **more: object) -> MiniBatchKMeans:
        read.append(len(points))
        return original(self, points, **more)

    monkeypatch.setattr(MiniBatchKMeans, "partial_fit", counted)
    learn(shop(1500, seed=2), first, seed=2, now=NOW)
    assert read[0] == 8
    assert sum(read[1:]) == 1500


@pytest.mark.invariant("I5")
def test_groups_keep_ids_and_people_over_weeks_of_ageing(first: SegmentModel) -> None:
    people, model = shop(1500), first
    groups = assign(model, people)
    for week in range(1, 6):
        people = aged(people, 7)
        after = learn(people, model, seed=week, now=NOW + week * WEEK)
        held = group_indices(after, [model.groups[at].id for at in groups])
        moved_to = assign(after, people, held)
        found = report(model, after, groups, moved_to)
        assert (found.born, found.retired) == ((), ())
        assert found.moved < 0.1 * len(groups)
        model, groups = after, moved_to
    assert error_ratio(model, people, groups) < 1.05


def test_hysteresis_costs_little_and_keeps_people_in_place(first: SegmentModel) -> None:
    people = shop(1500)
    groups = assign(first, people)
    later = aged(people, 7)
    held = assign(first, later, groups)
    free = assign(first, later)
    assert (held != groups).sum() < (free != groups).sum()


def test_when_half_the_shop_changes_the_groups_follow(first: SegmentModel) -> None:
    doubled = shop(1500, growth=2.0)
    half = np.arange(1500) % 2 == 0
    mixed = {name: np.where(half, doubled[name], old) for name, old in shop(1500).items()}
    assert error_ratio(first, mixed) > 1.1
    after = learn(mixed, first, seed=2, now=NOW)
    after = learn(mixed, after, seed=3, now=NOW)
    assert error_ratio(after, mixed) < 1.05


@pytest.mark.invariant("I5")
def test_groups_found_afresh_keep_the_ids_of_the_people_in_them(first: SegmentModel) -> None:
    marked = tuple(
        msgspec.structs.replace(group, id=f"{group.stage}.own_{at}")
        for at, group in enumerate(first.groups)
    )
    before = msgspec.structs.replace(first, groups=marked)
    after = learn(shop(1500), before, seed=5, now=NOW, recipe=Recipe(patience=-1.0))
    assert after.centroids != before.centroids
    old, new = (predict(model, shop(1500)) for model in (before, after))
    stayed = [marked[a].id == after.groups[b].id for a, b in zip(old, new, strict=True)]
    assert np.mean(stayed) > 0.8


def test_scaling_is_frozen_until_the_data_drift(first: SegmentModel) -> None:
    alike = learn(shop(1500, seed=9), first, seed=2, now=NOW)
    other = learn(shop(1500, seed=9, growth=3.0), alike, seed=3, now=NOW)
    assert (alike.centre, alike.scale, alike.scaled_at) == (first.centre, first.scale, 1)
    assert other.scaled_at == 3


def test_other_features_or_another_k_start_afresh(first: SegmentModel) -> None:
    fewer = learn(shop(1500), first, seed=2, now=NOW, recipe=Recipe(k=5))
    other = Recipe(features=("recency_days", "orders", "monetary_value"))
    narrow = learn(shop(1500), first, seed=2, now=NOW, recipe=other)
    assert len(fewer.groups) == 5
    assert narrow.features == other.features
    assert len({group.id for group in narrow.groups}) == 8


def test_groups_are_spread_over_stages_with_distinct_ids(first: SegmentModel) -> None:
    used = {group.stage for group in first.groups}
    assert used <= set(STAGES)
    assert len(used) >= 5
    assert len({group.id for group in first.groups}) == len(first.groups) == 8


def test_customers_without_an_order_are_neither_learned_from_nor_grouped() -> None:
    people = {name: np.append(column, [np.nan] * 500) for name, column in shop(1500).items()}
    people["orders"] = np.nan_to_num(people["orders"])
    model = learn(people, None, seed=1, now=NOW)
    assert model.customers == 1500
    assert msgspec.structs.replace(model) == learn(shop(1500), None, seed=1, now=NOW)
    assert (predict(model, people)[1500:] == NOBODY).all()


def test_a_feature_that_is_the_same_for_everybody_does_no_harm() -> None:
    people = {**shop(800), "items_per_order": np.full(800, np.nan)}
    people["distinct_products"] = np.full(800, 0.1 + 0.2)
    model = learn(people, None, seed=1, now=NOW)
    assert np.isfinite(standardised(model, people)).all()
    assert error_ratio(model, people) < 1.02


def test_a_feature_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(UnknownFeature, match="recency_days"):
        measured({"recency_day": np.ones(3)}, ("recency_day",))


def test_a_few_wild_customers_do_not_set_the_scale() -> None:
    calm = np.random.default_rng(1).normal(5, 1, 1000)
    wild = calm.copy()
    wild[:3] = 1e6
    assert spread(wild) == pytest.approx(spread(calm), rel=0.05)
    assert spread(np.full(9, 3.0)) == (3.0, 1.0)
    rare = np.append(np.zeros(999), 10.0)
    assert spread(rare)[1] == pytest.approx(rare.std())


def test_drift_is_a_moved_centre_or_a_changed_spread() -> None:
    here = measured(shop(1500), ("orders", "recency_days"))
    shifted = msgspec.structs.replace(here, centre=(here.centre[0] + here.scale[0], 0.0))
    wider = msgspec.structs.replace(here, scale=(here.scale[0] * 1.4, here.scale[1]))
    assert has_drifted(here, shifted, 0.3)
    assert has_drifted(here, wider, 0.3)
    assert not has_drifted(here, here, 0.3)


def test_no_second_order_is_no_gap_and_other_gaps_in_knowledge_are_the_usual_value() -> None:
    columns = {
        "gap_days_mean": np.array([np.nan, np.e - 1]),
        "items_per_order": np.array([np.nan, 3.0, 5.0]),
    }
    assert moved(columns, "gap_days_mean").tolist() == pytest.approx([0.0, 1.0])
    assert moved(columns, "items_per_order")[0] == pytest.approx(np.log(5))
