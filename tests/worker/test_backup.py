"""A backup under load is a state that was; restored, the same events lead to the same end."""

from __future__ import annotations

import random
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import numpy as np
import pytest
import redis
from sqlalchemy import update
from sqlalchemy.engine import URL

from connectors.events import Event
from connectors.records import Order
from segmentation import running
from tests.worker.driving import DAY, MINUTE, START, Driver, Houses, drop_reasons
from worker import models, restored, stream, walks
from worker.backup import back_up
from worker.backup_file import Manifest, cells
from worker.cursors import mend
from worker.database import open_engine, reading, transaction, upgrade
from worker.errors import BackupRefused, HomeHeld
from worker.holding import holding
from worker.installation import coupon_secret
from worker.restoring import restore
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings

NAMES = ("orders", "monetary_value", "refunded_value", "tenure_days", "distinct_products")
Homes = Callable[[], Settings]


def story(driver: Driver, count: int) -> list[Event]:
    """Orders with people, some refunded, some told twice; in the order in which they are sent."""
    draw = random.Random(7)  # noqa: S311 - a story, no secret
    told: list[Event] = []
    for number in range(count):
        who = f"c{draw.randrange(40)}"
        at = START - 30 * DAY + number * MINUTE
        person = {"email": f"{who}@example.org", "name": f"Name {who}"}
        order = driver.order(
            f"o{number}", who, draw.randrange(100, 9_000), at=at, received_at=START, **person
        )
        told.append(order)
        if draw.random() < 0.2:
            told.append(driver.refund(f"r{number}", f"o{number}", 50, at=at + MINUTE))
        if draw.random() < 0.1:
            told.append(draw.choice(told))
    return told


def state(kit: Kit) -> dict[str, tuple[object, ...]]:
    """Customers by the shop's id: their counts exactly, their features to 1e-9."""
    people = models.customers.c
    with reading(kit.engine) as connection:
        rows = connection.execute(
            models.customers.select().where(people.platform_id != "").order_by(people.platform_id)
        ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    now = int(START.timestamp() * 1_000_000)
    found = running.derive(records, now, names=NAMES)
    return {
        row.platform_id: (
            row.orders,
            row.revenue,
            row.last_order,
            *(np.round(found[name][place], 9).item() for name in NAMES),
        )
        for place, row in enumerate(rows)
    }


def log_of(kit: Kit) -> set[bytes]:
    with reading(kit.engine) as connection:
        return {bytes(one) for one in connection.execute(models.events.select()).scalars()}


@pytest.fixture(params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest,
    settings: Settings,
    valkey_url: str,
    tmp_path: Path,
    postgres_databases: Callable[[], AbstractContextManager[URL]],
) -> Iterator[Settings]:
    """An empty home of each kind of database, to restore into; PostgreSQL's has empty tables."""
    here = replace(settings, home=tmp_path / "new home", redis_url=valkey_url)
    if request.param == "sqlite":
        yield here
        return
    with postgres_databases() as url:
        yield replace(here, database_url=url.render_as_string(hide_password=False))


def is_crosswise(driver: Driver, place: Settings) -> bool:
    return (driver.kit.engine.dialect.name == "postgresql") == place.is_embedded_database


def restored_driver(driver: Driver, place: Settings) -> Driver:
    kit = open_kit(place)
    made = Driver(kit, number=driver.number, partition=driver.partition, now=driver.now)
    made.kit = replace(kit, clock=lambda: made.now, send=lambda *_: None)
    return made


def drained_in_the_background(driver: Driver, told: Sequence[Event], flag: Flag) -> Thread:
    def run() -> None:
        for start in range(0, len(told), 3):
            driver.tell(*told[start : start + 3])
            if start > len(told) // 4:
                flag.set()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_a_backup_under_load_is_a_state_that_was_and_the_same_events_end_alike(
    driver: Driver, place: Settings, tmp_path: Path, houses: Houses
) -> None:
    told, file, begun = story(driver, 400), tmp_path / "one.backup", Flag()
    thread = drained_in_the_background(driver, told, begun)
    assert begun.wait(60)
    made = back_up(driver.kit.settings, file)
    assert thread.is_alive()
    thread.join()
    end, secret = state(driver.kit), driver.kit.coupon_secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"example.org" not in file.read_bytes()

    assert restore(place, file) == made
    again = restored_driver(driver, place)
    log = log_of(again.kit)
    distinct = list(dict.fromkeys(event.id for event in told))
    until = next(number for number, one in enumerate([*distinct, b""]) if one not in log)
    assert 0 < until < len(distinct)
    assert log == set(distinct[:until])
    assert made.tables["shoal_events"].rows == until
    with transaction(again.kit.engine) as connection:
        assert coupon_secret(connection, again.kit.sealer) == secret
    then = state(again.kit)

    prefix = {event.id: event for event in told if event.id in log}
    again.tell(*told)
    assert state(again.kit) == end
    assert again.tally("orders") == driver.tally("orders")
    close_kit(again.kit)
    with houses() as plain:
        plain.tell(*prefix.values())
        assert state(plain.kit) == then
        assert then != end


@pytest.mark.parametrize("world", ["same", "empty", "older", "newer"])
def test_whatever_redis_is_there_nothing_is_hidden_and_nothing_applied_twice(
    driver: Driver, place: Settings, tmp_path: Path, world: str
) -> None:
    if is_crosswise(driver, place):
        pytest.skip("the database's kind changes nothing here")
    told, file = story(driver, 30), tmp_path / "one.backup"
    driver.append(*told[:20])
    driver.commit(20)  # not trimmed: an older Redis still holds what was applied
    back_up(driver.kit.settings, file)
    if world == "empty":
        driver.kit.redis.flushall()
    if world == "newer":
        # Its entries stand below the cursor that was backed up.
        driver.kit.redis.flushall()
        driver.append(*told[20:25])
        last = stream.last_position(driver.kit.redis, driver.partition)
        with transaction(driver.kit.engine) as connection:
            connection.execute(update(models.cursors).values(position=last))
        file.unlink()
        back_up(driver.kit.settings, file)
    driver.append(*told[25 if world == "newer" else 20 :])
    restore(place, file)
    again = restored_driver(driver, place)
    mend(again.kit.engine, again.kit.redis)
    again.drain()
    assert log_of(again.kit) == {event.id for event in told}
    again.tell(*told)
    orders = {event.body.order_id for event in told if isinstance(event.body, Order)}
    assert sum(int(str(one[0])) for one in state(again.kit).values()) == len(orders)
    close_kit(again.kit)


def test_a_restored_store_is_read_again_and_pushes_wait_for_it(
    driver: Driver, place: Settings, tmp_path: Path
) -> None:
    if is_crosswise(driver, place):
        pytest.skip("the database's kind changes nothing here")
    made = back_up(driver.kit.settings, tmp_path / "b")
    restore(place, tmp_path / "b")
    again = restored_driver(driver, place)
    with transaction(again.kit.engine) as connection:
        walk = walks.walk_of(connection, 1, "backfill")
        assert walk is not None
        assert made.made_at - walk.since == timedelta(hours=1) / timedelta(microseconds=1)
        assert walk.next_at
        assert restored.release(connection) == []
        walks.keep(connection, walks.finished(walk, walk.next_at + 1))
        assert restored.release(connection) == ["shop"]
        assert restored.release(connection) == []
    assert again.values(models.stores, "paused") == [""]
    close_kit(again.kit)


def test_what_was_stopped_for_another_reason_stays_so(driver: Driver, tmp_path: Path) -> None:
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.stores).values(paused="no access"))
    back_up(driver.kit.settings, tmp_path / "b")
    home = replace(driver.kit.settings, home=tmp_path / "h", database_url="")
    restore(home, tmp_path / "b")
    again = restored_driver(driver, home)
    with transaction(again.kit.engine) as connection:
        for number, mark in restored.marks(connection).items():
            restored.resume(connection, number, mark)
    assert again.values(models.stores, "paused") == ["no access"]
    close_kit(again.kit)


def test_a_store_that_nobody_can_ask_is_not_waited_for(driver: Driver, tmp_path: Path) -> None:
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.stores).values(url=""))
    back_up(driver.kit.settings, tmp_path / "b")
    home = replace(driver.kit.settings, home=tmp_path / "h", database_url="")
    restore(home, tmp_path / "b")
    again = restored_driver(driver, home)
    assert again.values(models.stores, "paused") == [""]
    assert again.values(models.walks, "kind") == []
    close_kit(again.kit)


def test_only_an_empty_place_takes_a_backup(
    driver: Driver, place: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    back_up(driver.kit.settings, file)
    with pytest.raises(BackupRefused, match="expected a new name"):
        back_up(driver.kit.settings, file)
    with holding(place), pytest.raises(HomeHeld):
        restore(place, file)
    restore(place, file)
    with pytest.raises(BackupRefused, match="is not empty"):
        restore(place, file)
    names = {path.name for path in place.home.iterdir()}
    assert names <= {"shoal.db", "up.lock"}


def test_another_key_a_newer_schema_and_half_a_file_are_refused_before_anything_is_made(
    driver: Driver, settings: Settings, tmp_path: Path
) -> None:
    file, home = tmp_path / "b", replace(settings, home=tmp_path / "new")
    driver.tell(driver.order("o1", "c1", name="Ana"))
    made = back_up(driver.kit.settings, file)

    def refused(settings: Settings, path: Path, words: str) -> None:
        with pytest.raises(BackupRefused, match=words):
            restore(settings, path)
        assert not home.home.exists()

    refused(replace(home, secret_key="another key of enough signs"), file, made.keys.finds)
    oldest_differs = f"{settings.secret_key},another key of enough signs"
    refused(replace(home, secret_key=oldest_differs), file, "addresses are found")
    whole = file.read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    refused(home, tmp_path / "half", "expected a whole file")
    (tmp_path / "text").write_text("no backup")
    refused(home, tmp_path / "text", "expected a whole file")
    name = next(iter(made.members))
    with tarfile.open(file) as tar:
        place = tar.getmember(name).offset_data
    flipped = bytearray(whole)
    flipped[place + 20] ^= 1
    (tmp_path / "flipped").write_bytes(flipped)
    refused(home, tmp_path / "flipped", "is damaged")
    (tmp_path / "newer").write_bytes(
        whole.replace(f'"revision": "{made.revision}"'.encode(), b'"revision": "9999"')
    )
    refused(home, tmp_path / "newer", "revision 9999")


def test_an_older_revision_is_upgraded(
    settings: Settings, tmp_path: Path, database_url: URL, place: Settings
) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        for name in (*models.metadata.tables, "shoal_schema_version"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    upgrade(engine, "0001")
    with transaction(engine) as connection:
        connection.exec_driver_sql("INSERT INTO shoal_meta (name, value) VALUES ('a', 'b\\n\tc')")
    shown = database_url.render_as_string(hide_password=False)
    back_up(replace(settings, database_url=shown), tmp_path / "b")
    is_same_kind = (engine.dialect.name == "sqlite") == place.is_embedded_database
    engine.dispose()
    if not is_same_kind:
        with pytest.raises(BackupRefused, match="the same kind of database"):
            restore(place, tmp_path / "b")
        return
    restore(place, tmp_path / "b")
    kit = open_kit(place)
    with reading(kit.engine) as connection:
        assert connection.execute(models.meta.select()).all() == [("a", "b\\n\tc")]
        assert connection.execute(models.walks.select()).all() == []
    close_kit(kit)


def test_records_of_the_version_before_are_restored_and_read(
    driver: Driver, place: Settings, tmp_path: Path
) -> None:
    if is_crosswise(driver, place):
        pytest.skip("another kind of database takes no older revision")
    driver.tell(*story(driver, 40))
    end = state(driver.kit)
    with transaction(driver.kit.engine) as connection:
        drop_reasons(connection)
    back_up(driver.kit.settings, tmp_path / "b")
    restore(place, tmp_path / "b")
    again = restored_driver(driver, place)
    assert state(again.kit) == end
    who = ("customer_id", next(iter(end)))
    someone = again.customer(*who)
    assert np.isnan(again.feature(someone, "rating_mean"))
    again.tell(again.touch("product_reviewed", who, source="server", product_id="p", rating=4))
    assert again.feature(someone, "rating_mean") == 4
    close_kit(again.kit)


def test_copys_text_format_is_read() -> None:
    assert cells("1\t\\N\ta\\tb\\nc\\\\N\t\\\\x00ff\t\n") == [
        "1",
        None,
        "a\tb\nc\\N",
        "\\x00ff",
        "",
    ]


def test_the_manifest_names_what_a_person_asks_for(driver: Driver, tmp_path: Path) -> None:
    driver.tell(driver.order("o1", "c1", name="Ana"))
    made: Manifest = back_up(driver.kit.settings, tmp_path / "b")
    assert made.stores == ("shop",)
    assert made.keys.sealed == (driver.kit.sealer.key_id,)
    assert made.cursors[driver.partition] != stream.START
    assert made.tables["shoal_orders"].rows == 1
    assert {"shoal", "python", made.kind} == set(made.versions)


def test_redis_is_not_asked(driver: Driver, tmp_path: Path) -> None:
    away = replace(driver.kit.settings, redis_url="redis://127.0.0.1:9/0")
    assert isinstance(driver.kit.redis, redis.Redis)
    assert back_up(away, tmp_path / "b").stores == ("shop",)
