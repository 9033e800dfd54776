"""What segments look like: sizes, what sets them apart, rules, and how people came and went."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from segmentation.explain_segments import differences, typical_rows
from segmentation.rules import STAGES, Columns
from segmentation.surrogate import agreement, fidelity, rules
from segmentation.wording import Words
from segmentation.wording_groups import segment_words
from segmentation.wording_segments import difference_words, fidelity_words, rule_words
from worker import models
from worker.drawing import JUDGED_BY, drawn, features_of, ids_of, is_buyer
from worker.errors import ShoalError
from worker.known_fields import known_fields, sentence, used_fields
from worker.segment_changes import changes
from worker.shop import Shop
from worker.surrogates import kept_tree
from worker.wording import sample_words


class UnknownSegment(ShoalError):
    """No stage or group of that name."""

    exit_code = 2


def groups_of(
    connection: Connection, shop: Shop, words: Words | None = None
) -> list[dict[str, Any]]:
    """Every group of the model in force with its stage, name and number of customers.

    Without ``words`` the names are in English.
    """
    told = words or Words()
    people = models.customers.c
    sizes = {
        row.grouping: row.size
        for row in connection.execute(
            select(people.grouping, func.count().label("size"))
            .where(is_buyer(shop.number))
            .group_by(people.grouping)
        )
    }
    return [
        {
            "id": group.id,
            "stage": group.stage,
            "name": segment_words(told, group.id),
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
    people, buyer = models.customers.c, is_buyer(shop.number)
    member = (people.segment == segment) | (people.grouping == segment)
    buyers, members = ids_of(connection, buyer), ids_of(connection, buyer & member)
    everybody = features_of(connection, shop, drawn(buyers))
    looked_at = drawn(members)
    columns = features_of(connection, shop, looked_at)
    judged_by = shop.model.features or JUDGED_BY
    own = shop.model.constructed
    apart = differences(columns, everybody, own) if members else ()
    named = (*judged_by, *(one.feature for one in apart))
    return {
        "id": segment,
        "name": segment_words(words, segment),
        "customers": len(members),
        "shop": len(buyers),
        "share": len(members) / max(len(buyers), 1),
        "model": shop.model.version,
        "kind": shop.model.kind,
        "read": {"customers": len(looked_at), "shop": len(everybody["orders"])},
        "read_words": sample_words(words, len(everybody["orders"]), len(buyers)),
        "profile": [
            {**msgspec.to_builtins(one), "words": difference_words(words, one)} for one in apart
        ],
        "known": [
            {**msgspec.to_builtins(one), "words": sentence(words, one)}
            for one in known_fields(connection, shop, used_fields(named, own))
        ],
        "tree": _tree(connection, shop, segment, everybody, words),
        "typical": [looked_at[row] for row in typical_rows(columns, everybody, judged_by, own)],
        "changes": changes(connection, shop, segment, len(members), words),
    }


def _require(shop: Shop, segment: str) -> None:
    names = (*STAGES, *(group.id for group in shop.model.groups))
    if segment not in names:
        near = get_close_matches(segment, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"segment {segment!r}: expected one of {', '.join(names)}{hint}"
        raise UnknownSegment(message)


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
