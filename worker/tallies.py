"""Counts that people read: added to in the transaction that makes them true."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from worker import bulk, models


def add(connection: Connection, store: int, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to a store's tallies, by (name, label)."""
    rows = [(store, name, label, by) for (name, label), by in sorted(counts.items()) if by]
    bulk.increase(connection, models.tallies, ("store", "name", "label"), "count", rows)


def read(connection: Connection, store: int) -> dict[tuple[str, str], int]:
    """A store's tallies, by (name, label)."""
    columns = models.tallies.c
    rows = connection.execute(
        select(columns.name, columns.label, columns["count"]).where(columns.store == store)
    )
    return {(name, label): count for name, label, count in rows}
