"""Both databases: the tables are the migrations' own, transactions are whole, writers queue."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from worker import bulk, migrations, models
from worker.database import (
    HEAD,
    VERSION_TABLE,
    check_schema,
    database_url,
    ensure_schema,
    open_engine,
    reading,
    schema_version,
    transaction,
)
from worker.errors import DatabaseDown, SchemaBehind, SettingError
from worker.migrations.run import newest_revision
from worker.settings import settings_from

META = ("name", "value")
FRESH = [("record_schema",)]  # what stands in it from the start
VERSIONS = Path(migrations.__file__).parent / "versions"


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Engine) -> None:
    told = {"version_table": VERSION_TABLE, "compare_type": True}
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts=told)
        assert compare_metadata(context, models.metadata) == []
        assert schema_version(connection) == HEAD


def test_a_migrated_database_is_one_that_the_models_made(database: Engine) -> None:
    """Also in what Alembic does not compare: keys, defaults and the order of columns."""
    migrated = described(database)
    del migrated[VERSION_TABLE]
    models.metadata.drop_all(database)
    models.metadata.create_all(database)
    made = described(database)
    del made[VERSION_TABLE]
    assert len(made) == len(models.metadata.tables) > 25
    assert migrated == made


def described(engine: Engine) -> dict[str, dict[str, Any]]:
    """Everything that a database says of its tables."""
    found = inspect(engine)
    return {
        name: {
            "columns": [
                (one["name"], str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(name)
            ],
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "unique": [one["column_names"] for one in found.get_unique_constraints(name)],
            "indexes": sorted(
                (str(one["name"]), one["column_names"], one["unique"])
                for one in found.get_indexes(name)
            ),
        }
        for name in found.get_table_names()
    }


def test_the_first_revision_does_not_follow_the_models() -> None:
    """What was migrated once must be migrated alike for ever."""
    text_ = (VERSIONS / "0001_first_tables.py").read_text()
    assert not re.search(r"^(from|import) worker", text_, re.MULTILINE)


def test_the_head_that_the_code_knows_is_the_scripts_head() -> None:
    assert newest_revision() == HEAD


def test_an_empty_database_is_told_what_to_run(tmp_path: Path) -> None:
    engine = open_engine(URL.create("sqlite", database=str(tmp_path / "empty.db")))
    with pytest.raises(SchemaBehind, match="run `shoal db upgrade`"):
        check_schema(engine)
    assert ensure_schema(engine)
    assert not ensure_schema(engine)
    engine.dispose()


def test_an_older_schema_is_told_from_a_newer(database: Engine) -> None:
    with transaction(database) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0000'"))  # noqa: S608 - our constant
    with pytest.raises(SchemaBehind, match=f"is at revision 0000, this version needs {HEAD}"):
        check_schema(database)


def test_an_error_undoes_the_whole_transaction(database: Engine) -> None:
    def fail() -> None:
        with transaction(database) as connection:
            bulk.upsert(connection, models.meta, META, [("a", "1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with reading(database) as connection:
        assert connection.execute(select(models.meta.c.name)).all() == FRESH


def test_a_failing_bulk_statement_fails_like_any_other(database: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(database) as connection:
        bulk.upsert(connection, models.meta, META, [("a", None)])


def test_a_reader_neither_waits_for_a_writer_nor_sees_its_work(database: Engine) -> None:
    with transaction(database) as writer:
        bulk.upsert(writer, models.meta, META, [("a", "1")])
        with reading(database) as reader:
            assert reader.execute(select(models.meta.c.name)).all() == FRESH


def test_writers_that_read_first_queue_instead_of_failing(database: Engine) -> None:
    with transaction(database) as connection:
        bulk.upsert(
            connection, models.tallies, ("store", "name", "label", "count"), [(1, "n", "", 0)]
        )

    def increase() -> None:
        for _ in range(20):
            with transaction(database) as connection:
                connection.execute(select(models.meta.c.name)).all()
                bulk.increase(
                    connection,
                    models.tallies,
                    ("store", "name", "label"),
                    "count",
                    [(1, "n", "", 1)],
                )

    threads = [threading.Thread(target=increase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(database) as connection:
        assert connection.execute(select(models.tallies.c["count"])).scalar() == 80


def test_sqlite_survives_a_power_cut(sqlite_url: URL) -> None:
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 20_000
    engine.dispose()


def test_the_database_is_a_file_of_the_home_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    home = {"SHOAL_HOME": str(tmp_path)}
    assert database_url(settings_from(home)).database == str(tmp_path / "shoal.db")
    told = settings_from(home | {"SHOAL_DATABASE_URL": "postgresql://u:p@host/shoal"})
    assert database_url(told).drivername == "postgresql+psycopg"
    with pytest.raises(SettingError, match="expected postgresql://"):
        database_url(settings_from(home | {"SHOAL_DATABASE_URL": "postgresql://:x:y:z"}))


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    engine = open_engine("postgresql+psycopg://shoal:hidden@127.0.0.1:9/shoal")
    with pytest.raises(DatabaseDown, match=r"127\.0\.0\.1:9/shoal") as caught, transaction(engine):
        pass
    assert "hidden" not in str(caught.value)
    engine.dispose()


@pytest.mark.invariant("I8")
def test_an_error_shows_no_values(database: Engine) -> None:
    with pytest.raises(IntegrityError) as caught, transaction(database) as connection:
        connection.execute(
            models.stores.insert(), [{"number": 1, "id": "secret-name"}, {"number": 1, "id": "x"}]
        )
    assert "secret-name" not in str(caught.value)
    assert sqlite3.sqlite_version_info >= (3, 31)
