"""What waits to be pushed or rewritten, in the words of the database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, and_, case, exists, select

from worker import models

# In `meta` from the first erasure on until files were rewritten: since when (worker.tidying).
FILES_OWED: Final = "erasure_files_owed"


def is_claimable(now: Any, wall: int) -> Any:
    """The condition that an action can be claimed.

    Parameters
    ----------
    now
        Its store's business time: a number or an expression, in microseconds.
    wall
        Operating time, int microseconds.
    """
    actions = models.actions.c
    return and_(actions.state == "due", actions.due_at <= now, actions.try_at <= wall)


def stores_due(connection: Connection, wall: int) -> list[int]:
    """Numbers of the stores that have claimable actions and are not paused."""
    stores = models.stores.c
    now = case((stores.clock == "log", stores.now), else_=wall)
    has_some = exists().where(models.actions.c.store == stores.number, is_claimable(now, wall))
    query = select(stores.number).where(stores.paused == "", has_some).order_by(stores.number)
    return list(connection.execute(query).scalars())


def files_owed_since(connection: Connection) -> int | None:
    """Since when (operating time, int microseconds) files await rewriting; None: they do not."""
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == FILES_OWED)).scalar()
    return None if found is None else int(str(found))
