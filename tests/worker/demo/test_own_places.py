"""Beside what others keep in PostgreSQL and Redis, a demo has a place of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from worker.database import ensure_schema, open_engine
from worker.demo.own_redis import own_redis
from worker.demo.own_schema import own_schema
from worker.errors import SettingError
from worker.settings import Settings


def run(url: URL | str, *statements: str) -> list[str]:
    """The first column of what the last statement finds."""
    engine = open_engine(url, connections=1)
    with engine.begin() as connection:
        *first, last = statements
        for statement in first:
            connection.execute(text(statement))
        done = connection.execute(text(last))
        found = [str(row[0]) for row in done] if done.returns_rows else []
    engine.dispose()
    return found


def schemas(url: URL) -> list[str]:
    return run(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shoal%' ORDER BY 1")


@pytest.fixture
def on_postgres(settings: Settings, postgres_url: URL) -> Settings:
    return replace(settings, database_url=postgres_url.render_as_string(hide_password=False))


def test_tables_are_made_in_a_schema_that_is_gone_afterwards(
    on_postgres: Settings, postgres_url: URL
) -> None:
    stores = "SELECT count(*) FROM shoal_stores"
    run(postgres_url, "INSERT INTO shoal_stores (number, id) VALUES (1, 'theirs')")
    with own_schema(on_postgres, "a", keep=False) as settings:
        ours = make_url(settings.database_url)
        engine = open_engine(ours, connections=1)
        assert ensure_schema(engine)
        engine.dispose()
        assert run(ours, stores) == ["0"]
        assert schemas(postgres_url) == ["shoal_demo_a"]
    assert schemas(postgres_url) == []
    assert run(postgres_url, stores) == ["1"]


def test_the_next_demo_drops_what_a_killed_one_left_and_nothing_else(
    on_postgres: Settings, postgres_url: URL
) -> None:
    run(postgres_url, "CREATE SCHEMA shoal_demo_dead")
    with own_schema(on_postgres, "kept", keep=True):
        pass
    with own_schema(on_postgres, "one", keep=False):
        assert schemas(postgres_url) == ["shoal_demo_one", "shoal_kept_kept"]
        with own_schema(on_postgres, "two", keep=False):
            assert schemas(postgres_url) == ["shoal_demo_one", "shoal_demo_two", "shoal_kept_kept"]
        assert schemas(postgres_url) == ["shoal_demo_one", "shoal_kept_kept"]
    assert schemas(postgres_url) == ["shoal_kept_kept"]


def test_options_of_the_url_stay(on_postgres: Settings) -> None:
    url = make_url(on_postgres.database_url)
    url = url.update_query_dict({"options": "-cwork_mem=5MB"})
    given = replace(on_postgres, database_url=url.render_as_string(hide_password=False))
    with own_schema(given, "a", keep=False) as settings:
        assert run(settings.database_url, "SHOW work_mem") == ["5MB"]
        assert run(settings.database_url, "SELECT current_schema()") == ["shoal_demo_a"]


def test_who_may_not_make_a_schema_is_told_what_to_do(
    on_postgres: Settings, postgres_url: URL
) -> None:
    run(postgres_url, "DROP ROLE IF EXISTS small", "CREATE ROLE small LOGIN")
    url = postgres_url.set(username="small")
    small = replace(on_postgres, database_url=url.render_as_string(hide_password=False))
    with (
        pytest.raises(SettingError, match="GRANT CREATE ON DATABASE"),
        own_schema(small, "a", keep=False),
    ):
        pytest.fail("not reached")


def test_another_database_stays_as_it_is(settings: Settings) -> None:
    with own_schema(settings, "a", keep=False) as same:
        assert same is settings


def test_a_redis_in_use_is_refused_and_a_free_one_left_clean(
    settings: Settings, valkey: redis.Redis, valkey_url: str
) -> None:
    given = replace(settings, redis_url=valkey_url)
    valkey.set("somebody", "else")
    with own_redis(given, keep=False):
        valkey.set("shoal:stream:0", "1")
        with (
            pytest.raises(SettingError, match="SHOAL_REDIS_URL: expected a Redis database without"),
            own_redis(given, keep=False),
        ):
            pytest.fail("not reached")
    assert valkey.keys() == [b"somebody"]
    with own_redis(given, keep=True):
        valkey.set("shoal:stream:0", "1")
    assert sorted(valkey.keys()) == [b"shoal:stream:0", b"somebody"]
