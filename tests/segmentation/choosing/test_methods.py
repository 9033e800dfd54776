"""Six methods, reductions in front of them, and the figures that tell them apart."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from segmentation.choosing import figures
from segmentation.choosing.methods import (
    METHODS,
    Ground,
    Spec,
    neighbour_distances,
    radius,
    run,
    specs,
    timed,
)
from segmentation.choosing.reducing import projected, projection
from segmentation.rules import Floats, Indices


def three(size: int = 300) -> tuple[Floats, Indices]:
    """Three clouds that nobody could miss."""
    chance = np.random.default_rng(0)
    labels = np.arange(size) % 3
    centres = np.array([[0, 0, 0], [9, 0, 3], [0, 9, -3]])
    return centres[labels] + chance.normal(0, 1, (size, 3)), labels.astype(np.int64)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_what_nobody_could_miss(method: str) -> None:
    points, labels = three()
    for spec in specs([method], "none", [3], points):
        found, seconds = timed(spec, Ground(points), seed=0)
        inside = found.labels >= 0
        assert adjusted_rand_score(labels[inside], found.labels[inside]) == 1.0
        assert inside.mean() > 0.85
        assert seconds > 0
        assert np.array_equal(found.labels, run(spec, Ground(points), seed=0).labels)


def test_ids_say_method_parameter_and_reduction() -> None:
    points, _ = three()
    assert [one.id for one in specs(["kmeans"], "pca", [2, 3], points)] == [
        "kmeans-2-pca",
        "kmeans-3-pca",
    ]
    assert Spec("dbscan", "none", eps=0.834, least=6).id == "dbscan-0.83"
    assert [one.id for one in specs(["hdbscan"], "none", [], points)] == [
        "hdbscan-5",
        "hdbscan-6",
        "hdbscan-15",
    ]


@pytest.mark.parametrize("k", [1, 2, 5, 11, 80])
def test_wards_tree_is_cut_as_scikit_learn_cuts_it(k: int) -> None:
    points = np.random.default_rng(1).normal(size=(80, 4))
    wanted = AgglomerativeClustering(k, linkage="ward").fit_predict(points)
    found = run(Spec("ward", "none", k=k), Ground(points), 0).labels
    assert len(np.unique(found)) == k
    assert adjusted_rand_score(wanted, found) == 1.0


def test_the_knee_of_a_curve_is_where_it_turns() -> None:
    assert radius(np.array([1.0, 1.1, 1.2, 1.3, 9.0])) == pytest.approx(1.3)
    assert radius(np.array([2.0, 2.0, 2.0])) == 2.0
    line = np.arange(6.0)[:, None]
    assert neighbour_distances(line, 2).tolist() == [1, 1, 1, 1, 2, 2]
    assert neighbour_distances(line[:2], 9).tolist() == [1, 1]


def test_a_reduction_is_the_matrix_of_scikit_learn() -> None:
    chance = np.random.default_rng(2)
    hidden = chance.normal(size=(400, 2))
    points = hidden @ chance.normal(size=(2, 6)) + 0.3 * chance.normal(size=(400, 6))
    components, factors = projection(points, "pca"), projection(points, "factors")
    assert components is not None
    assert factors is not None
    assert projection(points, "none") is None
    assert len(components) == len(factors) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = FactorAnalysis(2, max_iter=500, random_state=0).fit(points)
    wanted = [PCA(2, random_state=0).fit(points), analysis]
    for matrix, fitted in zip((components, factors), wanted, strict=True):
        moved = projected(points, matrix)
        assert np.allclose(moved - moved.mean(axis=0), fitted.transform(points), atol=1e-8)


def test_figures_of_shape_are_those_of_scikit_learn() -> None:
    points, labels = three()
    some = np.arange(0, 300, 2)
    told = figures.shape(points, labels, some)
    assert told.silhouette == pytest.approx(silhouette_score(points[some], labels[some]))
    assert told.calinski_harabasz == pytest.approx(calinski_harabasz_score(points, labels))
    assert told.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels))
    strays = np.vstack([points, [[500.0, 0, 0]]])
    assert figures.shape(strays, np.append(labels, -1), some) == told
    assert figures.shape(points, np.zeros(300, np.int64), some) == figures.Shape()


def test_errors_and_shares_by_hand() -> None:
    points = np.array([[0.0], [2.0], [10.0], [14.0]])
    labels = np.array([0, 0, 1, 1])
    assert figures.error(points, labels) == (1 + 1 + 4 + 4) / 4
    assert figures.group_means(points, np.array([1, 1, -1, 0])).tolist() == [[14.0], [1.0]]
    assert figures.noise_share(np.array([-1, 0, 0, 1])) == 0.25
    assert figures.smallest_share(np.array([-1, 0, 0, 1])) == 0.25
    assert figures.smallest_share(np.array([0, 0, 1, 1]), 3) == 0.0
    assert figures.smallest_share(np.array([-1, -1])) == 0.0


def test_spend_explained_by_hand() -> None:
    spend = np.array([0.0, 2.0, 10.0, 12.0])
    # The mean is 6: in all 36 + 16 + 16 + 36, between the groups 4 times 25.
    assert figures.explained(spend, np.array([0, 0, 1, 1])) == pytest.approx(100 / 104)
    assert figures.explained(spend, np.array([-1, -1, 3, 3])) == pytest.approx(100 / 104)
    assert figures.explained(spend, np.zeros(4, np.int64)) == 0.0
    assert figures.explained(np.ones(4), np.array([0, 0, 1, 1])) is None
    assert figures.explained(np.empty(0), np.empty(0, np.int64)) is None


def test_agreement_is_the_mean_over_pairs() -> None:
    one, two, three_ = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([0, 1, 0, 1])
    pairs = [1.0, adjusted_rand_score(one, three_), adjusted_rand_score(two, three_)]
    assert figures.agreement([one, two, three_]) == pytest.approx(np.mean(pairs))
