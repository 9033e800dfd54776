"""A store's own features: kept by version, and what an edit of them means for its groups.

Every version is a row of its own among the store's models, of the kind ``features``; the highest
is in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
import numpy as np
from sqlalchemy import Connection, func, select

from campaigns.conditions import needed_columns
from connectors.events import moment
from segmentation.constructed import Constructed, Declared, entry, from_json, is_same, to_json, used
from segmentation.model import SegmentModel
from segmentation.recipe import FEATURES, Recipe, is_held, is_same_kind
from segmentation.rules import Columns
from segmentation.wording import ENGLISH, Words, message
from segmentation.wording_preparation import unknown_words
from worker import bulk, models
from worker.entries import ask_again
from worker.shop import Shop

KIND: Final = "features"
_ENOUGH: Final = 0.5  # of the customers, below which plan says that a feature is hardly known
Change = Literal["new", "changed", "same", "removed"]


def declared_features(connection: Connection, store: int) -> Declared:
    """What is in force for a store; nothing of its own before anything was applied."""
    columns = models.models.c
    of_store = (columns.store == store) & (columns.kind == KIND)
    newest = select(func.max(columns.version)).where(of_store).scalar_subquery()
    body = connection.execute(
        select(columns.body).where(of_store, columns.version == newest)
    ).scalar()
    return Declared() if body is None else _read(str(body))


def own_names(connection: Connection, store: int) -> frozenset[str]:
    """Names of the features that a store declares itself."""
    return frozenset(one.name for one in declared_features(connection, store).features)


@lru_cache(maxsize=64)
def _read(body: str) -> Declared:
    return from_json(body)


def versions(connection: Connection, store: int) -> list[dict[str, Any]]:
    """Every version, the newest first: when, by whom, and its features' names."""
    columns = models.models.c
    rows = connection.execute(
        select(columns.version, columns.published_at, columns.report, columns.body)
        .where(columns.store == store, columns.kind == KIND)
        .order_by(columns.version.desc())
    ).all()
    return [
        {
            "version": row.version,
            "at": moment(row.published_at).isoformat(timespec="seconds"),
            "by": msgspec.json.decode(row.report)["by"],
            "features": [one.name for one in _read(str(row.body)).features],
        }
        for row in rows
    ]


def declare(connection: Connection, store: int, declared: Declared, wall: int, by: str) -> int:
    """Put it in force as the next version; its number. The present one stays if it is the same.

    Rules that ask for features of the store's own are asked of everybody again.
    """
    present = versions(connection, store)
    if present and declared_features(connection, store) == declared:
        return int(present[0]["version"])
    version = int(present[0]["version"]) + 1 if present else 1
    names = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
    told = msgspec.json.encode({"by": by}).decode()
    row = (store, KIND, version, to_json(declared), wall, 0, told)
    bulk.insert_missing(connection, models.models, names, [row])
    if declared_features(connection, store) != declared:
        # Somebody else's version got the number while we waited for their commit.
        return declare(connection, store, declared, wall, by)
    rules = models.rules.c
    ask_again(connection, rules.store == store, rules.body.contains("own."))
    return version


def plan(before: Declared, after: Declared) -> dict[str, Change]:
    """What applying ``after`` does to each feature of the store's own."""
    old = {one.name: one for one in (*before.features, *before.prepare)}
    new = {one.name: one for one in (*after.features, *after.prepare)}
    changes: dict[str, Change] = {
        name: "new" if name not in old else "same" if old[name] == one else "changed"
        for name, one in new.items()
    }
    return changes | {name: "removed" for name in old if name not in new}


def learned_from(declared: Declared, recipe: Recipe) -> Recipe:
    """The recipe with what the store declares."""
    names = declared.learn_from or FEATURES
    return msgspec.structs.replace(recipe, features=names, constructed=used(declared, names))


def consequences(shop: Shop, declared: Declared, words: Words = ENGLISH) -> Iterator[str]:
    """What the declarations mean for the groups in force, in sentences."""
    model, recipe = shop.model, learned_from(declared, Recipe())
    if model.kind == "rules":
        yield words.say(
            "Groups will be learned from {features}.", features=", ".join(recipe.features)
        )
    elif model.candidate:
        yield words.say(
            "Groups were promoted ({candidate}) and keep the features that they were found in: "
            "{features}. `shoal segments compare` finds others.",
            candidate=model.candidate,
            features=", ".join(model.features),
        )
    elif is_same_kind(model, msgspec.structs.replace(recipe, k=len(model.groups))):
        yield words.say("What groups are learned from does not change.")
    else:
        yield words.say(
            "Groups are to be learned {why}: a refit is due and comes {when}; `shoal segments "
            "refit` does it now, with --dry-run it only says who would move. Until then "
            "customers are judged by what the groups in force were learned from.",
            why=_otherwise(words, model, recipe),
            when=_refit_due(words, shop),
        )


def _otherwise(words: Words, model: SegmentModel, recipe: Recipe) -> str:
    if sorted(model.features) != sorted(recipe.features):
        return words.say("from other features")
    named = dict.fromkeys(one.name for one in (*model.constructed, *recipe.constructed))
    edited = [name for name in named if not is_same(*(_of(its, name) for its in (model, recipe)))]
    return words.say("with another {features}", features=", ".join(edited))


def idle(shop: Shop, declared: Declared, words: Words = ENGLISH) -> Iterator[str]:
    """What is prepared and not learned from, in a sentence."""
    # Promoted groups keep their features, and a comparison looks at these.
    usual = shop.model.features if shop.model.candidate else FEATURES
    names = declared.learn_from or usual
    if found := [one.name for one in declared.prepare if one.name not in names]:
        yield words.say(
            "Preparing {features} changes nothing: groups are not learned from that "
            "(`learn_from`).",
            features=words.enumerated(found),
        )


def _of(its: SegmentModel | Recipe, name: str) -> tuple[Constructed, ...]:
    return tuple(one for one in its.constructed if one.name == name)


def _refit_due(words: Words, shop: Shop) -> str:
    held = shop.model.held_until
    if held is not None and is_held(shop.model, moment(shop.now)):
        return words.say(
            "after {day}, until when these are kept (a rollback)", day=f"{held:%Y-%m-%d}"
        )
    return words.say("with the next pass of learning")


def hardly_known(declared: Declared, columns: Columns, words: Words = ENGLISH) -> Iterator[str]:
    """What groups are to be learned from and few customers have, in a sentence each.

    ``columns`` hold what the file names, of customers with an order.
    """
    for name in declared.learn_from:
        values, one = columns[name], entry(name, used(declared, (name,)))
        known = 1 - float(np.isnan(values).mean()) if len(values) else 1.0
        if known < _ENOUGH:
            yield words.say(
                "{feature} is known of {known} of those who have ordered; to learning all others "
                "are alike in it (unknown: {unknown}).",
                feature=name,
                known=f"{known:.0%}",
                unknown=unknown_words(words, one),
            )


def touched(shop: Shop, changes: Mapping[str, Change], words: Words = ENGLISH) -> Iterator[str]:
    """Campaigns and rules that ask for what is removed or defined otherwise, in sentences."""
    asking = [(one.campaign.id, one.campaign.condition) for one in shop.campaigns]
    asking += [(one.rule.id, one.rule.condition) for one in shop.rules]
    for name, condition in asking:
        for fact in sorted(needed_columns(condition)):
            change = changes.get(fact.removeprefix("own.")) if fact.startswith("own.") else None
            if change == "removed":
                gone = message("{asker} asks for {fact}, which is gone: unknown of everybody.")
                yield words.say(gone, asker=name, fact=fact)
            elif change == "changed":
                anew = message("{asker} asks for {fact}, from now on as it is defined now.")
                yield words.say(anew, asker=name, fact=fact)


def completeness(declared: Declared, columns: Columns) -> dict[str, float]:
    """Of which share of these customers each feature in the file is known; of nobody 0."""
    names = [one.name for one in (*declared.features, *declared.prepare)]
    return {
        name: 1 - float(np.isnan(columns[name]).mean()) if len(columns[name]) else 0.0
        for name in names
    }


def figures(declared: Declared, columns: Columns) -> list[dict[str, Any]]:
    """Of each feature in the file how many know it, the middle, and where outliers begin."""
    rows = []
    for one in (*declared.features, *declared.prepare):
        values = columns[one.name]
        known = values[~np.isnan(values)]
        low, middle, high = np.quantile(known, [0.005, 0.5, 0.995]) if len(known) else [np.nan] * 3
        rows.append(
            {
                "name": one.name,
                "known": float(len(known) / len(values)) if len(values) else 0.0,
                "low": float(low),
                "median": float(middle),
                "high": float(high),
            }
        )
    return rows
