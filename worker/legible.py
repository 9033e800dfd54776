"""What a customer's row says in JSON, attributes and consents, also where it cannot be read.

A text that cannot be read says nothing: what is asked of everybody goes on, and no event is blamed
for somebody else's row. Whose it is, is logged once a process, counted by our own id, and told as a
trouble for as long as it stands.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, select

from worker import bulk, models

TALLY: Final = "unreadable_rows"
COLUMNS: Final = ("attributes", "consents")
ADVICE: Final = "save them anew in the store, which says them again"
_NAMED: Final = 5
NOTHING: Final[Mapping[str, Any]] = {}
_log = logging.getLogger("shoal.drain")


@lru_cache(maxsize=4096)
def decoded(text: str) -> Mapping[str, Any] | None:
    """What a column says, to be read only; None if it cannot be read."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):  # what is nested too deeply
        return None


def said(customer: int, column: str, text: str) -> Mapping[str, Any]:
    """What somebody's column says, to be read only; nothing, said in the log, if unreadable."""
    found = decoded(text)
    if found is None:
        log_once(customer, column)
    return found or NOTHING


def forget(connection: Connection, customers: Iterable[int]) -> None:
    """Delete what was counted of some customers."""
    columns = models.tallies.c
    mine = columns.label.in_([str(one) for one in customers])
    connection.execute(delete(models.tallies).where(columns.name == TALLY, mine))


def lost(connection: Connection, noted: Iterable[str]) -> list[int]:
    """Of customers who were counted (the tally's labels) those who are unreadable still."""
    wanted = sorted(map(int, noted))
    rows = bulk.select_keys(connection, models.customers, ("id", *COLUMNS), "id", wanted)
    return sorted(int(row[0]) for row in rows if None in map(decoded, row[1:]))


def lost_by_store(connection: Connection) -> dict[str, list[int]]:
    """The same of every store, by its id; stores without any are left out."""
    stores, counted = models.stores.c, models.tallies.c
    rows = connection.execute(
        select(stores.id, counted.label)
        .join(models.stores, stores.number == counted.store)
        .where(counted.name == TALLY)
    )
    noted = defaultdict[str, list[str]](list)
    for name, label in rows:
        noted[name].append(label)
    found = {name: lost(connection, its) for name, its in sorted(noted.items())}
    return {name: ids for name, ids in found.items() if ids}


def sentence(ids: Sequence[int]) -> str:
    """What is told of customers who cannot be read, the first few by our ids."""
    told = ", ".join(map(str, ids[:_NAMED])) + (" …" if len(ids) > _NAMED else "")
    count = "1 customer" if len(ids) == 1 else f"{len(ids)} customers"
    return f"attributes or consents of {count} cannot be read ({told}): they count as unknown"


@lru_cache(maxsize=4096)
def log_once(customer: int, column: str) -> None:
    """Say in the log that somebody's column cannot be read, once a process."""
    _log.warning("customer %s: %s cannot be read and count as unknown", customer, column)
