"""A fresh installation to measure: a home and a Valkey of its own, an empty database, one kit."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text

from worker.database import database_url, ensure_schema, open_engine, transaction
from worker.embedded import redis_url, valkey_command
from worker.installation import partitions
from worker.runtime import Kit, close_kit, open_kit
from worker.secret_key import ensure_secret_key
from worker.settings import Settings, settings_from
from worker.stream import await_server, connect

# Tables lie in a schema of their own: whatever else is in the database stays as it is.
SCHEMA: Final = "shoal_benchmark"
_LOCK: Final = 7_304_119


@contextmanager
def fresh_installation() -> Iterator[Kit]:
    """A kit on an empty database: in ``SHOAL_DATABASE_URL``, a schema of its own, or SQLite."""
    with fresh_home() as settings:
        server = subprocess.Popen(  # noqa: S603 - our own program
            valkey_command(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await_server(connect(redis_url(settings)))
            kit = open_kit(settings)
            try:
                yield kit
            finally:
                close_kit(kit)
        finally:
            server.terminate()
            server.wait()


@contextmanager
def fresh_home(*, is_embedded: bool = False) -> Iterator[Settings]:
    """Settings of a new home with every table made; both are gone after the block.

    Parameters
    ----------
    is_embedded
        Whether the database is SQLite whatever ``SHOAL_DATABASE_URL`` says. SQLite's file is the
        home's own in any case.
    """
    home = Path(tempfile.mkdtemp(prefix="shoal-bench-"))
    before = dict(os.environ)
    os.environ["SHOAL_HOME"] = str(home)
    os.environ["SHOAL_PRIVATE_HOSTS"] = "127.0.0.1"  # where the measured stores are
    # A Redis that somebody uses must not get our events.
    os.environ.pop("SHOAL_REDIS_URL", None)
    if is_embedded or os.environ.get("SHOAL_DATABASE_URL", "").startswith("sqlite"):
        os.environ.pop("SHOAL_DATABASE_URL", None)
    if os.environ.get("SHOAL_DATABASE_URL"):
        os.environ.setdefault("SHOAL_SECRET_KEY", secrets.token_hex(32))
        os.environ["SHOAL_DATABASE_URL"] = _own_schema(settings_from(os.environ))
    try:
        settings = settings_from(os.environ)
        ensure_secret_key(settings)
        with _alone(settings):
            _make_tables(settings)
            yield settings
            _drop_schema(settings)
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold a lock, for a schema has one name: two runs would drop each other's tables."""
    engine = open_engine(database_url(settings), connections=1)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            locked = connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar()
            connection.commit()
            if not locked:
                message = "another benchmark runs in this database: wait for it"
                raise SystemExit(message)
        yield
    engine.dispose()


def _own_schema(settings: Settings) -> str:
    url = database_url(settings).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    return url.render_as_string(hide_password=False)


def _make_tables(settings: Settings) -> None:
    _drop_schema(settings)
    engine = open_engine(database_url(settings))
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    ensure_schema(engine)
    with transaction(engine) as connection:
        partitions(connection, settings.partitions)
    engine.dispose()


def _drop_schema(settings: Settings) -> None:
    """Drop our schema; one that an interrupted run left behind too."""
    engine = open_engine(database_url(settings))
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL client_min_messages = warning"))
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
    engine.dispose()


def database_name(kit: Kit) -> str:
    """Which database was measured."""
    return kit.engine.dialect.name
