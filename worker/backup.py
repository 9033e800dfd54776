"""`shoal backup`: one file with everything of the database, taken while all processes run.

SQLite is copied by its own online backup, PostgreSQL by ``COPY`` in one repeatable-read
transaction: both are the state after one commit, cursors included, and hold nobody up. Keys stay
outside: the file names them, and what is sealed in it stays sealed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.engine import URL

from connectors.events import microseconds
from worker import cursors, models, process_clock, rotation
from worker.backup_file import (
    FORMAT,
    SQLITE_MEMBER,
    Keys,
    Manifest,
    TableCopy,
    add_manifest,
    add_member,
    table_member,
)
from worker.database import (
    VERSION_TABLE,
    database_url,
    open_engine,
    reading,
    schema_version,
)
from worker.errors import BackupRefused
from worker.sealing import key_ids
from worker.secret_key import secret_keys
from worker.settings import Settings

_PART: Final = 1 << 20
# What SQLite counts up in its first page whenever a file is written, whatever is in it.
_COUNTERS: Final = (slice(18, 20), slice(24, 28), slice(92, 100))
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_LEVEL: Final = 3  # of compression: nearly as small as 6 in a third of the time


def back_up(settings: Settings, path: Path) -> Manifest:
    """Write a backup to a file that is not there yet; what its manifest says.

    Raises
    ------
    BackupRefused
        If there is such a file, no folder for it, or nothing to back up.
    SecretKeyMissing
        If there is no key to name.
    DatabaseDown
        If the database does not answer.
    """
    if path.exists():
        msg = f"{path}: there is such a file; expected a new name"
        raise BackupRefused(msg)
    if not path.absolute().parent.is_dir():
        msg = f"{path}: there is no folder {path.absolute().parent}; make it, or name another"
        raise BackupRefused(msg)
    keys = secret_keys(settings)
    engine = open_engine(database_url(settings))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".shoal-backup-", dir=path.absolute().parent) as own,
            os.fdopen(os.open(draft, _NEW, 0o600), "wb") as file,
        ):
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                is_sqlite = engine.dialect.name == "sqlite"
                take = _from_sqlite if is_sqlite else _from_postgresql
                manifest = take(engine, keys, tar, Path(own))
                add_manifest(tar, manifest)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _remember(engine, path, manifest)
    finally:
        draft.unlink(missing_ok=True)
        engine.dispose()
    return manifest


class LastBackup(msgspec.Struct, frozen=True):
    """The newest backup of an SQLite file: where it was written, and what was in it."""

    file: str
    content: str


def last_backup(engine: Engine) -> LastBackup | None:
    """What was noted beside an SQLite file when it was last backed up."""
    try:
        return msgspec.json.decode(_record(engine).read_bytes(), type=LastBackup)
    except (OSError, msgspec.MsgspecError):
        return None


def _remember(engine: Engine, path: Path, manifest: Manifest) -> None:
    if manifest.content:
        told = msgspec.json.encode(LastBackup(str(path.absolute()), manifest.content))
        _record(engine).write_bytes(told)


def _record(engine: Engine) -> Path:
    place = Path(str(engine.url.database))
    return place.with_name(place.name + ".backup.json")


def sqlite_copy(engine: Engine, into: Path) -> None:
    """A consistent copy of an SQLite file while others write to it.

    Raises
    ------
    BackupRefused
        If the file is damaged.
    """
    with (
        closing(sqlite3.connect(str(engine.url.database), timeout=60)) as source,
        closing(sqlite3.connect(into)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        msg = f"{engine.url.database} is damaged ({said}): expected an older backup to restore"
        raise BackupRefused(msg)


def content_of(path: Path) -> str:
    """SHA-256 of an SQLite copy's pages, the same for as long as no row changes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        first = bytearray(file.read(4_096))
        for place in _COUNTERS:
            first[place] = bytes(place.stop - place.start)
        digest.update(first)
        while part := file.read(_PART):
            digest.update(part)
    return digest.hexdigest()


def shoal_tables(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Our tables that are there, whatever their revision, with their columns."""
    there = inspect(connection)
    names = sorted(name for name in there.get_table_names() if name.startswith(models.PREFIX))
    return {
        name: tuple(str(column["name"]) for column in there.get_columns(name))
        for name in names
        if name != VERSION_TABLE
    }


def _from_sqlite(engine: Engine, keys: str, tar: tarfile.TarFile, own: Path) -> Manifest:
    if not Path(str(engine.url.database)).exists():
        msg = f"{engine.url.database}: there is no database yet: expected one to back up"
        raise BackupRefused(msg)
    made_at = microseconds(process_clock.now())
    copy, packed = own / "database.sqlite", own / SQLITE_MEMBER
    sqlite_copy(engine, copy)
    content = content_of(copy)
    with copy.open("rb") as plain, gzip.open(packed, "wb", compresslevel=_LEVEL) as file:
        while part := plain.read(_PART):
            file.write(part)
    copied = open_engine(URL.create("sqlite", database=str(copy)))
    try:
        with reading(copied) as connection:
            manifest = _described(connection, keys, made_at)
    finally:
        copied.dispose()
    members = {SQLITE_MEMBER: add_member(tar, SQLITE_MEMBER, packed)}
    return _with(manifest, content, members)


def _from_postgresql(engine: Engine, keys: str, tar: tarfile.TarFile, own: Path) -> Manifest:
    made_at = microseconds(process_clock.now())
    members = {}
    with reading(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        manifest = _described(connection, keys, made_at)
        for name, copied in manifest.tables.items():
            path = own / "rows.gz"
            _copy_out(connection, name, copied.columns, path)
            members[table_member(name)] = add_member(tar, table_member(name), path)
    return _with(manifest, "", members)


def _copy_out(connection: Connection, table: str, columns: tuple[str, ...], path: Path) -> None:
    driver: Any = connection.connection.driver_connection
    names = ", ".join(f'"{column}"' for column in columns)
    with (
        gzip.open(path, "wb", compresslevel=_LEVEL) as file,
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) TO STDOUT") as copied,
    ):
        for part in copied:
            file.write(bytes(part))


def _described(connection: Connection, keys: str, made_at: int) -> Manifest:
    """What is said of a state; it does not change meanwhile."""
    revision = schema_version(connection)
    if not revision:
        where = connection.engine.url.render_as_string(hide_password=True)
        msg = f"database {where} has no tables of Shoal's: there is nothing to back up"
        raise BackupRefused(msg)
    tables = {
        name: TableCopy(columns, _count(connection, name))
        for name, columns in shoal_tables(connection).items()
    }
    kind: Any = connection.dialect.name
    dialect = ".".join(map(str, connection.dialect.server_version_info or ()))
    return Manifest(
        format=FORMAT,
        kind=kind,
        made_at=made_at,
        revision=revision,
        versions={
            "shoal": version("shoal"),
            "python": platform.python_version(),
            kind: dialect,
        },
        keys=Keys(key_ids(keys)[-1], tuple(sorted(rotation.sealed_by(connection)))),
        stores=tuple(connection.execute(select(models.stores.c.id)).scalars()),
        cursors=cursors.positions(connection),
        tables=tables,
        content="",
        members={},
    )


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - a table of ours


def _with(manifest: Manifest, content: str, members: dict[str, str]) -> Manifest:
    return msgspec.structs.replace(manifest, content=content, members=members)
