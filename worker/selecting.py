"""Which features carry a store's groups, on customers drawn by lot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from sqlalchemy import Connection

from segmentation.constructed import MADE_OF, Declared, completed
from segmentation.features import BY_NAME
from segmentation.selection import ALIKE, AS_GOOD, Selection, select
from segmentation.surrogate_learning import fit
from worker.drawing import features_of, ids_of, is_buyer
from worker.errors import ShoalError
from worker.own_features import declared_features
from worker.shop import Shop

MOST: Final = 20_000
"""Customers read at most."""

LEAST: Final = 100
"""Customers with an order below which nothing can be said."""


class SelectionRefused(ShoalError):
    """There are no learned groups to look at, or too few customers."""

    exit_code = 2


def selected(connection: Connection, shop: Shop) -> Selection:
    """What features carry the groups in force, and which may go.

    Raises
    ------
    SelectionRefused
        Under the stages by rule, and below `LEAST` customers with an order.
    """
    model = shop.model
    if model.kind == "rules":
        message = (
            f"{shop.id}: the stages are still by rule, and rules name what they read; features can "
            "be chosen when groups have been learned (docs/learning.md)"
        )
        raise SelectionRefused(message)
    ids = ids_of(connection, is_buyer(shop.number))
    if len(ids) < LEAST:
        message = f"{shop.id}: {len(ids)} customers with an order: expected at least {LEAST}"
        raise SelectionRefused(message)
    if len(ids) > MOST:
        chosen = np.random.default_rng(0).choice(len(ids), MOST, replace=False)
        ids = [ids[at] for at in np.sort(chosen).tolist()]
    declared = declared_features(connection, shop.number)
    # Of a feature that was edited since, the model's definition is the one that carries.
    others = [one for one in declared.features if one.name not in model.features]
    columns = completed(features_of(connection, shop, ids), others)
    names = (*model.features, *MADE_OF, *(one.name for one in others))
    told = {name: columns[name] for name in dict.fromkeys(("orders", *names))}
    tree = fit(model, columns, seed=model.version)
    return select(model, told, tree, (*model.constructed, *others))


def paste(found: Selection) -> str:
    """The proposed set as it stands in ``features.yaml``."""
    return f"learn_from: [{', '.join(found.keep)}]"


def sentences(found: Selection, declared: Declared, candidate: str = "") -> Iterator[str]:
    """What to do, and what speaks for it; ``candidate`` is what was promoted, '' if nothing was."""
    used = [one for one in found.features if one.is_used]
    gone = [step for step in found.steps if step.is_dropped]
    if gone:
        names = ", ".join(step.feature for step in gone)
        yield (
            f"{len(found.keep)} of {len(used)} features carry the groups: without {names} K-means "
            f"finds nearly the same ones (adjusted Rand index {gone[-1].agreement:.2f}) as "
            f"steadily (stability {gone[-1].stability:.2f}, with all {found.stability:.2f})."
        )
        yield f"To learn from these, apply a features file with: {paste(found)}"
        if candidate:
            yield f"Groups were promoted ({candidate}): after it compare and promote again."
    else:
        least = max(used, key=lambda one: one.without or 0)
        yield (
            f"All {len(used)} features carry the groups: {least.feature} is missed least, and "
            f"without it K-means agrees at {least.without or 0:.2f} with what it finds on all "
            f"(adjusted Rand index; below {AS_GOOD} nothing goes, nor what would make the groups "
            "less steady). Change nothing."
        )
    if found.agreement < AS_GOOD:
        yield (
            f"K-means begun at the groups in force comes to others ({found.agreement:.2f}): those "
            "have a history, or were found otherwise."
        )
    alike = [one for one in used if one.same_as]
    for one in alike:
        yield (
            f"{one.feature} and {one.same_as} say the same (correlation above {ALIKE}): together "
            "they weigh double."
        )
    own = {one.name for one in declared.features}
    if lost := [name for name in found.keep if name not in BY_NAME and name not in own]:
        yield f"The file no longer declares {', '.join(lost)}: nothing can be learned from it."
    asked = [name for name in declared.learn_from if name not in {one.feature for one in used}]
    if asked:
        when = "once you compare and promote again" if candidate else "with the next refit"
        yield f"The file asks for {', '.join(asked)} too: that comes {when}."
