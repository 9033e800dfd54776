"""Whether a partition has something to do besides its stream: timers due, a new model or rule."""

from __future__ import annotations

from sqlalchemy import Connection, and_, exists, func, or_, select

from worker import models


def partitions_with_work(connection: Connection, wall: int) -> set[int]:
    """Partitions with timers due (by each store's own clock) or an unapplied model or rule."""
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
    rules = models.rules.c
    is_edited = exists().where(rules.store == stores.number, rules.version != rules.judged)
    query = select(stores.partition).where(or_(is_due, newest != stores.model, is_edited))
    return set(connection.execute(query.distinct()).scalars())
