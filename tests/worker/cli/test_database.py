"""`shoal db upgrade`: makes what is missing, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.engine import URL

from tests.worker.cli.conftest import Shoal
from worker import models
from worker.database import open_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> URL:
    """A database of each kind without a table."""
    url = URL.create("sqlite", database=str(tmp_path / "empty.db"))
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        engine = open_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()
    monkeypatch.setenv("SHOAL_DATABASE_URL", url.render_as_string(hide_password=False))
    return url


def test_an_upgrade_makes_every_table_and_a_second_one_nothing(shoal: Shoal, empty: URL) -> None:
    first = shoal("db", "upgrade", "--json")
    assert (first.code, first.json) == (0, {"changed": True})
    again = shoal("db", "upgrade", "--json")
    assert (again.code, again.json) == (0, {"changed": False})
    assert "up to date" in shoal("db", "upgrade").out
    engine = open_engine(empty)
    assert set(models.metadata.tables) < set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_database_without_tables_says_what_to_run(shoal: Shoal, empty: URL) -> None:
    ran = shoal("store", "list")
    assert (ran.code, ran.out) == (1, "")
    assert "run `shoal db upgrade`" in ran.err
    assert str(empty.database) in ran.err
