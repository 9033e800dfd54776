"""A comparison for people: the rows of its tables, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from segmentation.choosing.candidates import Candidate, Comparison
from segmentation.choosing.methods import METHODS
from segmentation.choosing.recommendation import recommended, unfit
from segmentation.wording import ENGLISH, Words, message

SHAPE_COLUMNS: Final = (
    *(message("candidate"), message("groups"), message("customers"), message("silhouette")),
    *(message("C-H"), message("D-B"), message("error"), message("noise"), message("least")),
)
WORTH_COLUMNS: Final = (
    *(message("candidate"), message("seeds"), message("bootstrap"), message("weeks")),
    *(message("stability"), message("spend"), message("carried by"), message("seconds")),
)
TRIED_COLUMNS: Final = (
    *(message("candidate"), message("classifier"), message("accuracy")),
    *(message("recall"), message("F1")),
)
_CARRIED: Final = {"itself": message("itself"), "none": message("none")}


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


def worth_rows(candidates: Sequence[Candidate], words: Words = ENGLISH) -> list[tuple[str, ...]]:
    """Table rows in the order of `WORTH_COLUMNS`; a dash where a figure is not known."""
    return [
        (
            one.id,
            _number(one.figures.seeds),
            _number(one.figures.bootstrap),
            _number(one.figures.weeks),
            _number(one.figures.stability),
            _share(one.figures.spend),
            words.say(_CARRIED[one.carrier]) if one.carrier in _CARRIED else one.carrier,
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


def sentences(found: Comparison, words: Words = ENGLISH) -> list[str]:
    """What stands below the tables: what the columns mean, what is not known, the reason."""
    told = [
        words.say(
            "C-H: Calinski-Harabasz, more is better; D-B: Davies-Bouldin, less is better; error: "
            "mean squared distance to the own group's mean; least: the smallest group's share."
        ),
        words.say(
            "seeds, bootstrap, weeks: agreement of repeated runs (customers: {small}; adjusted "
            "Rand index, 1: the same groups); stability: their mean; spend: share of 90 days' "
            "spend that the groups of before explain; seconds: of one fit.",
            small=found.small,
        ),
        *_notes(found, words),
    ]
    used = {one.spec.method for one in found.candidates}
    titles = [one.title for one in METHODS.values() if one.is_quadratic and one.name in used]
    if titles and found.small < found.customers:
        told.append(
            words.say(
                "{titles}: cost grows with customers², so on {small} of {customers} customers.",
                titles=", ".join(titles),
                small=found.small,
                customers=found.customers,
            )
        )
    if any(one.figures.noise and one.tried for one in found.candidates):
        told.append(
            words.say(
                "Customers in no group (noise) are left out of shape, error and training; a "
                "promoted model puts them where its classifier says."
            )
        )
    is_kept = words.language == "en"
    return [*told, found.reason if is_kept else recommended(found.candidates, words).reason]


def _notes(found: Comparison, words: Words) -> list[str]:
    """What could not be measured; what is kept of it is English."""
    if words.language == "en" or not found.notes:
        return list(found.notes)
    figures = [one.figures for one in found.candidates]
    lacking = []
    if all(one.weeks is None for one in figures):
        lacking.append(words.say("stability over weeks: too few customers had ordered by then"))
    if all(one.spend is None for one in figures):
        lacking.append(words.say("spend explained: too few customers had ordered 90 days ago"))
    return lacking


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
