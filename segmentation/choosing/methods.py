"""The ways of finding groups that are compared, and one call that runs any of them.

K-means (Lloyd, 1982), mini-batch K-means (Sculley, 2010), DBSCAN (Ester et al., 1996), HDBSCAN
(Campello et al., 2013), Ward's agglomeration (Ward, 1963) and Gaussian mixture, by scikit-learn.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from time import perf_counter
from typing import Final, Literal

import msgspec
import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans, MiniBatchKMeans, ward_tree
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from segmentation.rules import Floats, Indices

Reduction = Literal["none", "pca", "factors"]
NOISE: Final = -1


class Method(msgspec.Struct, frozen=True):
    """``takes_k``: the number of groups is given. ``is_quadratic``: cost grows with customers².

    ``predicts``: says itself where the next customer belongs; else a classifier must carry it.
    """

    name: str
    title: str
    takes_k: bool
    is_quadratic: bool
    predicts: bool


METHODS: Final[Mapping[str, Method]] = {
    one.name: one
    for one in (
        Method("kmeans", "K-means", True, False, True),
        Method("minibatch", "Mini-batch K-means", True, False, True),
        Method("mixture", "Gaussian mixture", True, False, True),
        Method("ward", "Agglomerative (Ward)", True, True, False),
        Method("dbscan", "DBSCAN", False, True, False),
        Method("hdbscan", "HDBSCAN", False, True, False),
    )
}


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to find groups: ``k`` is their number, ``eps`` DBSCAN's radius in scaled units.

    ``least`` is the number of neighbours that make a core point (DBSCAN) or of customers that make
    a group (HDBSCAN). What a method does not take is 0.
    """

    method: str
    reduction: Reduction
    k: int = 0
    eps: float = 0.0
    least: int = 0

    @property
    def id(self) -> str:
        """What `shoal segments promote` is told: ``kmeans-6``, ``dbscan-0.83-pca``."""
        given = self.k or (f"{self.eps:.2f}" if self.eps else self.least)
        end = "" if self.reduction == "none" else f"-{self.reduction}"
        return f"{self.method}-{given}{end}"


class Found(msgspec.Struct, frozen=True):
    """Groups of some points, numbered from 0 on, `NOISE` for none.

    ``centres`` (groups x directions) where the method predicts by the nearest, ``mixture`` where it
    is one.
    """

    labels: Indices
    centres: Floats | None = None
    mixture: GaussianMixture | None = None


class Ground:
    """Points (customers x directions) that many candidates are run on."""

    def __init__(self, points: Floats) -> None:
        self.points = points

    @cached_property
    def tree(self) -> tuple[Indices, float]:
        """Ward's merges, grown once for all of its cuts, and the seconds that took."""
        began = perf_counter()
        return np.asarray(ward_tree(self.points)[0]), perf_counter() - began


# Neighbours that make a core point, for a direction: Sander et al. (1998).
_NEIGHBOURS: Final = 2
_RADII: Final = (0.8, 1.0, 1.25)  # of the curve's knee
_SHARES: Final = (0.01, 0.02, 0.05)  # of customers that HDBSCAN takes for a group
_FEWEST: Final = 5
_RESTARTS: Final = 5
# A feature that is the same for a whole group (one order) would make its density infinite.
_LEAST_VARIANCE: Final = 1e-3


def specs(
    methods: Sequence[str], reduction: Reduction, ks: Sequence[int], small: Floats
) -> list[Spec]:
    """Every candidate of some methods; ``small`` are the points that quadratic ones are run on."""
    found = []
    for name in methods:
        if METHODS[name].takes_k:
            found += [Spec(name, reduction, k=k) for k in ks]
        elif name == "dbscan":
            least = _NEIGHBOURS * small.shape[1]
            knee = radius(neighbour_distances(small, least))
            found += [Spec(name, reduction, eps=knee * by, least=least) for by in _RADII]
        else:
            sizes = {max(round(share * len(small)), _FEWEST) for share in _SHARES}
            found += [Spec(name, reduction, least=size) for size in sorted(sizes)]
    return found


def neighbour_distances(points: Floats, least: int) -> Floats:
    """The k-distance curve: each point's distance to its ``least``-th neighbour, ascending."""
    count = min(least, len(points) - 1)
    distances, _ = NearestNeighbors(n_neighbors=count).fit(points).kneighbors()
    return np.sort(distances[:, -1])


def radius(curve: Floats) -> float:
    """The curve's knee: where it lies furthest below its chord (Satopää et al., 2011)."""
    rise = float(curve[-1] - curve[0])
    if rise <= 0:
        return max(float(curve[-1]), 1e-6)
    along = np.linspace(0.0, 1.0, len(curve))
    return max(float(curve[int(np.argmax(along - (curve - curve[0]) / rise))]), 1e-6)


def run(spec: Spec, ground: Ground, seed: int) -> Found:
    """The groups that one candidate finds. Same points, same seed, same groups."""
    with warnings.catch_warnings():
        # Fewer distinct points than groups, or a mixture that still moves: the figures show it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _RUNS[spec.method](spec, ground, seed)


def timed(spec: Spec, ground: Ground, seed: int) -> tuple[Found, float]:
    """`run`, and the seconds it takes by itself, a tree that was grown before included."""
    before = ground.tree[1] if spec.method == "ward" else 0.0
    began = perf_counter()
    found = run(spec, ground, seed)
    return found, before + perf_counter() - began


def _cut(merges: Indices, leaves: int, k: int) -> Indices:
    """The last merges undone until ``k`` groups stand."""
    # Nodes are numbered in the order they were made: the highest number was the dearest merge.
    roots = [-(leaves + len(merges) - 1)]
    while len(roots) < k:
        left, right = merges[-heapq.heappop(roots) - leaves]
        heapq.heappush(roots, -int(left))
        heapq.heappush(roots, -int(right))
    label = np.full(leaves + len(merges), NOISE)
    for number, node in enumerate(sorted(-node for node in roots)):
        label[node] = number
    for node in range(leaves + len(merges) - 1, leaves - 1, -1):
        if label[node] != NOISE:  # at the cut or below it
            label[merges[node - leaves]] = label[node]
    return label[:leaves]


def _kmeans(spec: Spec, ground: Ground, seed: int) -> Found:
    fitted = KMeans(spec.k, n_init=_RESTARTS, random_state=seed).fit(ground.points)
    return Found(fitted.labels_.astype(np.int64), fitted.cluster_centers_)


def _minibatch(spec: Spec, ground: Ground, seed: int) -> Found:
    fitted = MiniBatchKMeans(spec.k, n_init=_RESTARTS, random_state=seed).fit(ground.points)
    return Found(fitted.labels_.astype(np.int64), fitted.cluster_centers_)


def _mixture(spec: Spec, ground: Ground, seed: int) -> Found:
    fitted = GaussianMixture(spec.k, reg_covar=_LEAST_VARIANCE, random_state=seed)
    labels = fitted.fit(ground.points).predict(ground.points)
    return Found(labels.astype(np.int64), mixture=fitted)


def _ward(spec: Spec, ground: Ground, seed: int) -> Found:
    del seed  # nothing in it is left to chance
    return Found(_cut(ground.tree[0], len(ground.points), spec.k))


def _dbscan(spec: Spec, ground: Ground, seed: int) -> Found:
    del seed
    labels = DBSCAN(eps=spec.eps, min_samples=spec.least).fit_predict(ground.points)
    return Found(labels.astype(np.int64))


def _hdbscan(spec: Spec, ground: Ground, seed: int) -> Found:
    del seed
    least = min(spec.least, len(ground.points))
    labels = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(ground.points)
    return Found(np.maximum(labels, NOISE).astype(np.int64))


_RUNS: Final[Mapping[str, Callable[[Spec, Ground, int], Found]]] = {
    "kmeans": _kmeans,
    "minibatch": _minibatch,
    "mixture": _mixture,
    "ward": _ward,
    "dbscan": _dbscan,
    "hdbscan": _hdbscan,
}
