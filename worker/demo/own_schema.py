"""On PostgreSQL the demo plays in a schema of its own: beside whatever is there, and then gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from worker.database import database_url, open_engine, transaction
from worker.errors import SettingError
from worker.settings import Settings

_LOCK: Final = 7304119  # the first of two keys; the second is the schema's name
_PLAYS: Final = f"pg_try_advisory_lock({_LOCK}, hashtext(:schema))"
_OURS: Final = "shoal_demo_"


@contextmanager
def own_schema(settings: Settings, name: str, *, keep: bool) -> Iterator[Settings]:
    """Settings whose PostgreSQL database is a new schema; of any other database as they are.

    Parameters
    ----------
    name
        Part of the schema's name.
    keep
        Leave the schema; else it is dropped, and so are those of demos that were killed.

    Raises
    ------
    SettingError
        If the database's user may not make a schema.
    """
    url = database_url(settings)
    if settings.is_embedded_database or url.get_backend_name() != "postgresql":
        yield settings
        return
    schema = f"{'shoal_kept_' if keep else _OURS}{name}"
    engine = open_engine(url, connections=2)
    try:
        with _playing(engine, schema):
            _drop_leftovers(engine)
            _create(engine, schema)
            try:
                made = _inside(url, schema).render_as_string(hide_password=False)
                yield replace(settings, database_url=made)
            finally:
                if not keep:
                    _drop(engine, schema)
    finally:
        engine.dispose()


def _inside(url: URL, schema: str) -> URL:
    """The same database with everything in one schema."""
    given = url.query.get("options", "")
    options = given if isinstance(given, str) else " ".join(given)
    return url.update_query_dict({"options": f"{options} -csearch_path={schema}".strip()})


@contextmanager
def _playing(engine: Engine, schema: str) -> Iterator[None]:
    """Hold a lock that the server gives back however we end: it tells leftovers from us."""
    with transaction(engine) as held:
        held.execute(text(f"SELECT {_PLAYS}"), {"schema": schema})
        held.commit()
        yield


def _drop_leftovers(engine: Engine) -> None:
    with transaction(engine) as connection:
        names = connection.execute(
            text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :ours)"),
            {"ours": _OURS},
        ).scalars()
        dead = [name for name in names if _is_free(connection, name)]
    for name in dead:
        _drop(engine, name)


def _is_free(connection: Connection, schema: str) -> bool:
    free = connection.execute(text(f"SELECT {_PLAYS}"), {"schema": schema}).scalar_one()
    if free:
        key = {"schema": schema}
        connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK}, hashtext(:schema))"), key)
    return bool(free)


def _create(engine: Engine, schema: str) -> None:
    try:
        with transaction(engine) as connection:
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        message = (
            "SHOAL_DATABASE_URL: its user may not make a schema, and the demo plays in one of its "
            "own: GRANT CREATE ON DATABASE … TO …, or leave the setting out for SQLite"
        )
        raise SettingError(message) from None


def _drop(engine: Engine, schema: str) -> None:
    # Somebody may still hold a lock on a table: better left than waited for without end.
    with suppress(SQLAlchemyError), transaction(engine) as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))
