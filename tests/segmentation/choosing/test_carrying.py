"""What numpy says is what scikit-learn says, for every rule that can carry groups."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from segmentation.carriers import Carrier, Machine, Tree, chosen, fits, scores
from segmentation.choosing import carrying
from segmentation.choosing.carrying import KINDS, border, carried, mixture_of
from segmentation.rules import Floats, Indices


def clouds(seed: int, groups: int, wide: int, size: int = 90) -> tuple[Floats, Indices]:
    """Points around as many centres, so near to one another that borders are crossed."""
    chance = np.random.default_rng(seed)
    labels = np.arange(size) % groups
    centres = chance.normal(0, 2, (groups, wide))
    return centres[labels] + chance.normal(0, 1, (size, wide)), labels.astype(np.int64)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    groups=st.integers(2, 6),
    wide=st.integers(1, 8),
)
def test_a_stored_classifier_predicts_as_it_did(
    kind: str, seed: int, groups: int, wide: int
) -> None:
    points, labels = clouds(seed, groups, wide)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = carrying._made(kind, seed).fit(points, labels)  # noqa: SLF001 - the very classifier
    carrier = KINDS[kind](fitted)
    others, _ = clouds(seed + 1, groups, wide, 400)
    asked = np.vstack([points, others])
    assert fits(carrier, wide, groups)
    again = msgspec.json.decode(msgspec.json.encode(carrier), type=type(carrier))
    assert np.array_equal(scores(again, asked).argmax(axis=1), fitted.predict(asked))


@pytest.mark.parametrize("kind", ["machine", "network", "tree", "forest"])
@pytest.mark.parametrize("groups", [2, 4])
def test_scores_are_those_of_scikit_learn(kind: str, groups: int) -> None:
    points, labels = clouds(3, groups, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = carrying._made(kind, 0).fit(points, labels)  # noqa: SLF001 - the very classifier
    found = scores(KINDS[kind](fitted), points)
    if kind == "machine":
        wanted = fitted.decision_function(points)
        found = found if groups > 2 else found[:, 1]
    else:
        wanted = fitted.predict_proba(points)
    if kind == "network":
        found = np.exp(found - found.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
    assert np.allclose(found, wanted)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), groups=st.integers(1, 5), wide=st.integers(1, 6))
def test_a_mixture_carries_itself(seed: int, groups: int, wide: int) -> None:
    points, _ = clouds(seed, groups, wide)
    fitted = GaussianMixture(groups, reg_covar=1e-3, max_iter=200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(points)
    told = scores(mixture_of(fitted), points)
    assert np.array_equal(told.argmax(axis=1), fitted.predict(points))
    density = np.log(np.exp(told - told.max(axis=1, keepdims=True)).sum(axis=1))
    assert np.allclose(density + told.max(axis=1), fitted.score_samples(points))


def test_a_customer_exactly_on_a_trees_border_goes_as_in_scikit_learn() -> None:
    points = np.array([[0.1], [0.3], [0.7], [0.9]])
    fitted = DecisionTreeClassifier(random_state=0).fit(points, [0, 0, 1, 1])
    border_ = np.array([[0.5], [0.5 + 1e-12], [0.5 + 1e-6]])
    found = scores(carrying.tree_of(fitted), border_).argmax(axis=1)
    assert found.tolist() == fitted.predict(border_).tolist() == [0, 0, 1]


def test_who_is_near_a_border_is_held_and_nobody_else() -> None:
    score = np.array([[1.0, 0.0], [0.4, 0.5], [0.1, 0.9], [0.4, 0.5]])
    previous = np.array([0, 0, 0, -1])
    assert chosen(score, None, 0.2).tolist() == [0, 1, 1, 1]
    assert chosen(score, previous, 0.2).tolist() == [0, 0, 1, 1]


def test_a_tenth_of_the_customers_is_near_a_border() -> None:
    points, labels = clouds(5, 3, 2, 600)
    carrier = carrying.trained("machine", points, labels, 0)
    leads = np.sort(scores(carrier, points), axis=1)
    assert np.mean(leads[:, -1] - leads[:, -2] < border(carrier, points)) == pytest.approx(0.1)


def test_a_tree_that_is_sure_of_everybody_holds_nobody() -> None:
    points = np.array([[0.0], [1.0]] * 10)
    carrier = carrying.trained("tree", points, np.array([0, 1] * 10), 0)
    assert (
        chosen(scores(carrier, points), np.array([1, 0] * 10), border(carrier, points)).tolist()
        == [
            0,
            1,
        ]
        * 10
    )


def test_the_figures_of_a_classifier_are_those_of_cross_validation() -> None:
    points, labels = clouds(7, 3, 4, 150)
    told = carried(points, labels, seed=4)
    (tree,) = [one for one in told.tried if one.kind == "tree"]
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    guess = cross_val_predict(carrying._made("tree", 4), points, labels, cv=folds)  # noqa: SLF001 - the very classifier
    assert tree.accuracy == pytest.approx(accuracy_score(labels, guess))
    assert tree.recall == pytest.approx(recall_score(labels, guess, average="macro"))
    assert tree.f1 == pytest.approx(f1_score(labels, guess, average="macro"))
    assert {one.kind for one in told.tried} == set(KINDS)


def test_a_machine_keeps_means_of_five_customers_and_more() -> None:
    points, labels = clouds(11, 3, 4, 300)
    means, of, counts = carrying.cells(points, labels)
    assert counts.min() >= 5
    assert counts.max() < 10
    assert np.bincount(of, counts).tolist() == np.bincount(labels).tolist()
    for group in range(3):
        mine = of == group
        middle = np.average(means[mine], axis=0, weights=counts[mine])
        assert np.allclose(middle, points[labels == group].mean(axis=0))
    machine = carrying.trained("machine", points, labels, 0)
    assert isinstance(machine, Machine)
    apart = np.abs(np.array(machine.vectors)[:, None] - points).max(axis=2)
    assert apart.min() > 1e-6  # no vector is a customer
    told = scores(machine, points).argmax(axis=1)
    assert accuracy_score(labels, told) > 0.8


def test_of_nearly_equals_the_simplest_carries() -> None:
    tree, planes, network = (
        carrying.Quality(kind, score, score, score)
        for kind, score in (("tree", 0.90), ("planes", 0.946), ("network", 0.95))
    )
    assert carrying.best_kind([tree, planes, network]) == "planes"
    assert carrying.best_kind([tree, network]) == "network"


def test_noise_teaches_no_classifier() -> None:
    points, labels = clouds(9, 2, 2, 120)
    points[labels == 0] += 20
    strays = points[labels == 0][:15]  # who could be told from that group by nobody
    told = carried(np.vstack([points, strays]), np.append(labels, np.full(15, -1)), seed=0)
    assert told.tried[0].accuracy == 1.0
    assert isinstance(told.carrier, Tree)  # of equals the simplest
    assert fits(told.carrier, 2, 2)


def test_a_carrier_of_another_size_does_not_fit() -> None:
    points, labels = clouds(9, 3, 4)
    carriers: list[Carrier] = [
        carrying.trained(kind, points, labels, 0)
        for kind in ("tree", "forest", "planes", "machine")
    ]
    carriers.append(mixture_of(GaussianMixture(3, reg_covar=1e-2, random_state=0).fit(points)))
    for carrier in carriers:
        assert fits(carrier, 4, 3)
        assert not fits(carrier, 4, 2)
        assert not fits(carrier, 1, 3)
