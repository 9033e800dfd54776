"""Before the first event: what stands in the way is said, what can be mended is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from sqlalchemy import update
from sqlalchemy.engine import URL

from worker import models, stream
from worker.database import HEAD, database_url, open_engine, reading, schema_version, transaction
from worker.errors import SchemaBehind, SettingError
from worker.prepare import main, prepare
from worker.settings import Settings, environment_of


@pytest.fixture
def house(settings: Settings, valkey_url: str, valkey: redis.Redis) -> Settings:
    """A new home with a Valkey that runs, and no database yet."""
    assert valkey.ping()
    settings.home.mkdir()
    return replace(settings, redis_url=valkey_url)


@pytest.fixture
def evicting(valkey: redis.Redis) -> Iterator[redis.Redis]:
    """A Valkey that would throw events away when it is full."""
    valkey.config_set("maxmemory-policy", "allkeys-lru")
    yield valkey
    valkey.config_set("maxmemory-policy", "noeviction")


def cursors(settings: Settings) -> dict[int, str]:
    engine = open_engine(database_url(settings))
    with reading(engine) as connection:
        rows = connection.execute(models.cursors.select()).all()
        assert schema_version(connection) == HEAD
    engine.dispose()
    return {row.partition: row.position for row in rows}


def test_a_new_home_gets_its_tables_and_cursors_once(house: Settings) -> None:
    assert prepare(house) == ["database brought up to date"]
    assert cursors(house) == dict.fromkeys(range(house.partitions), stream.START)
    assert prepare(house) == []


def test_the_number_of_partitions_is_that_of_the_first_start(house: Settings) -> None:
    prepare(replace(house, partitions=3))
    prepare(replace(house, partitions=5))
    assert sorted(cursors(house)) == [0, 1, 2]


def test_a_database_of_others_is_not_changed(house: Settings, tmp_path: Path) -> None:
    url = URL.create("sqlite", database=str(tmp_path / "theirs.db"))
    theirs = replace(house, database_url=str(url))
    with pytest.raises(SchemaBehind, match="run `shoal db upgrade`"):
        prepare(theirs)
    engine = open_engine(url)
    with reading(engine) as connection:
        assert schema_version(connection) == ""
    engine.dispose()


def test_a_stream_that_was_replaced_is_read_from_its_beginning(house: Settings) -> None:
    prepare(house)
    engine = open_engine(database_url(house))
    with transaction(engine) as connection:
        columns = models.cursors.c
        connection.execute(
            update(models.cursors).where(columns.partition == 2).values(position="99-1")
        )
    engine.dispose()
    assert prepare(house) == ["partition 2: its stream was replaced; reading it from its beginning"]
    assert cursors(house)[2] == stream.START
    assert prepare(house) == []


def test_a_server_that_evicts_is_refused_before_anything_is_made(
    house: Settings, evicting: redis.Redis
) -> None:
    assert evicting.ping()
    with pytest.raises(SettingError, match="maxmemory-policy is allkeys-lru, expected noeviction"):
        prepare(house)
    assert not (house.home / "shoal.db").exists()


def test_the_process_says_what_it_did_and_ends_well(
    house: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inherit(house, monkeypatch)
    assert main() == 0
    assert capsys.readouterr().out == "database brought up to date\n"


def test_the_process_ends_with_the_code_of_what_went_wrong(
    house: Settings,
    evicting: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evicting.ping()
    inherit(house, monkeypatch)
    assert main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "expected noeviction" in err


def inherit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
