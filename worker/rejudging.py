"""Everybody to where a new model puts them, before anything else happens to them.

Other groups move people silently: no room of the drain has to see it, so that a page at a time only
the columns that change are written, not the records. Groups that only went on a little settle who
had come away from theirs in the meantime: that is time's doing, and wakes campaigns.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select, update

from segmentation import running
from segmentation.errors import SegmentationError
from segmentation.model import from_json
from worker import bulk, buyers, judging, models, tallies
from worker.shop import Shop

_READ: Final = ("id", "segment", "grouping", "segment_since", "segment_changes")
_log = logging.getLogger("shoal.drain")


def judge_anew(connection: Connection, shop: Shop) -> tuple[Shop, list[int]]:
    """Move everybody whom only the new model moves.

    Returns
    -------
    tuple
        The store after it, and who belongs elsewhere by the version before as well: they are left
        to the batch.
    """
    before, moved, settled = _followed(connection, shop), 0, list[int]()
    for ids, groupings, records in buyers.pages(connection, shop, None):
        groups = judging.groups_of(shop, records, groupings, shop.now)
        targets = judging.elsewhere(shop.model, ids, groupings, groups)
        if before is not None:
            groups = judging.groups_of(before, records, groupings, shop.now)
            gone = judging.elsewhere(before.model, ids, groupings, groups)
            settled += targets.keys() & gone.keys()
            targets = {one: group for one, group in targets.items() if one not in gone}
        _move(connection, shop, targets)
        moved += len(targets)
    stores = models.stores
    connection.execute(
        update(stores).where(stores.c.number == shop.number).values(model=shop.model.version)
    )
    tallies.add(connection, shop.number, {("segment_changes", "model"): moved})
    return replace(shop, judged_by=shop.model.version), sorted(settled)


def _followed(connection: Connection, shop: Shop) -> Shop | None:
    """The store under the version that people were judged by, if the new one follows that.

    One that cannot be used any more has nothing to say: as if none were followed.
    """
    if not 0 < shop.model.follows == shop.judged_by:
        return None
    columns = models.models.c
    is_it = (columns.store == shop.number) & (columns.kind == "segments")
    query = select(columns.body).where(is_it, columns.version == shop.judged_by)
    try:
        before = replace(shop, model=from_json(connection.execute(query).scalar() or ""))
        judging.groups_of(before, running.empty(0), (), shop.now)
    except SegmentationError as error:
        told = "store %s: segment model version %s, which version %s follows, cannot be used (%s): "
        told += "whom time had moved away from their group is moved by the new version, silently"
        _log.warning(told, shop.id, shop.judged_by, shop.model.version, error)
        return None
    return before


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
