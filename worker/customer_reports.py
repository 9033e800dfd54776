"""One customer for people: features, segment, and the way there."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from connectors.events import moment
from connectors.records import exponent
from segmentation.deriving import derived
from segmentation.explain import explain
from segmentation.features import FEATURES
from segmentation.model import assign, group_indices
from segmentation.rules import NOBODY
from segmentation.wording import Words, date
from segmentation.wording_explanations import details, rule_details, sentence
from segmentation.wording_groups import segment_words
from segmentation.wording_segments import cause_words
from worker import models
from worker.explaining import snapshot
from worker.own_features import declared_features
from worker.shop import Shop
from worker.told_causes import of_models

_TIMES: Final = frozenset(one.name for one in FEATURES if one.unit == "time")


def card(connection: Connection, shop: Shop, customer: int) -> dict[str, Any]:
    """Ids, segment and every known feature (times as ISO text apart), the store's own too."""
    batch = snapshot(connection, shop, [customer])
    person = batch.roster.people[0]
    own = declared_features(connection, shop.number).features
    places = exponent(shop.currency)
    columns = derived(batch.roster.records, shop.now, own, currency_exponent=places)
    known = {name: float(column[0]) for name, column in columns.items() if not np.isnan(column[0])}
    return {
        "customer": customer,
        "customer_id": person.platform_id,
        "segment": person.segment,
        "group": person.grouping,
        "consents": person.consents,
        "times": {
            name: moment(int(value)).isoformat() for name, value in known.items() if name in _TIMES
        },
        "features": {name: value for name, value in known.items() if name not in _TIMES},
    }


def why(connection: Connection, shop: Shop, customer: int, words: Words) -> dict[str, Any]:
    """Why somebody is in their segment, in a sentence and in detail, and every recorded change.

    The segment is the recorded one, judged by the model in force as the customer is now. Words
    stand beside the numbers that they are made of.
    """
    batch = snapshot(connection, shop, [customer])
    own, places = shop.model.constructed, exponent(shop.currency)
    columns = derived(batch.roster.records, shop.now, own, currency_exponent=places)
    group = int(group_indices(shop.model, [batch.roster.people[0].grouping])[0])
    if group == NOBODY:
        # The drain has not judged by this version yet.
        group = int(assign(shop.model, columns)[0])
    found = explain(shop.model, columns, group)
    told = list(details(words, found))
    if found.kind == "rules":
        told += rule_details(words, shop.model, columns)
    return {
        "customer": customer,
        "segment": found.group.partition(".")[0],
        "group": found.group,
        "name": segment_words(words, found.group),
        "model": shop.model.version,
        "sentence": sentence(words, found),
        "details": told,
        "explanation": msgspec.to_builtins(found),
        "changes": _changes(connection, shop, customer, words),
    }


def _changes(
    connection: Connection, shop: Shop, customer: int, words: Words
) -> list[dict[str, Any]]:
    moves = models.segment_changes
    rows = connection.execute(
        select(moves).where(moves.c.customer == customer).order_by(moves.c.number)
    ).all()
    made = of_models(connection, shop.number, {row.model for row in rows if row.cause == "model"})
    told = [made.get(row.model, "model") if row.cause == "model" else row.cause for row in rows]
    return [
        {
            "at": moment(row.at).isoformat(timespec="seconds"),
            "day": date(words, moment(row.at)),
            "from": row.group_before or "-",
            "from_name": segment_words(words, row.group_before),
            "to": row.group_after or "-",
            "to_name": segment_words(words, row.group_after),
            "cause": row.cause,
            "cause_words": cause_words(words, cause),
            "model": row.model,
        }
        for row, cause in zip(rows, told, strict=True)
    ]
