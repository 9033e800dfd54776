"""The database: one engine a process, SQLite or PostgreSQL, and whole transactions.

SQLite: write-ahead log with ``synchronous=FULL`` (the stream is trimmed after a commit, so a commit
must survive a power cut) and ``BEGIN IMMEDIATE`` for every writing transaction (a transaction that
reads first and writes later fails at once instead of waiting). PostgreSQL: psycopg 3.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError

from worker.errors import DatabaseDown, SchemaBehind, SettingError
from worker.settings import Settings

FILE: Final = "shoal.db"
RECORDS: Final = 3  # segmentation.record.SCHEMA, which is too much to import for a number
READABLE: Final = frozenset({1, 2, 3})  # and its FORMER: those are filled up when read
HEAD: Final = "0007"  # the newest revision under worker/migrations/versions
_RECORDS: Final = "record_schema"
VERSION_TABLE: Final = "shoal_schema_version"
_READING: Final = "shoal_reading"
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 10000",
    # 20,000 pages (80 MB) between checkpoints: half again as many events a second as 1,000.
    "PRAGMA wal_autocheckpoint = 20000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",
)


def database_url(settings: Settings) -> URL:
    """Where the database is; the SQLite file under the home unless a URL was given."""
    if settings.is_embedded_database:
        return URL.create("sqlite", database=str(settings.home / FILE))
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        msg = "SHOAL_DATABASE_URL is not a URL: expected postgresql://user:password@host/database"
        raise SettingError(msg) from None
    if url.get_backend_name() == "sqlite" and not url.database:
        msg = "SHOAL_DATABASE_URL names no file: expected sqlite:////folder/shoal.db"
        raise SettingError(msg)
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def open_engine(url: URL | str, *, connections: int = 5) -> Engine:
    """An engine for this process. Never use it in a forked child: make another (worker.runtime).

    Parameters
    ----------
    connections
        How many may be open at a time.
    """
    url = make_url(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=not is_sqlite,
        hide_parameters=True,  # an error's text must not show what was being written
        connect_args={} if is_sqlite else {"connect_timeout": 5, "application_name": "shoal"},
    )
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A writing transaction: committed at the end of the block, undone by any error.

    Raises
    ------
    DatabaseDown
        If no connection can be made.
    sqlalchemy.exc.DBAPIError
        What the database says afterwards.
    """
    with _connected(engine) as connection, _one_kind_of_error(engine), connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: on SQLite it waits for no writer and holds none up."""
    with _connected(engine) as connection:
        reader = connection.execution_options(**{_READING: True})
        with reader.begin() as begun:
            yield reader
            begun.rollback()


def is_reading(connection: Connection) -> bool:
    """Whether a connection is in a transaction that only reads."""
    return bool(connection.get_execution_options().get(_READING, False))


def schema_version(connection: Connection) -> str:
    """The revision that the tables are at; empty when there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own constant
    return str(found or "")


def record_schema(connection: Connection) -> int:
    """The schema that customers' records were written by; the first when nobody noted it."""
    query = text("SELECT value FROM shoal_meta WHERE name = :name")
    found = connection.execute(query, {"name": _RECORDS}).scalar()
    return int(str(found or 1))


def check_schema(engine: Engine) -> None:
    """Pass if the tables are those of this version of Shoal.

    Raises
    ------
    SchemaBehind
        Saying what to run.
    """
    with reading(engine) as connection:
        found = schema_version(connection)
        records = record_schema(connection) if found == HEAD else RECORDS
    where = engine.url.render_as_string(hide_password=True)
    if found != HEAD:
        is_at = f"is at revision {found}" if found else "has no tables of Shoal's yet"
        msg = f"database {where} {is_at}, this version needs {HEAD}: run `shoal db upgrade`"
        raise SchemaBehind(msg)
    if records not in READABLE:
        msg = (
            f"database {where} holds customers' records of schema {records}, this version needs "
            f"{RECORDS}: run `shoal db upgrade`, which computes them again from orders and events"
        )
        raise SchemaBehind(msg)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to date. Two that upgrade at once wait for each other."""
    # Alembic takes half a second to import, and hardly any process needs it.
    from worker.migrations.run import run_migrations  # noqa: PLC0415 - see above

    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7304118)"))
        run_migrations(connection, revision)
        if revision == "head":
            _refold(connection)


def _refold(connection: Connection) -> None:
    """Records that cannot be read are computed again, in the transaction that brings the tables."""
    found = record_schema(connection)
    if found == RECORDS:
        return
    # The features need numpy, and hardly any process needs them here.
    from worker import bulk, models  # noqa: PLC0415 - see above
    from worker.refolding import refold_all  # noqa: PLC0415 - see above

    if found not in READABLE:
        refold_all(connection)
    columns = ("name", "value")
    bulk.upsert(connection, models.meta, columns, [(_RECORDS, str(RECORDS))])


def ensure_schema(engine: Engine) -> bool:
    """Upgrade if the tables are not at this version; whether there was something to do."""
    try:
        check_schema(engine)
    except SchemaBehind:
        upgrade(engine)
        return True
    return False


@contextmanager
def _one_kind_of_error(engine: Engine) -> Iterator[None]:
    """What worker.bulk does on the driver's own cursor fails like everything else."""
    driver: Any = engine.dialect.dbapi
    try:
        yield
    except driver.Error as error:
        statement = "a bulk statement"
        raise DBAPIError.instance(
            statement,
            None,
            error,
            driver.Error,
            hide_parameters=True,
            dialect=engine.dialect,
        ) from error


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except DatabaseError as error:
        where = engine.url.render_as_string(hide_password=True)
        if isinstance(error, OperationalError):
            msg = f"database {where} does not answer ({_why(error)})"
            raise DatabaseDown(msg) from None
        msg = f"database {where} cannot be read ({_why(error)})"
        raise SettingError(msg) from None
    with connection:
        yield connection


def _why(error: DatabaseError) -> str:
    """The driver's own first line, which names host and cause; it has no password in it."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip() if lines else type(error.orig).__name__


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # We say BEGIN ourselves: the driver's own would come after the first reading statement.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if is_reading(connection) else "BEGIN IMMEDIATE")
