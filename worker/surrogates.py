"""The small tree beside a model's version: learned where models are, kept as numbers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from connectors.events import microseconds
from segmentation.constructed import completed
from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel
from segmentation.rules import Columns
from segmentation.surrogate import Surrogate, continued, from_json, to_json
from worker import bulk, models
from worker.database import reading, transaction
from worker.drawing import buyers_of, drawn, features_of, ids_of, is_buyer
from worker.loading import without_pandas
from worker.runtime import Kit
from worker.shop import Shop, model_in_force

KIND: Final = "tree"
"""Of the rows in the table of models."""

ENOUGH: Final = 2_000
"""Customers that a tree is learned from; a smaller sample of the shop leaves the last tree."""

_LOOKED_AT: Final = 20  # the newest trees


def keep_tree(kit: Kit, store: int, model: SegmentModel, columns: Columns) -> None:
    """Learn a version's tree from what the version was learned from, and keep it.

    Between two looks at the whole shop a pass reads few customers: then the last tree stays,
    unless the groups are others now. Nothing is kept from too few.
    """
    with reading(kit.engine) as connection:
        is_needed = _is_needed(connection, store, model, int((columns["orders"] > 0).sum()))
    if not is_needed:
        return
    with without_pandas():
        from segmentation.surrogate_learning import fit  # noqa: PLC0415 - loads scikit-learn
    tree = fit(model, completed(columns, model.constructed), seed=model.version)
    if tree is None:
        return
    names = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
    body, now, read_from = to_json(tree), microseconds(kit.clock()), len(columns["orders"])
    row = (store, KIND, model.version, body, now, read_from, "{}")
    with transaction(kit.engine) as connection:
        bulk.insert_missing(connection, models.models, names, [row])


def learn_tree(kit: Kit, shop: Shop) -> None:
    """Learn the tree of the version in force, from customers drawn by lot, and keep it."""
    with reading(kit.engine) as connection:
        model = model_in_force(connection, shop.number)
        ids = drawn(ids_of(connection, is_buyer(shop.number)))
        columns = features_of(connection, shop, ids)
    keep_tree(kit, shop.number, model, columns)


def _is_needed(connection: Connection, store: int, model: SegmentModel, buyers: int) -> bool:
    if buyers >= ENOUGH or kept_tree(connection, store, model) is None:
        return True
    return buyers >= buyers_of(connection, store)


def kept_tree(connection: Connection, store: int, model: SegmentModel) -> Surrogate | None:
    """The newest tree that tells the groups of this model apart; None before there is one."""
    columns = models.models.c
    bodies = connection.execute(
        select(columns.body)
        .where(columns.store == store, columns.kind == KIND)
        .order_by(columns.version.desc())
        .limit(_LOOKED_AT)
    ).scalars()
    for body in bodies:
        try:
            found = continued(from_json(body), model)
        except IncompatibleModel:
            continue
        if found is not None:
            return found
    return None
