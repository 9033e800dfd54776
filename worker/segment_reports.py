"""What segments look like: sizes, what sets them apart, rules, and how people came and went."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from connectors.records import exponent
from segmentation import running
from segmentation.explain_segments import differences, typical_rows
from segmentation.features import FEATURES
from segmentation.rules import STAGES, Columns
from segmentation.surrogate import agreement, fidelity, rules
from segmentation.wording import Words
from segmentation.wording_groups import segment_words
from segmentation.wording_segments import difference_words, fidelity_words, rule_words
from worker import models
from worker.errors import ShoalError
from worker.segment_changes import changes
from worker.shop import Shop
from worker.surrogates import kept_tree

SAMPLE: Final = 4_096
"""Customers read of a segment, and of the shop."""

_PAGE: Final = 500
_JUDGED_BY: Final = ("orders", "recency_days", "gap_days_mean", "monetary_value")
_TOLD: Final = tuple(feature.name for feature in FEATURES if feature.unit != "time")


class UnknownSegment(ShoalError):
    """No stage or group of that name."""

    exit_code = 2


def groups_of(connection: Connection, shop: Shop) -> list[dict[str, Any]]:
    """Every group of the model in force with its stage, name and number of customers."""
    people = models.customers.c
    sizes = {
        row.grouping: row.size
        for row in connection.execute(
            select(people.grouping, func.count().label("size"))
            .where(people.store == shop.number, people.orders > 0, people.merged_into.is_(None))
            .group_by(people.grouping)
        )
    }
    return [
        {
            "id": group.id,
            "stage": group.stage,
            "name": group.name,
            "customers": int(sizes.get(group.id, 0)),
        }
        for group in shop.model.groups
    ]


def about(connection: Connection, shop: Shop, segment: str, words: Words) -> dict[str, Any]:
    """A stage or group: size, profile beside the shop's, tree, typical customers, last 30 days.

    Words stand beside the numbers that they are made of; customers are named by our own ids.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    _require(shop, segment)
    people = models.customers.c
    buyer = (people.store == shop.number) & (people.orders > 0) & people.merged_into.is_(None)
    member = (people.segment == segment) | (people.grouping == segment)
    buyers, members = _ids(connection, buyer), _ids(connection, buyer & member)
    everybody = _columns(connection, shop, _drawn(buyers))
    drawn = _drawn(members)
    columns = _columns(connection, shop, drawn)
    judged_by = shop.model.features or _JUDGED_BY
    return {
        "id": segment,
        "name": segment_words(words, segment),
        "customers": len(members),
        "shop": len(buyers),
        "share": len(members) / max(len(buyers), 1),
        "model": shop.model.version,
        "kind": shop.model.kind,
        "profile": [
            {**msgspec.to_builtins(one), "words": difference_words(words, one)}
            for one in differences(columns, everybody)
        ]
        if members
        else [],
        "tree": _tree(connection, shop, segment, everybody, words),
        "typical": [drawn[row] for row in typical_rows(columns, everybody, judged_by)],
        "changes": changes(connection, shop, segment, len(members), words),
    }


def _require(shop: Shop, segment: str) -> None:
    names = (*STAGES, *(group.id for group in shop.model.groups))
    if segment not in names:
        near = get_close_matches(segment, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"segment {segment!r}: expected one of {', '.join(names)}{hint}"
        raise UnknownSegment(message)


def _ids(connection: Connection, wanted: ColumnElement[bool]) -> list[int]:
    people = models.customers.c
    return list(connection.execute(select(people.id).where(wanted).order_by(people.id)).scalars())


def _drawn(ids: list[int]) -> list[int]:
    """At most ``SAMPLE`` of them by lot; the same ones each time."""
    if len(ids) <= SAMPLE:
        return ids
    chosen = np.random.default_rng(0).choice(len(ids), SAMPLE, replace=False)
    return [ids[at] for at in np.sort(chosen).tolist()]


def _columns(connection: Connection, shop: Shop, ids: list[int]) -> Columns:
    names = tuple(dict.fromkeys((*_JUDGED_BY, *shop.model.features, *_TOLD)))
    packed = list(_records(connection, ids))
    records = running.unpack(packed) if packed else running.empty(0)
    digits = exponent(shop.currency)
    return running.derive(records, shop.now, currency_exponent=digits, names=names)


def _records(connection: Connection, ids: list[int]) -> Iterator[bytes]:
    people = models.customers.c
    query = select(people.record).order_by(people.id)
    for start in range(0, len(ids), _PAGE):
        for row in connection.execute(query.where(people.id.in_(ids[start : start + _PAGE]))):
            yield bytes(row.record)


def _tree(
    connection: Connection, shop: Shop, segment: str, everybody: Columns, words: Words
) -> dict[str, Any] | None:
    """The tree's rules for a segment, and how far they are to be believed; None without a tree."""
    tree = kept_tree(connection, shop.number, shop.model)
    if tree is None:
        return None
    found = fidelity(tree, segment)
    return {
        "version": tree.version,
        "fidelity": msgspec.to_builtins(found),
        "agreement_now": agreement(tree, shop.model, everybody),
        "words": fidelity_words(words, found),
        "rules": [
            {**msgspec.to_builtins(rule), "words": rule_words(words, rule)}
            for rule in rules(tree, segment)
        ],
    }
