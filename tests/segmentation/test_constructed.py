"""Features of a shop's own: quotients, squares and trends of the catalogue's."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation import batch
from segmentation.clustering import Recipe, learn, learned
from segmentation.constructed import (
    MADE_OF,
    Constructed,
    Declared,
    as_feature,
    completed,
    entry,
    evaluated,
    from_json,
    is_same,
    made_of,
    to_json,
    used,
)
from segmentation.deriving import derived
from segmentation.errors import IncompatibleModel, UnknownFeature
from segmentation.explain import explain
from segmentation.explain_segments import differences, typical_rows
from segmentation.features import BY_NAME, Transform
from segmentation.model import SegmentModel, assign, centroid_values, predict, standardised
from segmentation.model import from_json as model_from
from segmentation.model import to_json as model_text
from segmentation.recipe import FEATURES, look_due, reads_everybody
from segmentation.record import DAY
from segmentation.rules import Columns
from segmentation.scaling import measured
from segmentation.surrogate_learning import fit
from segmentation.wording import Words
from segmentation.wording_explanations import sentence
from segmentation.wording_features import label, told_amount
from tests.segmentation.test_clustering import NOW, WEEK, shop, summed
from tests.segmentation.test_running_equals_batch import (
    CUSTOMERS,
    Fact,
    history,
    logs,
    running,
)

BASKET: Final = Constructed(
    "big_basket", "ratio", ("monetary_value", "distinct_products"), outliers=(0.005, 0.995)
)
TREND: Final = Constructed("spend_trend", "trend", ("revenue_7d", "revenue_90d"), 90 / 7)
SQUARED: Final = Constructed("orders_squared", "square", ("orders",), transform="log")
OWN: Final = (BASKET, TREND, SQUARED)


@settings(max_examples=12, deadline=None)
@given(logs, st.lists(st.integers(0, 60), max_size=6))
@pytest.mark.invariant("I4")
def test_batches_of_events_give_what_tables_give(log: list[Fact], cuts: list[int]) -> None:
    # A day after the last of it, for by and by every trend is nothing.
    now = max((fact.at for fact in log), default=0) + DAY
    columns = derived(running(log, cuts), now, OWN, names=[one.name for one in OWN])
    table = batch.customer_features(history(log), pd.Timestamp(now, unit="us", tz="UTC"))
    rows = table.index.astype(int).to_numpy()
    products = table["distinct_products"].replace(0, np.nan)
    slow = table["revenue_90d"].replace(0, np.nan)
    expected = {
        "big_basket": table["monetary_value"] / products,
        "spend_trend": (table["revenue_7d"] / 7) / (slow / 90),
        "orders_squared": table["orders"] ** 2,
    }
    assert len(columns["orders"]) == CUSTOMERS
    for name, wanted in expected.items():
        close = np.isclose(columns[name][rows], wanted, rtol=1e-7, atol=1e-9, equal_nan=True)
        assert close.all(), name


def test_a_trend_is_one_for_whoever_spends_as_always() -> None:
    # Summed over a steady life, weights of a half-life h come to h over ln 2.
    sums = {"revenue_7d": np.array([7.0, 7.0, 0.0]), "revenue_90d": np.array([90.0, 45.0, 0.0])}
    assert evaluated(TREND, sums)[:2].tolist() == pytest.approx([1.0, 2.0])
    assert np.isnan(evaluated(TREND, sums)[2])


def test_what_cannot_be_divided_is_unknown() -> None:
    columns = {
        "monetary_value": np.array([8.0, 8.0, np.nan]),
        "distinct_products": np.array([2.0, 0.0, 1.0]),
    }
    assert evaluated(BASKET, columns).tolist() == pytest.approx([4.0, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("transform", ["log", "none"])
def test_a_divisor_that_has_faded_to_next_to_nothing_leaves_numbers(transform: Transform) -> None:
    cooled = Constructed(
        *("cooled", "ratio", ("revenue_90d", "revenue_7d")),
        transform=transform,
        outliers=None if transform == "log" else (0.005, 0.995),
    )
    # Orders of last week, and of ten to twenty years ago.
    columns = {
        "revenue_90d": np.array([90.0, 1e-15, 1e-20, 1e-20, 0.0]),
        "revenue_7d": np.array([45.0, 1e-200, 5e-324, 1e-310, 0.0]),
    }
    found = completed(columns, (cooled,))
    assert found["cooled"].tolist() == pytest.approx([2, 1e30, 1e30, 1e30, np.nan], nan_ok=True)
    scaling = measured(found, ("cooled",), (cooled,))
    assert np.isfinite((*scaling.imputed, *scaling.centre, *scaling.scale)).all()
    assert evaluated(SQUARED, {"orders": np.array([1e200])})[0] == 1e30


def test_only_what_is_needed_is_derived() -> None:
    assert made_of(("orders", "big_basket", "orders_squared"), OWN) == (
        *("orders", "monetary_value", "distinct_products"),
    )
    declared = Declared(OWN, (*FEATURES, "spend_trend"))
    assert used(declared, declared.learn_from) == (TREND,)
    assert from_json(to_json(declared)) == declared
    assert {BY_NAME[name].unit for name in MADE_OF}.isdisjoint({"time", "hour", "day"})


def test_a_name_is_looked_up_in_the_catalogue_and_in_the_shops_own() -> None:
    assert entry("big_basket", OWN).outliers == (0.005, 0.995)
    assert (entry("big_basket", OWN).unit, entry("orders", OWN).unit) == ("money", "count")
    assert (as_feature(TREND).unit, as_feature(SQUARED).unit) == ("times", "ratio")
    with pytest.raises(UnknownFeature, match="did you mean 'big_basket'"):
        entry("big_baskets", OWN)


def people(size: int = 600) -> Columns:
    """A made-up shop, a tenth of whose customers spend much more lately than before."""
    found = dict(shop(size))
    found["revenue_90d"] = found["monetary_value"] / 4
    found["revenue_7d"] = found["revenue_90d"] * np.where(np.arange(size) % 10 == 0, 0.5, 0.02)
    found["monetary_value"][7] = 1e9  # one basket of gold
    return found


RECIPE: Final = Recipe(
    k=4,
    restarts=2,
    features=("recency_days", "orders", *(one.name for one in OWN)),
    constructed=OWN,
)


@pytest.fixture(scope="module")
def model() -> SegmentModel:
    return learn(people(), None, now=NOW, recipe=RECIPE)


def test_a_model_carries_the_definitions_it_was_learned_from(model: SegmentModel) -> None:
    assert model.constructed == OWN
    assert model_from(model_text(model)) == model
    whole = completed(people(), model.constructed)
    assert set(assign(model, whole).tolist()) == {0, 1, 2, 3}
    with pytest.raises(IncompatibleModel, match="no column 'big_basket'"):
        assign(model, people())


def test_outliers_are_cut_at_what_the_model_learned(model: SegmentModel) -> None:
    at = model.features.index("big_basket")
    low, high = model.clips[at] or (0.0, 0.0)
    whole = completed(people(), OWN)
    assert 0 < low < high < whole["big_basket"][7]
    place = standardised(model, whole)[:, at]
    assert place[7] == place.max() == pytest.approx((high - model.centre[at]) / model.scale[at])
    assert model.clips[model.features.index("orders_squared")] is None


def test_an_edited_definition_makes_a_refit_due_and_judges_nobody_before(
    model: SegmentModel,
) -> None:
    edited = msgspec.structs.replace(TREND, of=("revenue_30d", "revenue_90d"), factor=3.0)
    other = msgspec.structs.replace(RECIPE, constructed=(BASKET, edited, SQUARED))
    assert look_due(model, NOW + WEEK, other) == "settle"
    assert reads_everybody(model, NOW + WEEK, other)
    shop_now = {**people(), "revenue_30d": people()["revenue_90d"] / 3}
    found = learned(shop_now, model, None, now=NOW + WEEK, recipe=other)
    assert found.model.constructed == other.constructed
    assert {group.id for group in found.model.groups} & {group.id for group in model.groups}
    assert found.refit is not None
    assert not found.refit.is_comparable
    # Those in force still see what they were trained on.
    before = predict(model, completed(shop_now, model.constructed))
    assert np.array_equal(before, predict(model, completed(people(), OWN)))


def test_groups_go_back_to_the_catalogue_when_nothing_else_is_declared(
    model: SegmentModel,
) -> None:
    found = learned(people(), model, None, now=NOW + WEEK, recipe=Recipe(k=4, restarts=2))
    assert (found.model.features, found.model.constructed) == (FEATURES, ())
    assert found.refit is not None
    assert found.refit.is_taken


def test_too_few_to_learn_anew_keep_groups_and_definitions(model: SegmentModel) -> None:
    few = {name: column[:8] for name, column in people().items()}
    edited = msgspec.structs.replace(TREND, of=("revenue_30d", "revenue_90d"), factor=3.0)
    other = msgspec.structs.replace(RECIPE, constructed=(BASKET, edited, SQUARED))
    few["revenue_30d"] = few["revenue_90d"]
    found = learned(few, model, None, now=NOW + WEEK, recipe=other)
    assert (found.model.constructed, found.model.centroids) == (OWN, model.centroids)


def test_other_words_for_a_feature_are_no_other_feature(model: SegmentModel) -> None:
    renamed = msgspec.structs.replace(TREND, en="spending faster", zh="消费加快", meaning="M.")
    assert is_same((TREND,), (renamed,))
    recipe = msgspec.structs.replace(RECIPE, constructed=(BASKET, renamed, SQUARED))
    assert look_due(model, NOW + WEEK, recipe) == ""
    after = learn(people(), model, None, now=NOW + WEEK, recipe=recipe)
    assert (after.scaled_at, after.constructed) == (model.scaled_at, recipe.constructed)


def test_a_preparation_as_the_catalogue_has_it_is_no_other_one(model: SegmentModel) -> None:
    usual = Constructed("orders", "catalogue", ("orders",), transform="log")
    assert is_same(OWN, (*OWN, usual))
    assert not is_same(OWN, (*OWN, msgspec.structs.replace(usual, transform="none")))
    recipe = msgspec.structs.replace(RECIPE, constructed=(*RECIPE.constructed, usual))
    assert look_due(model, NOW + WEEK, recipe) == ""


def test_the_order_in_which_features_are_named_is_no_difference(model: SegmentModel) -> None:
    turned = msgspec.structs.replace(
        RECIPE, features=RECIPE.features[::-1], constructed=RECIPE.constructed[::-1]
    )
    assert look_due(model, NOW + WEEK, turned) == ""
    found = learned(people(), model, None, now=NOW + WEEK * 30, recipe=turned)
    assert found.model.features == model.features
    assert found.refit is not None
    assert found.refit.is_comparable


def test_following_keeps_definitions_and_cuts(model: SegmentModel) -> None:
    whole = completed(people(), OWN)
    after = learn(people(), model, summed(model, whole), now=NOW + WEEK, recipe=RECIPE)
    assert (after.constructed, after.clips) == (OWN, model.clips)
    assert after.version == model.version + 1


def test_what_a_promoted_model_was_learned_from_stays(model: SegmentModel) -> None:
    promoted = msgspec.structs.replace(model, candidate="kmeans.4")
    assert look_due(promoted, NOW + WEEK, Recipe()) != "settle"
    found = learned(people(), promoted, None, now=NOW + WEEK, recipe=Recipe())
    assert found.model.constructed == OWN


def test_reasons_trees_and_differences_tell_of_own_features(model: SegmentModel) -> None:
    whole = completed(people(), OWN)
    tree = fit(model, whole, seed=1)
    assert tree is not None
    assert {node.feature for node in tree.nodes} & {one.name for one in OWN}
    quick = assign(model, whole) == assign(model, whole)[0]
    members = {name: column[quick] for name, column in whole.items()}
    told = differences(members, whole, OWN)
    assert "spend_trend" in {one.feature for one in told}
    assert len(typical_rows(members, whole, model.features, OWN)) == 3
    one = {name: column[:1] for name, column in whole.items()}
    found = explain(model, one, int(assign(model, one)[0]))
    words = Words(own={own.name: own for own in OWN})
    assert "spending lately, against before" in sentence(words, found)
    typical = centroid_values(model)["spend_trend"]
    assert typical.max() > 4 * typical.min()


def test_own_features_have_words_in_both_languages() -> None:
    english = Words(currency="EUR", own={one.name: one for one in OWN})
    chinese = Words("zh", "EUR", own=english.own)
    assert label(english, "spend_trend") == "spending lately, against before"
    assert told_amount(english, "spend_trend", 1.84) == "1.8 times as much"
    assert told_amount(english, "spend_trend", 2.7e-13) == "0 times as much"
    assert told_amount(english, "spend_trend", 0.00012) == "0.00012 times as much"
    assert label(chinese, "spend_trend").startswith("近期消费")
    assert told_amount(chinese, "spend_trend", 1.84) == "1.8 倍"
    assert label(english, "orders_squared") == "orders, squared"
    assert label(chinese, "orders_squared") == "订单数的平方"
    assert told_amount(english, "big_basket", 12.4) == "€12"
    named = {"big_basket": msgspec.structs.replace(BASKET, en="money per product", zh="")}
    assert label(Words(own=named), "big_basket") == "money per product"
    assert label(Words("zh", own=named), "big_basket").count("除以") == 1
