"""Everybody to where a new model puts them, before anything else happens to them.

It wakes nobody, whatever it moves, so that no room of the drain has to see it: a page at a time
only the columns that change are written, not the records.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, update

from worker import bulk, buyers, judging, models, tallies
from worker.shop import Shop

_READ: Final = ("id", "segment", "grouping", "segment_since", "segment_changes")


def judge_anew(connection: Connection, shop: Shop) -> Shop:
    """Move everybody whose group is another one under the model in force; the store after it."""
    moved = 0
    for ids, groupings, records in buyers.pages(connection, shop, None):
        groups = judging.groups_of(shop, records, groupings, shop.now)
        targets = judging.elsewhere(shop.model, ids, groupings, groups)
        _move(connection, shop, targets)
        moved += len(targets)
    stores = models.stores
    connection.execute(
        update(stores).where(stores.c.number == shop.number).values(model=shop.model.version)
    )
    tallies.add(connection, shop.number, {("segment_changes", "model"): moved})
    return replace(shop, judged_by=shop.model.version)


def _move(connection: Connection, shop: Shop, targets: dict[int, int]) -> None:
    """Write some customers' moves; ``targets`` are their groups as indices of the model."""
    changed, noted = [], []
    for row in bulk.select_keys(connection, models.customers, _READ, "id", targets):
        customer, before, group_before, since, number = row
        after, group_after = judging.named(shop.model, targets[customer])
        since = since if after == before else shop.now
        changed.append((customer, after, group_after, since, number + 1))
        what = (before, after, group_before, group_after, "model", shop.model.version)
        noted.append((customer, number + 1, shop.number, shop.now, *what))
    bulk.update(connection, models.customers, _READ, changed)
    bulk.upsert(connection, models.segment_changes, judging.CHANGE, noted)
