"""What may stand in ``features.yaml``, and what is said of what may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from campaigns.errors import InvalidCampaign
from campaigns.schema import schema_text
from segmentation.constructed import Constructed, Declared, as_feature, used
from segmentation.features import BY_NAME
from segmentation.scaling import measured
from worker.feature_files import features_schema, load

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(features_schema())
WHOLE = """
features:
  spend_trend: {trend: revenue, fast: 7d, slow: 90d, name: spending lately}
  per_item: {ratio: [monetary_value, distinct_products], clip: [0, 1000], impute: 0}
  orders_squared: {square: orders, log: true, meaning: Orders count double.}
  raw: {square: views, outliers: none}
learn_from: [recency_days, orders, spend_trend]
"""


def test_a_file_is_read_whole() -> None:
    found = load(WHOLE, "features.yaml")
    own = {one.name: one for one in found.features}
    assert own["spend_trend"] == Constructed(
        *("spend_trend", "trend", ("revenue_7d", "revenue_90d"), 90 / 7),
        clip=(0.0, 90 / 7),
        en="spending lately",
    )
    assert own["per_item"] == Constructed(
        *("per_item", "ratio", ("monetary_value", "distinct_products")),
        clip=(0, 1000),
        impute=0,
        outliers=(0.005, 0.995),
    )
    squared = own["orders_squared"]
    assert (squared.transform, squared.outliers, squared.meaning) == (
        *("log", None, "Orders count double."),
    )
    assert own["raw"].outliers is None
    assert found.learn_from == ("recency_days", "orders", "spend_trend")
    assert load("{}", "features.yaml") == Declared()


def test_a_half_life_may_be_written_in_any_unit() -> None:
    text = "features: {spend_trend: {trend: revenue, fast: 1w, slow: 2160h, name: spending lately}}"
    (found,) = load(text, "features.yaml").features
    assert found in load(WHOLE, "features.yaml").features


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "features: {orders: {square: views}}",
            "features.orders: expected a name that nothing else",
        ),
        ("features: {segment: {square: views}}", "expected a name that nothing else has"),
        ("features: {Big: {square: views}}", "expected a name of a-z, 0-9 and _"),
        ("features: {a1: {square: veiws}}", "did you mean 'views'?"),
        ("features: {a1: {square: last_order_at}}", "a moment or a place on a circle"),
        (
            "features: {a1: {square: views}, a2: {ratio: [a1, orders]}}",
            "features of your own cannot be nested",
        ),
        ("features: {a1: {ratio: [orders]}}", "expected two different features"),
        ("features: {a1: {ratio: [orders, orders]}}", "expected two different features"),
        ("features: {a1: {ratio: [orders, views], square: views}}", "found ratio and square"),
        ("features: {a1: {log: true}}", "expected one of ratio, square, trend, found none"),
        ("features: {a1: {trend: revenue, fast: 90d, slow: 7d}}", "fast the shorter one"),
        ("features: {a1: {trend: revenue, fast: 7d}}", "fast the shorter one"),
        ("features: {a1: {trend: sales, fast: 7d, slow: 30d}}", "expected one of views"),
        ("features: {a1: {trend: revenue, fast: 2w, slow: 90d}}", "is one of 7d, 30d, 90d"),
        ("features: {a1: {square: views, fast: 7d}}", "belongs to a trend"),
        ("features: {a1: {square: views, clip: [3, 1]}}", "the smaller first"),
        ("features: {a1: {square: views, outliers: [0.5, 2]}}", "a number from 0 to 1"),
        ("features: {a1: {square: views, ouliers: none}}", "did you mean 'outliers'?"),
        ("features: {a1: orders / views}", "expected a mapping"),
        ("learn_from: [recency_days, spend_trnd]", "learn_from[1]"),
        (
            "learn_from: [orders, last_order_at]",
            "a number; this is a moment or a place on a circle",
        ),
        ("learn_from: [orders, own.a1]", "a feature's name, without `own.`"),
        ("learn_from: [orders]", "expected at least two features"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_nearest(text: str, said: str) -> None:
    with pytest.raises(InvalidCampaign) as refused:
        load(text, "features.yaml")
    assert said in str(refused.value)


def test_a_misspelt_own_feature_is_named_with_the_nearest() -> None:
    text = "features: {spend: {square: orders}}\nlearn_from: [orders, spnd]"
    with pytest.raises(InvalidCampaign, match="did you mean 'spend'"):
        load(text, "features.yaml")


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    text = """
features:
  spend: {square: ordres}
  share: {ratio: [orders, orders], clip: [3, 1]}
  lately: {trend: revenue, fast: 8d, slow: 90d, square: views}
  quick: {square: views, fast: 7d, colour: red}
learn_from: [orders, spnd, last_order_at, share, 7, [orders]]
"""
    with pytest.raises(InvalidCampaign) as refused:
        load(text, "features.yaml")
    assert sorted(one.place for one in refused.value.problems) == [
        "features.lately",
        "features.lately.fast",
        "features.quick.colour",
        "features.quick.fast",
        "features.share.clip",
        "features.share.ratio",
        "features.spend.square",
        "learn_from[1]",
        "learn_from[2]",
        "learn_from[4]",
        "learn_from[5]",
    ]
    assert "did you mean 'spend'" in str(refused.value)


def test_a_misspelt_word_is_not_told_as_missing_too() -> None:
    with pytest.raises(InvalidCampaign) as refused:
        load("features: {a1: {ratoi: [orders, views]}}", "features.yaml")
    assert [one.place for one in refused.value.problems] == ["features.a1.ratoi"]


def test_too_many_are_refused() -> None:
    many = {f"a{at}": {"square": "orders"} for at in range(21)}
    with pytest.raises(InvalidCampaign, match="expected at most 20, found 21"):
        load(yaml.safe_dump({"features": many}), "features.yaml")


def test_the_published_schema_is_current_and_agrees_with_the_reader() -> None:
    assert (ROOT / "docs" / "features.schema.json").read_text("utf-8") == schema_text(
        features_schema()
    ), "docs/features.schema.json is old: write schema_text() there"
    jsonschema.Draft202012Validator.check_schema(features_schema())
    whole: Any = yaml.safe_load(WHOLE)
    SCHEMA.validate(whole)
    for wrong in ({"orders": {"square": "views"}}, {"a1": {"square": "veiws"}}):
        assert not SCHEMA.is_valid({"features": wrong})


def test_a_feature_of_the_catalogue_is_read_as_the_file_says() -> None:
    text = """
prepare:
  orders: {log: false, outliers: [0.01, 0.99]}
  views: {outliers: none, clip: [0, 500]}
  recency_days: {clip: none}
  gap_days_mean: {impute: median}
  gender_female: {scale: true, impute: 0}
"""
    found = {one.name: one for one in load(text, "features.yaml").prepare}
    read = {name: as_feature(one) for name, one in found.items()}
    assert read["orders"] == replace(BY_NAME["orders"], transform="none", outliers=(0.01, 0.99))
    assert read["views"] == replace(BY_NAME["views"], outliers=None, clip=(0, 500))
    assert read["recency_days"] == replace(BY_NAME["recency_days"], clip=None)
    assert read["gap_days_mean"] == replace(BY_NAME["gap_days_mean"], impute="median")
    assert read["gender_female"] == replace(
        BY_NAME["gender_female"], scaling="standardise", impute=0
    )
    assert not load("features: {a1: {square: views}}", "features.yaml").prepare


def test_a_preparation_is_part_of_what_a_model_is_learned_with() -> None:
    columns = {
        "orders": np.array([1.0, 2.0, 3.0, 400.0]),
        "recency_days": np.array([3.0, np.nan, 9.0, 30.0]),
    }
    names = ("orders", "recency_days")
    declared = load(
        "prepare: {orders: {log: false, clip: [0, 10]}, recency_days: {impute: 5, scale: false}}",
        "features.yaml",
    )
    # What is declared of others does not travel with these.
    assert not used(declared, ("views",))
    usual, other = measured(columns, names), measured(columns, names, used(declared, names))
    assert (usual.transforms, other.transforms) == (("log", "log"), ("none", "log"))
    assert (usual.imputed, other.imputed) == ((2.5, 9.0), (2.5, 5.0))
    assert list(other.clips) == [(0, 10), (0, 36_500)]
    assert other.scalings == ("standardise", "none")
    assert other.moved(0, columns["orders"]).tolist() == [1, 2, 3, 10]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prepare: {ordrs: {log: true}}", "did you mean 'orders'"),
        ("prepare: {first_order_at: {log: true}}", "a number that a model reads; this is a moment"),
        ("prepare: {orders: {}}", "prepare.orders: expected at least one of log, clip, outliers"),
        ("prepare: {orders: {logg: true}}", "did you mean 'log'"),
        ("prepare: {orders: {outliers: [1, 0]}}", "prepare.orders.outliers: expected two numbers"),
        ("prepare: {orders: {clip: nothing}}", "two numbers, the smaller first, or none, found"),
        ("prepare: {orders: {impute: mean}}", "impute: expected median, or a number from -1e+12"),
        ("prepare: {my_own: {log: true}}", "one of your own has log, clip, outliers and impute"),
    ],
)
def test_what_is_wrong_with_a_preparation_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidCampaign) as refused:
        load(text, "features.yaml")
    assert said in str(refused.value)
