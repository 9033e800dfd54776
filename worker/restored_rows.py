"""The rows of a backup into the tables of either database."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Integer, LargeBinary, Table

from worker import backup_file, bulk, models
from worker.backup_file import SQLITE_MEMBER, Cell, Manifest, table_member
from worker.database import HEAD
from worker.errors import BackupRefused

_ROWS: Final = 5_000  # of one statement
_Rows = Callable[[Table], Iterator[Sequence[Any]]]


def fill(connection: Connection, tar: tarfile.TarFile, manifest: Manifest, path: Path) -> None:
    """Write every table's rows, inside the caller's transaction, into empty tables.

    The tables are at the backup's revision.

    Raises
    ------
    BackupRefused
        If the backup is of the other kind of database and of another revision.
    """
    if connection.dialect.name == manifest.kind == "postgresql":
        for name, copied in manifest.tables.items():
            _copy_in(connection, name, copied.columns, tar, path)
        return
    if manifest.revision != HEAD:
        msg = (
            f"{path}: {manifest.kind} at revision {manifest.revision}: expected {HEAD}, or the "
            "same kind of database, which is upgraded"
        )
        raise BackupRefused(msg)
    opened = _of_sqlite if manifest.kind == "sqlite" else _of_postgresql
    with opened(tar, manifest, path) as rows:
        for table in models.metadata.tables.values():
            names = tuple(column.name for column in table.columns)
            for part in iter(partial(_next, rows(table)), []):
                bulk.insert_missing(connection, table, names, part)


def _next(rows: Iterator[Sequence[Any]]) -> list[Sequence[Any]]:
    return list(islice(rows, _ROWS))


def _copy_in(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    tar: tarfile.TarFile,
    path: Path,
) -> None:
    driver: Any = connection.connection.driver_connection
    names = ", ".join(f'"{column}"' for column in columns)
    with (
        backup_file.unpacked(tar, table_member(table), path) as file,
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for part in backup_file.parts(file):
            copy.write(part)


@contextmanager
def _of_postgresql(tar: tarfile.TarFile, manifest: Manifest, path: Path) -> Iterator[_Rows]:
    def rows(table: Table) -> Iterator[Sequence[Any]]:
        names = manifest.tables[table.name].columns
        columns = [table.c[name] for name in names]
        order = [names.index(column.name) for column in table.columns]
        with backup_file.unpacked(tar, table_member(table.name), path) as file:
            for line in file:
                found = backup_file.cells(line.decode())
                values = [_value(*pair) for pair in zip(columns, found, strict=True)]
                yield [values[place] for place in order]

    yield rows


def _value(column: Column[Any], cell: Cell) -> Any:
    if cell is None:
        return None
    if isinstance(column.type, LargeBinary):
        return bytes.fromhex(cell.removeprefix("\\x"))
    if isinstance(column.type, Boolean):
        return cell == "t"
    return int(cell) if isinstance(column.type, Integer) else cell


@contextmanager
def _of_sqlite(tar: tarfile.TarFile, _: Manifest, path: Path) -> Iterator[_Rows]:
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as copy:
        with backup_file.unpacked(tar, SQLITE_MEMBER, path) as file:
            shutil.copyfileobj(file, copy)
        copy.flush()
        with closing(sqlite3.connect(copy.name)) as source:
            yield lambda table: _read(source, table)


def _read(source: sqlite3.Connection, table: Table) -> Iterator[Sequence[Any]]:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    is_flag = [isinstance(column.type, Boolean) for column in table.columns]
    for row in source.execute(f"SELECT {names} FROM {table.name}"):  # noqa: S608 - tables of ours
        yield [bool(value) if flag else value for value, flag in zip(row, is_flag, strict=True)]
