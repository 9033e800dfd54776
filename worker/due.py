"""What waits to be pushed or rewritten, in the words of the database."""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Connection, and_, case, exists, select

from worker import bulk, models

# In `meta` from an erasure on until all files were rewritten: since when (worker.tidying).
FILES_OWED: Final = "erasure_files_owed"
# In `meta` from the first erasure on, for ever: when the append-only file was rewritten. What is
# told of an erased person later is dropped by the drain, but it came through that file.
STREAM_OWED: Final = "erasure_stream_owed"


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


def owe_files(connection: Connection, since: int) -> None:
    """Note that files are to be rewritten; who is rewriting them just now can tell that more came.

    Parameters
    ----------
    since
        Operating time, int microseconds; an older debt keeps its own.
    """
    oldest = min([since, *(at for at, _ in debts(connection, FILES_OWED).values())])
    value = f"{oldest} {secrets.token_hex(8)}"
    bulk.upsert(connection, models.meta, ("name", "value"), [(FILES_OWED, value)])


def debts(connection: Connection, *names: str) -> dict[str, tuple[int, str]]:
    """What is owed, of these names: since when (int microseconds), and the row's whole value."""
    meta = models.meta.c
    rows = connection.execute(select(meta.name, meta.value).where(meta.name.in_(names)))
    return {str(name): (int(str(value).split()[0]), str(value)) for name, value in rows}
