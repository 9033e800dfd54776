"""Each candidate run on one reduction of the customers, as often as its figures need it.

What one run cannot say is said by several on at most `SMALL` of the customers: three seeds, three
bootstrap samples (Efron, 1979), the last weeks. Methods of quadratic cost see no more than those
at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from segmentation.choosing import figures
from segmentation.choosing.candidates import MOST_GROUPS, Candidate, Figures
from segmentation.choosing.methods import (
    METHODS,
    Found,
    Ground,
    Reduction,
    Spec,
    neighbour_distances,
    run,
    specs,
    timed,
)
from segmentation.choosing.modelling import carrying, frame, in_directions, predicting, with_names
from segmentation.choosing.reducing import projected, projection
from segmentation.choosing.snapshots import Plan, Snapshot, small_rows
from segmentation.model import SegmentModel, standardised
from segmentation.rules import Floats, Indices
from segmentation.scaling import measured

_LOOKED_AT: Final = 2_000  # whose silhouettes are taken
_RUNS: Final = 3
_HAS_CHANCE: Final = ("kmeans", "minibatch", "mixture")
_CURVE: Final = 100


class Trials:
    """One reduction: the points it makes of the customers, now and before."""

    def __init__(self, snapshot: Snapshot, plan: Plan, how: Reduction) -> None:
        self.snapshot, self.seed, columns = snapshot, plan.seed, snapshot.columns
        scaling = measured(columns, plan.features, plan.constructed)
        plain = frame(columns, plan.features, scaling, snapshot.now, plan.constructed)
        self.plain = standardised(plain, columns)
        matrix = projection(self.plain, how)
        self.model = in_directions(plain, matrix)
        self.every = Ground(projected(self.plain, matrix))
        self.few = Ground(self.every.points[snapshot.small])
        self.specs = specs(plan.methods, how, plan.ks, self.few.points)
        self.draws = tuple(self._draws())
        self.weeks = tuple(
            (aged.rows, Ground(standardised(self.model, aged.columns))) for aged in snapshot.weeks
        )
        self.past = _past(snapshot, plan, how)
        luck = np.random.default_rng(plan.seed).permutation(snapshot.small)
        self.looked_at = luck[:_LOOKED_AT]

    @property
    def curve(self) -> tuple[float, ...]:
        """The k-distance curve, thinned."""
        distances = neighbour_distances(self.few.points, 2 * self.few.points.shape[1])
        places = np.linspace(0, len(distances) - 1, min(_CURVE, len(distances)))
        return tuple(distances[places.astype(np.int64)].tolist())

    def _draws(self) -> Iterator[tuple[Indices, Ground]]:
        luck = np.random.default_rng(self.seed + 1)
        size = len(self.few.points)
        for _ in range(_RUNS):
            rows = luck.integers(size, size=size)
            yield rows, Ground(self.few.points[rows])

    def measured(self, spec: Spec) -> tuple[Candidate, Found]:
        """A candidate with its figures; with its model where the method predicts by itself."""
        is_small = METHODS[spec.method].is_quadratic
        found, seconds = timed(spec, self.few if is_small else self.every, self.seed)
        rows = self.snapshot.small if is_small else np.arange(len(self.plain))
        seen = self.looked_at
        if is_small:
            seen = np.searchsorted(self.snapshot.small, self.looked_at)
        few = found if is_small else run(spec, self.few, self.seed)
        labels = found.labels
        told = Figures(
            customers=len(rows),
            groups=len(np.unique(labels[labels >= 0])),
            shape=figures.shape(self.plain[rows], labels, seen),
            seeds=self._over_seeds(spec, few),
            bootstrap=self._over_draws(spec, few),
            weeks=self._over_weeks(spec, few),
            noise=figures.noise_share(labels),
            smallest=figures.smallest_share(labels, spec.k),
            spend=self._spend(spec),
            seconds=seconds,
        )
        candidate = Candidate(spec.id, spec, told)
        if METHODS[spec.method].predicts and 1 < told.groups <= MOST_GROUPS:
            model = predicting(self.model, found, self.every.points)
            candidate = self._published(candidate, model)
        return candidate, found

    def carried(self, candidate: Candidate, found: Found) -> Candidate:
        """The candidate with a classifier trained on its groups."""
        model, tried = carrying(self.model, found, self.few.points, self.seed)
        return self._published(msgspec.structs.replace(candidate, tried=tried), model)

    def _published(self, candidate: Candidate, model: SegmentModel) -> Candidate:
        heirs = [None] * len(model.centroids)
        model = with_names(model, self.snapshot.columns, heirs)
        model = msgspec.structs.replace(model, candidate=candidate.id)
        return msgspec.structs.replace(candidate, model=model)

    def _over_seeds(self, spec: Spec, first: Found) -> float | None:
        if spec.method not in _HAS_CHANCE:
            return None
        others = [run(spec, self.few, self.seed + more).labels for more in range(1, _RUNS)]
        return figures.agreement([first.labels, *others])

    def _over_draws(self, spec: Spec, first: Found) -> float:
        agreed = []
        for rows, ground in self.draws:
            distinct, places = np.unique(rows, return_index=True)
            again = run(spec, ground, self.seed).labels[places]
            agreed.append(figures.agreement([first.labels[distinct], again]))
        return float(np.mean(agreed))

    def _over_weeks(self, spec: Spec, first: Found) -> float | None:
        rows, labels, agreed = self.snapshot.small, first.labels, []
        for theirs, ground in self.weeks:
            before = run(spec, ground, self.seed).labels
            _, here, there = np.intersect1d(rows, theirs, return_indices=True)
            agreed.append(figures.agreement([labels[here], before[there]]))
            rows, labels = theirs, before
        return float(np.mean(agreed)) if agreed else None

    def _spend(self, spec: Spec) -> float | None:
        if self.past is None:
            return None
        ground, few, spend, rows = self.past
        if METHODS[spec.method].is_quadratic:
            return figures.explained(spend[rows], run(spec, few, self.seed).labels)
        return figures.explained(spend, run(spec, ground, self.seed).labels)


def _past(
    snapshot: Snapshot, plan: Plan, how: Reduction
) -> tuple[Ground, Ground, Floats, Indices] | None:
    """The points of 90 days ago, made comparable by what was known then; and the spend since."""
    if snapshot.past is None or snapshot.spend is None:
        return None
    columns = snapshot.past.columns
    scaling = measured(columns, plan.features, plan.constructed)
    plain = frame(columns, plan.features, scaling, snapshot.now, plan.constructed)
    points = standardised(plain, columns)
    points = projected(points, projection(points, how))
    rows = small_rows(len(points), plan.seed)
    return Ground(points), Ground(points[rows]), snapshot.spend, rows
