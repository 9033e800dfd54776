"""Which features carry a store's groups, on customers drawn by lot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from sqlalchemy import Connection

from segmentation.catalogues import counted
from segmentation.constructed import MADE_OF, Declared, completed
from segmentation.features import BY_NAME
from segmentation.selection import ALIKE, AS_GOOD, Carrying, Selection, select
from segmentation.surrogate_learning import fit
from segmentation.wording import ENGLISH, Words, message
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
        found = counted(len(ids), "customer", "customers")
        message = f"{shop.id}: {found} with an order: expected at least {LEAST}"
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


def sentences(
    found: Selection, declared: Declared, candidate: str = "", words: Words = ENGLISH
) -> Iterator[str]:
    """What to do, and what speaks for it; ``candidate`` is what was promoted, '' if nothing was."""
    used = [one for one in found.features if one.is_used]
    yield from _proposal(found, used, candidate, words)
    if found.agreement < AS_GOOD:
        yield words.say(
            "K-means begun at the groups in force comes to others ({agreement}): those have a "
            "history, or were found otherwise.",
            agreement=f"{found.agreement:.2f}",
        )
    for one in used:
        if one.same_as:
            yield words.say(
                "{feature} and {other} say the same (correlation above {alike}): together they "
                "weigh double.",
                feature=one.feature,
                other=one.same_as,
                alike=ALIKE,
            )
    own = {one.name for one in declared.features}
    if lost := [name for name in found.keep if name not in BY_NAME and name not in own]:
        yield words.say(
            "The file no longer declares {features}: nothing can be learned from it.",
            features=", ".join(lost),
        )
    if asked := [name for name in declared.learn_from if name not in {o.feature for o in used}]:
        later = message("The file asks for {features} too: that comes with the next refit.")
        if candidate:
            later = message(
                "The file asks for {features} too: that comes once you compare and promote again."
            )
        yield words.say(later, features=", ".join(asked))


def _proposal(
    found: Selection, used: Sequence[Carrying], candidate: str, words: Words
) -> Iterator[str]:
    gone = [step for step in found.steps if step.is_dropped]
    if not gone:
        least = max(used, key=lambda one: one.without or 0)
        yield words.say(
            "All {used} features carry the groups: {feature} is missed least, and without it "
            "K-means agrees at {agreement} with what it finds on all (adjusted Rand index; below "
            "{least} nothing goes, nor what would make the groups less steady). Change nothing.",
            used=len(used),
            feature=least.feature,
            agreement=f"{least.without or 0:.2f}",
            least=AS_GOOD,
        )
        return
    yield words.say(
        "{kept} of {used} features carry the groups: without {features} K-means finds nearly the "
        "same ones (adjusted Rand index {agreement}) as steadily (stability {stability}, with all "
        "{all}).",
        kept=len(found.keep),
        used=len(used),
        features=", ".join(step.feature for step in gone),
        agreement=f"{gone[-1].agreement:.2f}",
        stability=f"{gone[-1].stability:.2f}",
        all=f"{found.stability:.2f}",
    )
    yield words.say("To learn from these, apply a features file with: {line}", line=paste(found))
    if candidate:
        yield words.say(
            "Groups were promoted ({candidate}): after it compare and promote again.",
            candidate=candidate,
        )
