"""What features carry is found where it was put, and what carries nothing may go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from segmentation.clustering import Recipe, learn
from segmentation.constructed import Constructed, completed
from segmentation.model import SegmentModel, assign
from segmentation.rules import Columns
from segmentation.selection import AS_GOOD, Selection, between, moved_by, select
from segmentation.surrogate import answers, leaves
from segmentation.surrogate_learning import fit
from tests.segmentation.snapshot import MODELS
from tests.segmentation.snapshot import people as of_log

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
DOUBLE: Final = Constructed("twice", "ratio", ("orders", "discount_share"), transform="log")


def people() -> Columns:
    """Four kinds of customers whom orders and recency tell apart together, and nothing else."""
    luck = np.random.default_rng(5)
    often, lately = np.arange(900) % 2, np.arange(900) // 2 % 2
    orders = np.exp(1.0 + 2 * often + luck.normal(0, 0.1, 900))
    days = np.exp(5.0 - 2 * lately + luck.normal(0, 0.1, 900))
    return {
        "orders": orders,
        "recency_days": days,
        "tenure_days": days + 400,
        "monetary_value": orders * 7,  # says what orders say
        "average_order_value": np.full(900, 7.0),
        "items_per_order": np.exp(luck.normal(2, 0.05, 900)),  # says nothing
        "gap_days_mean": np.full(900, 20.0),
        "distinct_products": np.exp(luck.normal(3, 0.05, 900)),
        "discount_share": luck.uniform(0.4, 0.6, 900),
        "searches": np.where(often == 0, 50.0, 1.0)
        + luck.uniform(0, 1, 900),  # unused, and telling
        "views": np.where(np.arange(900) % 9, np.nan, 3.0),  # hardly known
    }


FEATURES: Final = ("orders", "recency_days", "monetary_value", "items_per_order")


@pytest.fixture(scope="module")
def model() -> SegmentModel:
    return learn(people(), None, now=NOW, recipe=Recipe(k=4, restarts=5, features=FEATURES))


@pytest.fixture(scope="module")
def found(model: SegmentModel) -> Selection:
    return select(model, people(), fit(model, people(), seed=1))


def test_what_carries_nothing_goes_and_what_carries_stays(found: Selection) -> None:
    assert "items_per_order" not in found.keep
    # Two say the same: one of them is enough.
    assert len({"orders", "monetary_value"} & set(found.keep)) == 1
    assert "recency_days" in found.keep
    assert all(step.agreement >= AS_GOOD for step in found.steps)
    assert found.stability > 0.95


def test_three_views_agree_on_what_carries(found: Selection) -> None:
    told = {one.feature: one for one in found.features}
    empty, full = told["items_per_order"], told["recency_days"]
    assert [empty.variance, empty.moves, empty.information] == pytest.approx([0, 0, 0], abs=0.1)
    assert full.variance > 0.9
    # Dealt out anew, half of the customers come to the other side; two leaves in four are a half.
    assert [full.moves, full.information] == pytest.approx([0.5, 0.5], abs=0.1)
    assert told["monetary_value"].same_as == "orders"
    assert told["orders"].same_as == ""


def test_features_that_the_model_does_not_use_are_held_beside(found: Selection) -> None:
    told = {one.feature: one for one in found.features}
    assert [one.feature for one in found.features[:4]] == sorted(
        FEATURES, key=lambda name: -(told[name].moves or 0)
    )
    searches = told["searches"]
    assert (searches.is_used, searches.moves) == (False, None)
    assert searches.variance > 0.9
    assert (searches.information or 0) > 0.4
    # Known of too few, or the same for everybody.
    assert not {"views", "average_order_value", "gap_days_mean"} & told.keys()


def test_the_same_people_give_the_same_answer(model: SegmentModel, found: Selection) -> None:
    assert select(model, people(), fit(model, people(), seed=1)) == found


def test_own_features_are_looked_at_too(model: SegmentModel) -> None:
    whole = completed(people(), (DOUBLE,))
    found = select(model, whole, None, (DOUBLE,))
    (own,) = [one for one in found.features if one.feature == "twice"]
    assert own.variance > 0.9
    assert own.information is None
    assert own.same_as in {"orders", "monetary_value"}


def test_shares_are_those_of_the_definitions(model: SegmentModel) -> None:
    values, groups = np.array([0.0, 2.0, 4.0, 6.0]), np.array([0, 0, 1, 1])
    assert between(values, groups) == pytest.approx(16 / 20)
    assert between(np.ones(4), groups) == 0
    here = people()
    told = assign(model, here)
    unused = msgspec.structs.replace(model, scale=(*model.scale[:3], 1e12))
    assert moved_by(unused, here, "items_per_order", told) == 0
    assert moved_by(model, here, "recency_days", told) == pytest.approx(0.5, abs=0.05)


def test_leaves_are_finer_than_answers() -> None:
    model, here = MODELS["kmeans"](), of_log()
    tree = fit(model, here, seed=2)
    assert tree is not None
    ends, said = leaves(tree, here), answers(tree, here)
    assert all(not tree.nodes[at].feature for at in np.unique(ends))
    assert len(np.unique(ends)) >= len(np.unique(said))
    # Who ends in the same leaf is told the same.
    assert mutual_info_score(ends, said) == pytest.approx(mutual_info_score(said, said))


@pytest.mark.parametrize("kind", ["kmeans", "kmeans after PCA", "tree", "mixture"])
def test_every_kind_of_learned_model_is_asked(kind: str) -> None:
    model, here = MODELS[kind](), of_log()
    found = select(model, here, fit(model, here, seed=3))
    assert {one.feature for one in found.features if one.is_used} == set(model.features)
    assert set(found.keep) <= set(model.features)


def test_a_used_feature_that_hardly_anybody_has_is_told_of_all_the_same() -> None:
    features = (*FEATURES, "views", "gap_days_mean")
    recipe = Recipe(k=4, restarts=2, features=features)
    found = select(learn(people(), None, now=NOW, recipe=recipe), people(), None)
    told = {one.feature: one for one in found.features if one.is_used}
    assert told.keys() == set(features)
    assert told["views"].known == pytest.approx(1 / 9)
    # One value for everybody carries nothing.
    assert (told["gap_days_mean"].variance, told["gap_days_mean"].moves) == (0, 0)
    assert not {"views", "gap_days_mean"} & set(found.keep)


def test_one_feature_beside_one_that_nobody_has_is_selected_without_a_warning() -> None:
    nobody = {**people(), "age": np.full(900, np.nan)}
    recipe = Recipe(k=3, restarts=2, features=("orders", "age"))
    found = select(learn(nobody, None, now=NOW, recipe=recipe), nobody, None)
    told = {one.feature: one for one in found.features if one.is_used}
    # Without orders everybody is in one place.
    assert (told["orders"].without, told["age"].known) == (0, 0)
    assert found.keep == ("orders", "age")
