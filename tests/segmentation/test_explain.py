"""Why somebody is where they are: every reason given is true when the model is asked again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from segmentation.carriers import Tree
from segmentation.explain import Explanation, explain
from segmentation.model import (
    Group,
    SegmentModel,
    assign,
    centroid_values,
    closeness,
    empty_model,
)
from segmentation.rules import NOBODY, Columns
from segmentation.wording import Words
from segmentation.wording_explanations import details, rule_details, sentence
from tests.segmentation.snapshot import MODELS, people

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TRIED = 200


def two_groups(hysteresis: float = 1.2) -> SegmentModel:
    """Groups at 0 and 10 orders and days, unscaled."""
    return SegmentModel(
        3,
        "kmeans",
        (Group("new.everyday", "new", "New"), Group("loyal.often", "loyal", "Loyal")),
        NOW,
        features=("orders", "recency_days"),
        transforms=("none", "none"),
        imputed=(0.0, 5.0),
        centre=(0.0, 0.0),
        scale=(1.0, 1.0),
        centroids=((0.0, 0.0), (10.0, 10.0)),
        hysteresis=hysteresis,
    )


def columns(orders: float, recency: float) -> Columns:
    return {"orders": np.array([orders]), "recency_days": np.array([recency])}


def one(whole: Columns, row: int) -> Columns:
    return {name: column[row : row + 1] for name, column in whole.items()}


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "rules"])
def test_of_200_customers_of_the_log_every_reason_is_true(kind: str) -> None:
    model, whole = MODELS[kind](), people()
    groups, typical = assign(model, whole), centroid_values(model)
    ids = [each.id for each in model.groups]
    explained = 0
    for row in np.random.default_rng(7).choice(len(groups), TRIED, replace=False).tolist():
        person, group = one(whole, row), int(groups[row])
        found = explain(model, person, group)
        rival = ids.index(found.rival)
        there = {reason.feature: float(typical[reason.feature][rival]) for reason in found.reasons}
        assert [reason.there for reason in found.reasons] == list(there.values())
        trials = [there] if found.is_joint else [{name: value} for name, value in there.items()]
        close = closeness(model, tried(person, trials))
        assert close[0, rival] == np.delete(close[0], group).max()
        margins = close[:, group] - close[:, rival]
        assert all(margins[1:] < margins[0])
        weights = [reason.weight for reason in found.reasons]
        if not found.is_joint:
            assert weights == pytest.approx(margins[0] - margins[1:], abs=1e-8 * abs(margins).max())
        explained += bool(found.reasons)
    assert explained >= 0.98 * TRIED


def tried(person: Columns, trials: list[dict[str, float]]) -> Columns:
    """The customer, and below as each trial makes them."""
    rows = {name: np.repeat(column, len(trials) + 1) for name, column in person.items()}
    for row, trial in enumerate(trials, 1):
        for name, value in trial.items():
            rows[name][row] = value
    return rows


def test_of_200_customers_every_border_of_a_rule_is_true() -> None:
    model, whole = MODELS["rules"](), people()
    groups = assign(model, whole)
    rows = np.random.default_rng(7).choice(len(groups), TRIED, replace=False)
    for row in rows.tolist():
        person, group = one(whole, row), int(groups[row])
        found = explain(model, person, group)
        assert found.reasons
        for reason in found.reasons:
            moved = {**person, reason.feature: np.array([reason.there])}
            assert model.groups[int(assign(model, moved)[0])].id == found.rival != found.group


def test_the_strongest_reason_comes_first() -> None:
    found = explain(two_groups(), columns(2, 1), 0)
    assert [reason.feature for reason in found.reasons] == ["recency_days", "orders"]
    assert (found.group, found.rival, found.is_held) == ("new.everyday", "loyal.often", False)


def test_what_is_nearer_to_the_other_group_speaks_against() -> None:
    found = explain(two_groups(), columns(6, 2), 0)
    assert [reason.feature for reason in found.reasons] == ["recency_days"]
    assert [reason.feature for reason in found.against] == ["orders"]
    said = details(Words(), found)
    assert said[-1] == "In favour of Loyal · buy often: 6 orders (typical here 0, there 10)"


def test_somebody_held_is_told_so() -> None:
    found = explain(two_groups(), columns(5.1, 5.1), 0)
    assert found.is_held
    assert found.margin < 0
    told = "Nearer to Loyal · buy often by now, but not by enough for a move yet."
    assert sentence(Words(), found).endswith(told)
    assert details(Words(), found)[-1] == told


def test_features_that_decide_only_together_are_named_together() -> None:
    """A tree in which one answer alone changes nothing."""
    both = Tree(
        feature=(0, -1, 1, -1, -1),
        threshold=(5.0, 0.0, 5.0, 0.0, 0.0),
        left=(1, -1, 3, -1, -1),
        right=(2, -1, 4, -1, -1),
        shares=((), (1.0, 0.0), (), (1.0, 0.0), (0.0, 1.0)),
    )
    model = msgspec.structs.replace(two_groups(), kind="carried", carrier=both)
    found = explain(model, columns(1, 1), 0)
    assert found.is_joint
    assert {reason.feature for reason in found.reasons} == {"orders", "recency_days"}
    assert ", by these together: " in sentence(Words(), found)
    alone = explain(model, columns(1, 9), 0)
    assert not alone.is_joint
    assert [reason.feature for reason in alone.reasons] == ["orders"]


def test_nothing_that_decides_is_said_so() -> None:
    blind = Tree((-1,), (0.0,), (-1,), (-1,), ((0.6, 0.4),))
    model = msgspec.structs.replace(two_groups(), kind="carried", carrier=blind)
    found = explain(model, columns(1, 1), 0)
    assert found.reasons == ()
    assert sentence(Words(), found).endswith("everything together decides, nothing alone.")


def test_a_stage_by_rule_names_its_nearest_border() -> None:
    model = empty_model()
    person: dict[str, Any] = {
        "orders": np.array([1.0]),
        "recency_days": np.array([100.0]),
        "gap_days_mean": np.array([np.nan]),
        "monetary_value": np.array([1234.0]),
    }
    found = explain(model, person, int(assign(model, person)[0]))
    assert (found.kind, found.group, found.rival) == ("rules", "hibernating.all", "new.all")
    assert sentence(Words("en", "EUR"), found) == (
        "Hibernating: last order 100 days ago (at 90 days it would be New)."
    )
    told = rule_details(Words("en", "EUR"), model, person)
    assert told[0].startswith("last order 100 days ago: 2.2 times the 45 days expected")
    assert told[1:] == (
        "1 order (Loyal from 3, Champions from 5)",
        "€1,234 spent in all (Champions from €0)",
    )


def test_nobody_and_the_only_group_are_answered_as_such() -> None:
    assert explain(two_groups(), columns(0, np.nan), NOBODY) == Explanation("nobody")
    lonely = msgspec.structs.replace(
        two_groups(), groups=two_groups().groups[:1], centroids=((0.0, 0.0),)
    )
    found = explain(lonely, columns(3, 3), 0)
    assert sentence(Words(), found) == "New · everyday: there is no other segment."
    assert sentence(Words("zh"), Explanation("nobody")) == "还没有下过单，暂时无法判断。"  # noqa: RUF001 - Chinese
