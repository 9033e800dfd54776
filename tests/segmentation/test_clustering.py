"""Groups are found on everybody, carried on by what ageing adds up, and stay themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans

from segmentation.clustering import (
    FEATURES,
    MINIMUM_CUSTOMERS,
    MINIMUM_DAYS,
    Recipe,
    learn,
    learned,
    refit,
)
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
from segmentation.scaling import followed, measured, moved, spread
from segmentation.stability import report
from segmentation.sums import GroupSums, added, begun, centres_of, judged, turned

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


def summed(model: SegmentModel, people: Columns, passes: int = 7) -> GroupSums:
    """What so many ageing passes over these people add up."""
    sums, groups = begun(model), predict(model, people)
    for _ in range(passes):
        sums = turned(sums, model, 0)
        _, its = judged(model, people, groups, centres_of(sums))
        sums = added(sums, model, its, (0, 1))
    return sums


def error_ratio(model: SegmentModel, columns: Columns, groups: np.ndarray | None = None) -> float:
    found = predict(model, columns) if groups is None else groups
    error = squared_distances(model, columns)[np.arange(len(found)), found].sum()
    points = standardised(model, columns)
    best = KMeans(len(model.groups), n_init=10, random_state=0).fit(points).inertia_
    return float(error / best)


@pytest.fixture(scope="module")
def first() -> SegmentModel:
    return learn(shop(1500), None, now=NOW)


def test_before_there_are_enough_customers_the_rules_stay_in_force() -> None:
    few = learn(shop(MINIMUM_CUSTOMERS - 1), None, now=NOW)
    enough = learn(shop(MINIMUM_CUSTOMERS), few, now=NOW)
    assert (few.kind, few.version) == ("rules", 1)
    assert (enough.kind, enough.version) == ("kmeans", 2)
    assert learn(shop(100), enough, now=NOW).kind == "kmeans"


def test_while_the_shop_is_young_the_rules_stay_in_force() -> None:
    people = shop(600)
    young = {**people, "tenure_days": np.minimum(people["tenure_days"], MINIMUM_DAYS - 1)}
    old = {**people, "tenure_days": np.append(young["tenure_days"][1:], MINIMUM_DAYS)}
    assert learn(young, None, now=NOW).kind == "rules"
    assert learn(old, None, now=NOW).kind == "kmeans"


def test_thresholds_of_the_rules_are_frozen_until_the_customers_double() -> None:
    first = learn(shop(60), empty_model(), now=NOW)
    again = learn(shop(100, seed=2), first, now=NOW)
    doubled = learn(shop(120, seed=3), again, now=NOW)
    assert first.rules.customers == 60
    assert again.rules == first.rules
    assert doubled.rules.customers == 120


def test_a_shop_without_customers_has_rules_too() -> None:
    nothing = {name: column[:0] for name, column in shop(10).items()}
    assert learn(nothing, None, now=NOW).kind == "rules"


def test_one_pass_ends_near_the_optimum(first: SegmentModel) -> None:
    assert error_ratio(first, shop(1500)) < 1.02


def test_same_input_same_seed_same_model(first: SegmentModel) -> None:
    again = learn(shop(1500), None, now=NOW)
    assert to_json(again) == to_json(first)
    assert from_json(to_json(first)) == first


def test_partial_fit_is_what_moves_the_centres(
    first: SegmentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[int, float]] = []
    original = MiniBatchKMeans.partial_fit

    def counted(self: MiniBatchKMeans, points: np.ndarray, **more: np.ndarray) -> MiniBatchKMeans:
        read.append((len(points), float(more["sample_weight"].sum())))
        return original(self, points, **more)

    people = shop(1500, seed=2)
    sums = summed(first, people)
    monkeypatch.setattr(MiniBatchKMeans, "partial_fit", counted)
    after = learn(people, first, sums, now=NOW)
    assert read == [(8, 1500.0)]
    assert error_ratio(after, people) < error_ratio(first, people)


@pytest.mark.invariant("I5")
def test_groups_keep_ids_and_people_over_weeks_of_ageing(first: SegmentModel) -> None:
    people, model = shop(1500), first
    groups = assign(model, people)
    for week in range(1, 6):
        people = aged(people, 7)
        after = learn(people, model, summed(model, people), now=NOW + week * WEEK)
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
    after = learn(mixed, first, summed(first, mixed), now=NOW)
    assert error_ratio(after, mixed) < 1.1
    settled = learn(mixed, after, summed(after, mixed), now=NOW + 26 * WEEK)
    assert error_ratio(settled, mixed) < 1.01


@pytest.mark.invariant("I5")
def test_groups_found_afresh_keep_the_ids_of_the_people_in_them(first: SegmentModel) -> None:
    marked = tuple(
        msgspec.structs.replace(group, id=f"{group.stage}.own_{at}")
        for at, group in enumerate(first.groups)
    )
    before = msgspec.structs.replace(first, groups=marked)
    found = refit(shop(1500), before, now=NOW)
    after = found.model
    assert found.refit is not None
    assert (found.refit.is_taken, after.scaled_at, after.version) == (True, 2, 2)
    old, new = (predict(model, shop(1500)) for model in (before, after))
    stayed = [marked[a].id == after.groups[b].id for a, b in zip(old, new, strict=True)]
    assert np.mean(stayed) > 0.8


def test_without_sums_the_groups_stay_where_they_are(first: SegmentModel) -> None:
    alike = learn(shop(1500, seed=9), first, now=NOW + WEEK)
    assert (alike.centroids, alike.centre, alike.scale) == (
        first.centroids,
        first.centre,
        first.scale,
    )
    assert (alike.version, alike.groups) == (2, first.groups)
    assert learn(shop(1500), first, summed(alike, shop(1500)), now=NOW).groups == first.groups


def test_other_groups_are_looked_for_as_often_as_the_owner_says(first: SegmentModel) -> None:
    other, recipe = shop(1500, growth=2.5), Recipe(gain=0.001, moves=1.0)
    soon = learned(other, first, now=NOW + 12 * WEEK, recipe=recipe)
    later = learned(other, first, now=NOW + 13 * WEEK, recipe=recipe)
    assert soon.refit is None
    assert later.refit is not None
    assert later.refit.is_taken
    assert later.refit.gain > 0.001
    assert later.model.settled_at == later.model.looked_at == NOW + 13 * WEEK
    rare = Recipe(gain=0.001, moves=1.0, refit_every=52 * WEEK)
    assert learned(other, first, now=NOW + 13 * WEEK, recipe=rare).refit is None


def test_a_look_keeps_what_is_as_good_and_what_would_move_too_many(first: SegmentModel) -> None:
    same = learned(shop(1500), first, now=NOW + 26 * WEEK)
    assert same.refit is not None
    assert not same.refit.is_taken
    assert same.model.centroids == first.centroids
    assert same.model.settled_at == NOW + 26 * WEEK
    check = learned(shop(1500), first, now=NOW + 13 * WEEK).model
    assert (check.looked_at, check.settled_at) == (NOW + 13 * WEEK, NOW)
    other = shop(1500, growth=2.5)
    held = learned(other, first, now=NOW + 26 * WEEK, recipe=Recipe(moves=0.0))
    assert held.refit is not None
    assert (held.refit.is_taken, held.model.centroids) == (False, first.centroids)
    assert held.refit.moves > 0


@pytest.mark.parametrize("told", ["items_per_order", "distinct_products"])
def test_of_two_equally_good_cuts_the_one_that_tells_spend_apart_is_taken(told: str) -> None:
    names = ("items_per_order", "distinct_products")
    chance = np.random.default_rng(4)
    high = {name: chance.permutation(np.arange(400) < 200) for name in names}
    people = dict(shop(400))
    for name in names:
        people[name] = np.where(high[name], 30.0, 3.0) * chance.lognormal(0, 0.05, 400)
    people["monetary_value"] = np.where(high[told], 900.0, 100.0)
    people["orders"] = np.full(400, 3.0)
    model = learn(people, None, now=NOW, recipe=Recipe(k=2, features=names))
    group = assign(model, people)
    assert len({(bool(one), int(its)) for one, its in zip(high[told], group, strict=True)}) == 2


def test_what_an_owner_rolled_back_to_stays_until_its_day(first: SegmentModel) -> None:
    kept = msgspec.structs.replace(first, held_until=NOW + 4 * WEEK)
    people = shop(1500, growth=2.5)
    during = learn(people, kept, summed(kept, people), now=NOW + 3 * WEEK)
    after = learn(people, during, summed(during, people), now=NOW + 4 * WEEK)
    assert during == msgspec.structs.replace(kept, version=2, follows=1)
    assert after.centroids != first.centroids


def test_a_model_of_format_1_goes_on_from_its_groups(first: SegmentModel) -> None:
    former = msgspec.structs.replace(
        first,
        hysteresis=1.2,
        margin=0.0,
        error=0.0,
        bounds=(),
        shares=(),
        settled_at=None,
        looked_at=None,
    )
    after = learn(shop(1500), former, summed(former, shop(1500)), now=NOW + WEEK)
    assert (after.hysteresis, after.settled_at) == (1.0, NOW + WEEK)
    assert after.margin > 0
    assert [group.id for group in after.groups] == [group.id for group in first.groups]


def test_other_features_or_another_k_start_afresh(first: SegmentModel) -> None:
    fewer = learn(shop(1500), first, now=NOW, recipe=Recipe(k=5))
    other = Recipe(features=("recency_days", "orders", "monetary_value"))
    narrow = learn(shop(1500), first, now=NOW, recipe=other)
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
    model = learn(people, None, now=NOW)
    assert model.customers == 1500
    assert msgspec.structs.replace(model) == learn(shop(1500), None, now=NOW)
    assert (predict(model, people)[1500:] == NOBODY).all()


def test_a_feature_that_is_the_same_for_everybody_does_no_harm() -> None:
    people = {**shop(800), "items_per_order": np.full(800, np.nan)}
    people["distinct_products"] = np.full(800, 0.1 + 0.2)
    model = learn(people, None, now=NOW)
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


def test_the_scaling_follows_the_sums_to_what_everybody_asks_for(first: SegmentModel) -> None:
    people = shop(1500, seed=9, growth=1.5)
    after = learn(people, first, summed(first, people), now=NOW + WEEK)
    asked = measured(people, first.features)
    assert after.centre == pytest.approx(asked.centre, abs=1e-6)
    assert after.scale == pytest.approx(asked.scale, abs=1e-6)


def test_each_feature_is_divided_by_its_spread_however_small_unless_there_is_none() -> None:
    alike = {"tenure_days": 400 * np.exp(np.random.default_rng(1).normal(0, 0.05, 900))}
    scaling = measured(alike, ("tenure_days",))
    (spread_now,) = scaling.scale
    assert spread_now == pytest.approx(0.05, rel=0.1)
    wide = followed(scaling, np.full(1, 900.0), np.full(1, 4500.0), 900)
    assert wide.scale == pytest.approx((2 * spread_now,))
    assert wide.centre[0] == pytest.approx(scaling.centre[0] + spread_now)
    assert measured({"tenure_days": np.full(9, 400.0)}, ("tenure_days",)).scale == (1.0,)
    assert followed(scaling, np.zeros(1), np.zeros(1), 900).scale == (1.0,)


def test_no_second_order_is_no_gap_and_other_gaps_in_knowledge_are_the_usual_value() -> None:
    columns = {
        "gap_days_mean": np.array([np.nan, np.e - 1]),
        "items_per_order": np.array([np.nan, 3.0, 5.0]),
    }
    assert moved(columns, "gap_days_mean").tolist() == pytest.approx([0.0, 1.0])
    assert moved(columns, "items_per_order")[0] == pytest.approx(np.log(5))


def test_what_a_model_cuts_stays_cut_from_version_to_version() -> None:
    people = shop(600)
    people["recency_days"][:80] = -40.0  # ordered tomorrow: a clock was wrong
    recipe = Recipe(k=3, restarts=1)
    model = learn(people, None, now=NOW, recipe=recipe)
    assert dict(zip(model.features, model.clips, strict=True))["recency_days"] == (0, 36_500)
    zero = {name: column.copy() for name, column in people.items()}
    zero["recency_days"][:80] = 0.0
    assert np.array_equal(standardised(model, people), standardised(model, zero))
    following = learn(people, model, summed(model, people), now=NOW + WEEK, recipe=recipe)
    assert (following.version, following.clips) == (2, model.clips)
    # Drift is counted in what the model sees, too.
    assert min(map(min, following.bounds)) >= 0


def test_a_feature_that_is_not_scaled_stays_so() -> None:
    people = {**shop(600), "gender_female": (np.arange(600) % 50 == 0).astype(np.float64)}
    recipe = Recipe(k=3, restarts=1, features=(*FEATURES, "gender_female"))
    model = learn(people, None, now=NOW, recipe=recipe)
    following = learn(people, model, summed(model, people), now=NOW + WEEK, recipe=recipe)
    for one in (model, following):
        assert (one.centre[-1], one.scale[-1], one.scalings[-1]) == (0.0, 1.0, "none")
    assert following.centre[0] != 0


def test_programs_that_read_every_page_are_no_group_of_their_own() -> None:
    luck = np.random.default_rng(3)
    columns = dict(shop(2_000))
    columns["views"] = np.exp(luck.normal(2.5, 0.8, 2_000))
    columns["browsing_seconds"] = 30 * columns["views"]
    columns["views"][:6], columns["browsing_seconds"][:6] = 1e6, 3e7
    features = ("recency_days", "orders", "monetary_value", "views", "browsing_seconds")
    model = learn(columns, None, now=NOW, recipe=Recipe(k=6, restarts=4, features=features))
    assert np.bincount(assign(model, columns)).min() > 20
    assert (model.clips[3] or (0, 1e6))[1] < 1e3
