"""The small tree beside a model's version: learned where models are, kept as numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, select

from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel
from segmentation.rules import Columns
from segmentation.surrogate import Surrogate, continued, from_json, to_json
from worker import bulk, models

KIND: Final = "tree"
ENOUGH: Final = 2_000
"""Customers that a tree is learned from between refits; a smaller sample leaves the last one."""

_LOOKED_AT: Final = 20  # the newest trees


def keep_tree(
    connection: Connection, store: int, model: SegmentModel, columns: Columns, now: int
) -> None:
    """Learn a version's tree from a sample of customers and keep it; nothing from too few.

    ``now`` is the wall's time in microseconds.
    """
    with _without_pandas():
        from segmentation.surrogate_learning import fit  # noqa: PLC0415 - loads scikit-learn
    tree = fit(model, columns, seed=model.version)
    if tree is None:
        return
    names = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
    row = (store, KIND, model.version, to_json(tree), now, len(columns["orders"]), "{}")
    bulk.insert_missing(connection, models.models, names, [row])


@contextmanager
def _without_pandas() -> Iterator[None]:
    """scikit-learn loads pandas where it finds it: 100 MB for tables that no tree sees."""
    is_loaded = "pandas" in sys.modules
    if not is_loaded:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # how Python marks what is absent
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules["pandas"]


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
