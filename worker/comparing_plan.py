"""What to compare, from the words of a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final, cast, get_args

from segmentation.choosing.candidates import MOST_GROUPS
from segmentation.choosing.methods import METHODS, Reduction
from segmentation.choosing.snapshots import Plan
from segmentation.constructed import Declared, used
from segmentation.recipe import FEATURES
from worker.comparing import ComparisonRefused
from worker.shop import Shop

_FEWEST: Final = 2


def plan_of(
    shop: Shop, k: str, methods: str, reductions: str, declared: Declared | None = None
) -> Plan:
    """The plan that these words ask for.

    The features are those that the store's file says, else those of the model in force.

    Raises
    ------
    ComparisonRefused
        For a method or reduction that is not known, naming the nearest, and for numbers of groups
        that cannot be.
    """
    chosen = _names(methods, "--methods", tuple(METHODS)) if methods else tuple(METHODS)
    reduced = _names(reductions, "--reduce", get_args(Reduction))
    features, own = shop.model.features or FEATURES, shop.model.constructed
    if declared and declared.learn_from:
        features, own = declared.learn_from, used(declared, declared.learn_from)
    elif declared:
        # The model's own definitions, read as the file says now.
        kept = tuple(one for one in own if one.kind != "catalogue")
        own = (*kept, *(one for one in declared.prepare if one.name in features))
    return Plan(
        chosen,
        ks_of(k),
        cast("tuple[Reduction, ...]", reduced),
        features,
        constructed=own,
    )


def _names(text: str, option: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"{option} {name!r}: expected some of {', '.join(known)}{hint}"
            raise ComparisonRefused(message)
    return names or tuple(known)


def ks_of(text: str) -> tuple[int, ...]:
    """Numbers of groups: ``6``, ``4,6,8`` or ``2..12``, ends included."""
    words = f"--k {text!r}: expected numbers from {_FEWEST} to {MOST_GROUPS}, such as 2..12 or 4,6"
    if found := re.fullmatch(r"\s*(\d{1,4})\s*\.\.\s*(\d{1,4})\s*", text):
        ks = tuple(range(int(found[1]), int(found[2]) + 1))
    elif re.fullmatch(r"\s*\d{1,4}\s*(,\s*\d{1,4}\s*)*", text):
        ks = tuple(sorted({int(part) for part in text.split(",")}))
    else:
        raise ComparisonRefused(words)
    if not ks or ks[0] < _FEWEST or ks[-1] > MOST_GROUPS:
        message = f"{words}; more groups can neither be named apart nor keep their ids"
        raise ComparisonRefused(message)
    return ks
