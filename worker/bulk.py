# ruff: noqa: S608 - statements are built of names of our own tables; values are parameters
"""Many rows in one statement: the speed of the drain, for both databases.

Every function works inside the caller's transaction, on the driver's own cursor. PostgreSQL gets
whole columns (``unnest``), SQLite ``executemany`` and ``json_each``. Rows are sequences in the
order of ``columns``; one statement must not touch a row twice, so the rows of one call differ in
their key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, LargeBinary, Table, Text

from worker import models

Row = Sequence[Any]
# Below the 32,766 variables of a default SQLite build; bytes cannot travel as JSON.
_CHUNK: Final = 30_000
_FEW: Final = 256
_PG_TYPES: Final = (
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (Boolean, "boolean"),
    (LargeBinary, "bytea"),
    (Text, "text"),
)


def upsert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Write rows whole: new keys are inserted, the given columns of known ones replaced."""
    _write(connection, table, tuple(columns), rows, "replace")


def increase(
    connection: Connection, table: Table, key: Sequence[str], count: str, rows: Sequence[Row]
) -> None:
    """Add to a count by key; ``rows`` are (*key, by)."""
    _write(connection, table, (*key, count), rows, "add")


def insert_missing(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert the rows whose key is not there yet; known ones stay as they are."""
    _write(connection, table, tuple(columns), rows, "keep")


def insert_new(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> set[Any]:
    """Insert the rows whose key is not there yet, and say which these were.

    Returns
    -------
    set
        The first column of each inserted row.
    """
    if not rows:
        return set()
    if connection.dialect.name == "postgresql":
        statement = _pg_write(table, tuple(columns), "keep") + f" RETURNING {_name(columns[0])}"
        return {row[0] for row in _pg_execute(connection, statement, _columns(rows))}
    # The writer is alone (BEGIN IMMEDIATE), so what lies above the greatest row id is ours.
    cursor = _driver(connection).cursor()
    last = cursor.execute(f"SELECT coalesce(max(rowid), 0) FROM {table.name}").fetchone()[0]
    cursor.executemany(_sqlite_write(table, tuple(columns), "keep"), rows)
    found = cursor.execute(
        f"SELECT {_name(columns[0])} FROM {table.name} WHERE rowid > ?",
        (last,),
    )
    return {row[0] for row in found}


def update(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Replace some columns of rows that are there, known by the first column given."""
    if not rows:
        return
    key, *rest = columns
    start = f"UPDATE {table.name} SET "
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"%b::{_pg_type(table.c[column])}[]" for column in columns)
        chosen = ", ".join(f"{_name(column)} = k.{_name(column)}" for column in rest)
        source = f" FROM unnest({arrays}) AS k({_names(columns)})"
        where = f" WHERE {table.name}.{_name(key)} = k.{_name(key)}"
        _pg_execute(connection, start + chosen + source + where, _columns(rows))
        return
    chosen = ", ".join(f"{_name(column)} = ?" for column in rest)
    statement = f"{start}{chosen} WHERE {_name(key)} = ?"
    values = [(*row[1:], row[0]) for row in rows]
    _driver(connection).cursor().executemany(statement, values)


def select_keys(
    connection: Connection, table: Table, columns: Sequence[str], key: str, keys: Iterable[Any]
) -> list[Row]:
    """The rows whose column ``key`` is among ``keys``, in any order."""
    wanted = list(keys)
    if not wanted:
        return []
    start = f"SELECT {_names(columns)} FROM {table.name} WHERE {_name(key)}"
    if connection.dialect.name == "postgresql":
        statement = f"{start} = ANY(%b::{_pg_type(table.c[key])}[])"
        return _pg_execute(connection, statement, [wanted])
    cursor = _driver(connection).cursor()
    if not isinstance(wanted[0], bytes):
        statement = f"{start} IN (SELECT value FROM json_each(?))"
        return list(cursor.execute(statement, (json.dumps(wanted),)))
    rows: list[Row] = []
    for at in range(0, len(wanted), _CHUNK):
        part = wanted[at : at + _CHUNK]
        rows += cursor.execute(f"{start} IN ({','.join('?' * len(part))})", part).fetchall()
    return rows


def by_column(connection: Connection, statement: str, values: Sequence[Any]) -> list[list[Any]]:
    """What a statement gives, a list for each column; no list if nothing. ``?`` is a value."""
    if connection.dialect.name == "postgresql":
        statement = statement.replace("%", "%%").replace("?", "%b")
        return _columns(_pg_execute(connection, statement, values))
    found: list[list[Any]] = []
    cursor = _driver(connection).cursor().execute(statement, values)
    # Few at a time: many new tuples would set off Python's search for cycles again and again.
    while part := cursor.fetchmany(_FEW):
        found = found or [[] for _ in part[0]]
        for column, its in zip(found, zip(*part, strict=True), strict=True):
            column.extend(its)
    return found


def select_pairs(
    connection: Connection, table: Table, columns: Sequence[str], store: int, keys: Iterable[str]
) -> list[Row]:
    """One store's rows of a table with the primary key (store, key), in any order."""
    wanted = list(keys)
    if not wanted:
        return []
    _, key = (column.name for column in table.primary_key)
    start = f"SELECT {_names(columns)} FROM {table.name} WHERE store ="
    if connection.dialect.name == "postgresql":
        statement = f"{start} %b AND {_name(key)} = ANY(%b::text[])"
        return _pg_execute(connection, statement, [store, wanted])
    statement = f"{start} ? AND {_name(key)} IN (SELECT value FROM json_each(?))"
    return list(_driver(connection).cursor().execute(statement, (store, json.dumps(wanted))))


def select_identities(
    connection: Connection, store: int, keys: Iterable[tuple[str, str]]
) -> list[Row]:
    """Who stands behind keys: (kind, key, customer, the platform's id, is known, last seen).

    In any order; the last is None of who was not seen.
    """
    wanted = list(keys)
    if not wanted:
        return []
    kinds, names = [kind for kind, _ in wanted], [name for _, name in wanted]
    chosen = "i.kind, i.key, i.customer, coalesce(c.platform_id, ''), coalesce(c.is_known, {no}), "
    chosen += "c.last_seen"
    joined = (
        f"JOIN {models.identities.name} i ON i.store = {{store}} AND i.kind = {{kind}} "
        f"AND i.key = {{key}} LEFT JOIN {models.customers.name} c ON c.id = i.customer"
    )
    if connection.dialect.name == "postgresql":
        statement = (
            f"SELECT {chosen.format(no='false')} "
            "FROM unnest(%b::text[], %b::text[]) AS k(kind, key) "
            + joined.format(store="%b", kind="k.kind", key="k.key")
        )
        return _pg_execute(connection, statement, [kinds, names, store])
    # CROSS keeps the keys outside: each is one look into the primary key.
    statement = f"SELECT {chosen.format(no='0')} FROM json_each(?) k CROSS " + joined.format(
        store="?", kind="json_extract(k.value, '$[0]')", key="json_extract(k.value, '$[1]')"
    )
    return list(_driver(connection).cursor().execute(statement, (json.dumps(wanted), store)))


def count_minutes(
    connection: Connection, spans: Sequence[tuple[int, int]], types: Iterable[str]
) -> list[Row]:
    """Browsers' events of these types in the log: (customer, begin, count) of customers' minutes.

    A minute is told by its begin, int microseconds; those without any are left out.
    """
    if not spans:
        return []
    inside = "e.customer = {who} AND e.at >= {begin} AND e.at < {begin} + 60000000"
    kinds = ", ".join(f"'{one}'" for one in sorted(types))
    where = f"{inside} AND e.source = 'browser' AND e.type IN ({kinds}) GROUP BY {{who}}, {{begin}}"
    start = "SELECT {who}, {begin}, count(*) FROM "
    if connection.dialect.name == "postgresql":
        form = f"{start}unnest(%b::bigint[], %b::bigint[]) AS k(who, begin) JOIN {{log}} e ON "
        names = {"who": "k.who", "begin": "k.begin", "log": models.events.name}
        return _pg_execute(connection, (form + where).format(**names), _columns(spans))
    form = f"{start}json_each(?) k CROSS JOIN {{log}} e ON "
    names = {
        "who": "json_extract(k.value, '$[0]')",
        "begin": "json_extract(k.value, '$[1]')",
        "log": models.events.name,
    }
    statement = (form + where).format(**names)
    return list(_driver(connection).cursor().execute(statement, (json.dumps(spans),)))


def delete_keys(connection: Connection, table: Table, key: str, keys: Iterable[Any]) -> None:
    """Delete the rows whose column ``key`` is among ``keys``."""
    wanted = list(keys)
    if not wanted:
        return
    start = f"DELETE FROM {table.name} WHERE {_name(key)}"
    if connection.dialect.name == "postgresql":
        _pg_execute(connection, f"{start} = ANY(%b::{_pg_type(table.c[key])}[])", [wanted])
        return
    _driver(connection).cursor().executemany(f"{start} = ?", [(one,) for one in wanted])


def _write(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], on: str
) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _pg_execute(connection, _pg_write(table, columns, on), _columns(rows))
    else:
        _driver(connection).cursor().executemany(_sqlite_write(table, columns, on), rows)


@lru_cache(maxsize=256)
def _sqlite_write(table: Table, columns: tuple[str, ...], on: str) -> str:
    marks = ",".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({_names(columns)}) VALUES ({marks})" + _on_conflict(
        table, columns, on
    )


@lru_cache(maxsize=256)
def _pg_write(table: Table, columns: tuple[str, ...], on: str) -> str:
    arrays = ", ".join(f"%b::{_pg_type(table.c[column])}[]" for column in columns)
    return (
        f"INSERT INTO {table.name} ({_names(columns)}) SELECT * FROM unnest({arrays})"
        + _on_conflict(table, columns, on)
    )


def _on_conflict(table: Table, columns: tuple[str, ...], on: str) -> str:
    key = [column.name for column in table.primary_key]
    rest = [column for column in columns if column not in key]
    target = f" ON CONFLICT ({_names(key)}) DO "
    if on == "keep" or not rest:
        return target + "NOTHING"
    start = f"{table.name}.{{0}} + " if on == "add" else ""
    return (
        target
        + "UPDATE SET "
        + ", ".join(
            f"{_name(one)} = {start.format(_name(one))}excluded.{_name(one)}" for one in rest
        )
    )


def _pg_execute(connection: Connection, statement: str, parameters: Sequence[Any]) -> list[Row]:
    with _driver(connection).cursor(binary=True) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    """Turned round; unequal rows are an error here, for ``unnest`` would fill up with NULL."""
    return [list(column) for column in zip(*rows, strict=True)]


def _pg_type(column: Column[Any]) -> str:
    return next(name for kind, name in _PG_TYPES if isinstance(column.type, kind))


def _name(column: str) -> str:
    return f'"{column}"'


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(_name, columns))


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
