"""Whether a partition has something to do besides its stream: timers due, a model to judge by."""

from __future__ import annotations

from sqlalchemy import Connection, and_, exists, func, or_, select

from worker import models


def partitions_with_work(connection: Connection, wall: int) -> set[int]:
    """Partitions with timers due (by each store's own clock) or an unapplied model."""
    stores, timers = models.stores.c, models.timers.c
    is_due = exists().where(
        timers.store == stores.number,
        or_(
            and_(stores.clock == "wall", timers.due_at <= wall),
            and_(stores.clock == "log", timers.due_at <= stores.now),
        ),
    )
    columns = models.models.c
    newest = (
        select(func.coalesce(func.max(columns.version), 0))
        .where(columns.store == stores.number, columns.kind == "segments")
        .scalar_subquery()
    )
    query = select(stores.partition).where(or_(is_due, newest != stores.model)).distinct()
    return set(connection.execute(query).scalars())
