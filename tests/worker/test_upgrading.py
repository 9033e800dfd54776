"""Tables are changed while events flow, and an SQLite file only with a backup of all of it."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.worker.driving import Driver, drop_reasons
from tests.worker.test_backup import state, story
from worker import models
from worker.backup import back_up
from worker.database import open_engine, schema_version, transaction
from worker.errors import BackupMissing
from worker.stores import load_store, note_addresses
from worker.upgrading import bring_up_to_date


def put_back(driver: Driver) -> None:
    """The tables as they were at the first revision."""
    with transaction(driver.kit.engine) as connection:
        drop_reasons(connection)
        connection.exec_driver_sql(f"DROP TABLE {models.walks.name}")
        connection.exec_driver_sql("ALTER TABLE shoal_stores DROP COLUMN webhook_addresses")
        connection.exec_driver_sql("UPDATE shoal_schema_version SET version_num = '0001'")


@pytest.fixture
def sqlite_driver(driver: Driver) -> Driver:
    if driver.kit.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL is backed up by whoever runs it")
    put_back(driver)
    return driver


def test_an_upgrade_amid_events_loses_and_doubles_nothing(driver: Driver, tmp_path: Path) -> None:
    told, begun, went_on = story(driver, 300), Flag(), Flag()

    def run() -> None:
        for start in range(0, len(told), 3):
            driver.append(*told[start : start + 3])
            with suppress(OperationalError, ProgrammingError):  # not upgraded yet: tried again
                driver.drain()
            if start > len(told) // 4:
                begun.set()
            if begun.is_set() and start > len(told) // 2:
                assert went_on.wait(60)

    put_back(driver)
    thread = Thread(target=run)
    thread.start()
    assert begun.wait(60)
    # Two at once, as two containers would.
    others = [open_engine(driver.kit.engine.url) for _ in range(2)]
    upgrades = [
        Thread(target=bring_up_to_date, args=(one,), kwargs={"is_meant": True}) for one in others
    ]
    for one in upgrades:
        one.start()
    for one in upgrades:
        one.join()
    went_on.set()
    thread.join()
    driver.drain()
    with others[0].connect() as connection:
        assert inspect(connection).has_table(models.walks.name)
        assert schema_version(connection) > "0001"
    for engine in others:
        engine.dispose()
    assert driver.values(models.dead_letters, "reason") == []
    seen = {bytes(one) for one in driver.values(models.events, "id")}
    assert seen == {event.id for event in told}
    end = state(driver.kit)
    back_up(driver.kit.settings, tmp_path / "b")
    driver.tell(*told)
    assert state(driver.kit) == end


def test_an_sqlite_file_without_a_backup_is_not_changed(
    sqlite_driver: Driver, tmp_path: Path
) -> None:
    kit = sqlite_driver.kit
    with pytest.raises(BackupMissing, match="--backup FILE"):
        bring_up_to_date(kit.engine)
    back_up(kit.settings, tmp_path / "b")
    with transaction(kit.engine) as connection:
        connection.exec_driver_sql("UPDATE shoal_stores SET name = 'other'")
    with pytest.raises(BackupMissing):
        bring_up_to_date(kit.engine)
    back_up(kit.settings, tmp_path / "c")
    (tmp_path / "c").rename(tmp_path / "away")
    with pytest.raises(BackupMissing):
        bring_up_to_date(kit.engine)
    (tmp_path / "away").rename(tmp_path / "c")
    # Neither looking nor a checkpoint is a change.
    assert sqlite_driver.values(models.stores, "name") == ["other"]
    with closing(kit.engine.raw_connection()) as raw:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert bring_up_to_date(kit.engine)
    assert not bring_up_to_date(kit.engine)


def test_an_sqlite_file_is_changed_without_a_backup_if_that_is_meant(sqlite_driver: Driver) -> None:
    assert bring_up_to_date(sqlite_driver.kit.engine, is_meant=True)


def test_a_store_of_before_has_no_known_webhook_address(driver: Driver) -> None:
    """And keeps everything else, on both databases."""
    rows = driver.values(models.stores, "id")
    with transaction(driver.kit.engine) as connection:
        before = load_store(connection, "shop")
        drop_reasons(connection)
        connection.exec_driver_sql("ALTER TABLE shoal_stores DROP COLUMN webhook_addresses")
        connection.exec_driver_sql("UPDATE shoal_schema_version SET version_num = '0002'")
    assert bring_up_to_date(driver.kit.engine, is_meant=True)
    assert driver.values(models.stores, "id") == rows
    with transaction(driver.kit.engine) as connection:
        assert load_store(connection, "shop") == before
        note_addresses(connection, "shop", ["https://a.example/webhooks/shop"])
        assert load_store(connection, 1).webhook_addresses == ("https://a.example/webhooks/shop",)


def test_a_backup_of_an_older_revision_holds_it(sqlite_driver: Driver, tmp_path: Path) -> None:
    made = back_up(replace(sqlite_driver.kit.settings), tmp_path / "b")
    assert made.revision == "0001"
    assert models.walks.name not in made.tables
