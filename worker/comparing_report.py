"""A comparison for people: the rows of its tables, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from segmentation.choosing.candidates import Candidate, Comparison
from segmentation.choosing.methods import METHODS
from segmentation.choosing.recommendation import unfit

SHAPE_COLUMNS: Final = (
    *("candidate", "groups", "customers", "silhouette", "C-H", "D-B", "error", "noise", "least"),
)
WORTH_COLUMNS: Final = (
    *("candidate", "seeds", "bootstrap", "weeks", "stability", "spend", "carried by", "seconds"),
)
TRIED_COLUMNS: Final = ("candidate", "classifier", "accuracy", "recall", "F1")
SHAPE_LEGEND: Final = (
    "C-H: Calinski-Harabasz, more is better; D-B: Davies-Bouldin, less is better; error: mean "
    "squared distance to the own group's mean; least: the smallest group's share."
)
WORTH_LEGEND: Final = (
    "seeds, bootstrap, weeks: agreement of repeated runs on {small} customers (adjusted Rand "
    "index; 1: the same groups); stability: their mean; spend: share of 90 days' spend that the "
    "groups of before explain; seconds: of one fit."
)
QUADRATIC: Final = "{titles}: cost grows with customers², so on {small} of {customers} customers."


def ordered(found: Comparison) -> list[Candidate]:
    """Candidates that can be recommended first, the steadiest of each kind first."""
    return sorted(
        found.candidates,
        key=lambda one: (
            one.id != found.recommended,
            one.model is None or unfit(one) is not None,
            -one.figures.stability,
        ),
    )


def shape_rows(candidates: Sequence[Candidate]) -> list[tuple[str, ...]]:
    """Table rows in the order of `SHAPE_COLUMNS`; a dash where a figure is not known."""
    return [
        (
            one.id,
            str(one.figures.groups),
            str(one.figures.customers),
            _number(one.figures.shape.silhouette),
            _number(one.figures.shape.calinski_harabasz, 0),
            _number(one.figures.shape.davies_bouldin),
            _number(one.figures.shape.error),
            _share(one.figures.noise),
            _share(one.figures.smallest),
        )
        for one in candidates
    ]


def worth_rows(candidates: Sequence[Candidate]) -> list[tuple[str, ...]]:
    """Table rows in the order of `WORTH_COLUMNS`; a dash where a figure is not known."""
    return [
        (
            one.id,
            _number(one.figures.seeds),
            _number(one.figures.bootstrap),
            _number(one.figures.weeks),
            _number(one.figures.stability),
            _share(one.figures.spend),
            one.carrier,
            _number(one.figures.seconds),
        )
        for one in candidates
    ]


def tried_rows(found: Comparison) -> list[tuple[str, ...]]:
    """Every classifier that was tried, by candidate, the chosen one first and marked."""
    return [
        (
            one.id,
            f"{told.kind}{' *' if place == 0 else ''}",
            _number(told.accuracy, 3),
            _number(told.recall, 3),
            _number(told.f1, 3),
        )
        for one in found.candidates
        for place, told in enumerate(one.tried)
    ]


def sentences(found: Comparison) -> list[str]:
    """What stands below the tables: what the columns mean, what is not known, the reason."""
    told = [SHAPE_LEGEND, WORTH_LEGEND.format(small=found.small), *found.notes]
    used = {one.spec.method for one in found.candidates}
    titles = [one.title for one in METHODS.values() if one.is_quadratic and one.name in used]
    if titles and found.small < found.customers:
        told.append(
            QUADRATIC.format(titles=", ".join(titles), small=found.small, customers=found.customers)
        )
    if any(one.figures.noise and one.tried for one in found.candidates):
        told.append(
            "Customers in no group (noise) are left out of shape, error and training; a promoted "
            "model puts them where its classifier says."
        )
    return [*told, found.reason]


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything but the models themselves."""
    return {
        "recommended": found.recommended,
        "reason": found.reason,
        "customers": found.customers,
        "small": found.small,
        "notes": list(found.notes),
        "candidates": [
            {
                "id": one.id,
                "spec": one.spec,
                "figures": one.figures,
                "stability": one.figures.stability,
                "carrier": one.carrier,
                "tried": one.tried,
                "is_publishable": one.model is not None,
                "not_recommended": unfit(one),
            }
            for one in found.candidates
        ],
    }


def _number(value: float | None, places: int = 2) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
