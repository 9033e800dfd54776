"""The rule: who cannot serve is out, the steadier half stays, the most spend explained wins."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from segmentation.choosing.candidates import Candidate, Figures
from segmentation.choosing.carrying import Quality
from segmentation.choosing.figures import Shape
from segmentation.choosing.methods import Spec
from segmentation.choosing.recommendation import best_to_carry, recommended, unfit
from segmentation.model import SegmentModel

MODEL = SegmentModel(0, "kmeans", (), datetime(2026, 1, 1, tzinfo=UTC))


def candidate(name: str, stability: float, spend: float | None, **more: Any) -> Candidate:
    method, _, k = name.partition("-")
    silhouette = more.pop("silhouette", 0.3)
    f1 = more.pop("f1", None)
    has_model = more.pop("has_model", True)
    told: dict[str, Any] = {"groups": int(k), "noise": 0.0, "smallest": 0.1, **more}
    figures = Figures(
        customers=1000,
        shape=Shape(silhouette, 100.0, 1.0, 1.0),
        seeds=None,
        bootstrap=stability,
        weeks=None,
        spend=spend,
        seconds=0.1,
        **told,
    )
    tried = () if f1 is None else (Quality("tree", f1, f1, f1),)
    spec = Spec(method, "none", k=int(k))
    return Candidate(name, spec, figures, MODEL if has_model else None, tried)


GOOD = [
    candidate("kmeans-3", 0.99, 0.10),
    candidate("kmeans-5", 0.95, 0.20),
    candidate("kmeans-6", 0.94, 0.203),
    candidate("kmeans-8", 0.80, 0.40),
    candidate("mixture-4", 0.70, 0.30),
    candidate("mixture-5", 0.65, 0.50),
]


def test_of_the_steadier_half_the_one_that_explains_most_with_the_fewest_groups() -> None:
    told = recommended(GOOD)
    assert told.id == "kmeans-5"  # kmeans-6 explains only 0.003 more, the rest of more is unsteady
    assert told.reason == (
        "kmeans-5, K-means: of 6 candidates 6 can serve; of the steadier half (stability 0.94 or "
        "more) its 5 groups explain most of 90 days' spend (20.0%), within 0.005 the fewest "
        "groups; its own stability is 0.95."
    )


def test_the_order_of_candidates_makes_no_difference() -> None:
    mixed = list(GOOD)
    Random(1).shuffle(mixed)  # noqa: S311 - an example, not a secret
    assert recommended(mixed) == recommended(GOOD)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"groups": 2}, "fewer than 3 groups"),
        ({"groups": 13}, "more than 12 groups"),
        ({"smallest": 0.019}, "a group below 2%"),
        ({"noise": 0.11}, "noise above 10%"),
    ],
)
def test_who_cannot_serve_is_left_out_and_counted(spoilt: dict[str, Any], why: str) -> None:
    best = candidate("ward-7", 1.0, 0.9, f1=0.95, **spoilt)
    assert unfit(best) == why
    told = recommended([*GOOD, best])
    assert told.id == "kmeans-5"
    assert f"of 7 candidates 6 can serve (left out: 1 for {why})" in told.reason


def test_unsteady_and_badly_carried_candidates_are_left_out() -> None:
    assert unfit(candidate("kmeans-4", 0.59, 0.9)) == "stability below 0.6"
    badly = candidate("ward-4", 1.0, 0.9, f1=0.89)
    nobody = candidate("ward-5", 1.0, 0.9, has_model=False)
    told = recommended([*GOOD, badly, nobody])
    assert told.id == "kmeans-5"
    assert "1 for classifiers with F1 below 0.9" in told.reason
    assert "1 for another of the method being carried" in told.reason
    assert recommended([*GOOD, candidate("ward-4", 1.0, 0.9, f1=0.91)]).id == "ward-4"


def test_without_a_past_the_groups_furthest_apart_are_taken() -> None:
    told = recommended(
        [
            candidate("kmeans-3", 0.9, None, silhouette=0.2),
            candidate("kmeans-4", 0.9, None, silhouette=0.5),
            candidate("kmeans-5", 0.7, None, silhouette=0.9),
        ]
    )
    assert told.id == "kmeans-4"
    assert "lie furthest apart (silhouette 0.50)" in told.reason


def test_nothing_is_recommended_where_nothing_serves() -> None:
    told = recommended([candidate("kmeans-2", 1.0, 0.5)])
    assert told.id == ""
    assert told.reason == "No candidate can be recommended: 1 for fewer than 3 groups."


def test_a_classifier_is_trained_for_the_best_even_if_none_can_serve() -> None:
    fair = candidate("ward-5", 0.9, 0.3, has_model=False)
    small = candidate("ward-6", 0.95, 0.4, has_model=False, smallest=0.01)
    many = candidate("ward-12", 1.0, 0.9, has_model=False, groups=13)
    assert best_to_carry([small, fair, many]) == fair
    assert best_to_carry([small, many]) == small
    assert best_to_carry([many]) is None
