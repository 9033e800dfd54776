"""`shoal backup`, `restore` and `resume`, as they are typed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from connectors.events import Event, event_id
from tests.worker.cli.conftest import Shoal, added
from tests.worker.driving import drop_reasons
from worker import letter_stream, models, stream
from worker.database import open_engine, reading
from worker.dead_letters import Letter
from worker.holding import holding
from worker.sealing import seal_events, sealer_from
from worker.secret_key import secret_keys
from worker.settings import settings_from


def test_a_backup_is_restored_in_another_home_and_resumed(
    shoal: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(shoal, "shop")
    made = shoal("backup", "one.backup", "--json")
    assert (made.code, made.json["revision"] != "") == (0, True)
    again = shoal("backup", "one.backup")
    assert (again.code, "expected a new name" in again.err) == (2, True)
    here = shoal("restore", "one.backup")
    assert (here.code, "is not empty" in here.err) == (2, True)
    for nothing in ("nowhere", tmp_path):
        missing = shoal("restore", nothing)
        assert (missing.code, f"{nothing}: there is no such file" in missing.err) == (2, True)
    astray = shoal("backup", "nowhere/one.backup")
    assert (astray.code, f"no folder {tmp_path}/nowhere; make it" in astray.err) == (2, True)

    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "other"))
    back = shoal("restore", "one.backup", "--json")
    assert (back.code, back.json["stores"]) == (0, ["shop"])
    assert "read again" in shoal("store", "list", "--json").out
    resumed = shoal("resume", "shop", "--json")
    assert "restored from a backup" in resumed.json["was_paused"]
    assert "was not stopped" in shoal("resume", "shop").out
    engine = open_engine(f"sqlite:///{tmp_path}/other/shoal.db")
    with reading(engine) as connection:
        names = set(connection.execute(select(models.meta.c.name)).scalars())
    engine.dispose()
    assert not [name for name in names if name.startswith("restored")]


def test_nothing_is_made_where_there_is_nothing(shoal: Shoal, home: Path) -> None:
    ran = shoal("backup", "one.backup")
    assert (ran.code, "there is no database yet" in ran.err) == (2, True)
    assert not Path("one.backup").exists()
    assert not home.exists()


def test_an_upgrade_asks_for_a_backup_and_makes_one(shoal: Shoal, home: Path) -> None:
    added(shoal, "shop")
    engine = open_engine(f"sqlite:///{home}/shoal.db")
    with engine.begin() as connection:
        drop_reasons(connection)
        connection.exec_driver_sql(f"DROP TABLE {models.walks.name}")
        connection.exec_driver_sql("ALTER TABLE shoal_stores DROP COLUMN webhook_addresses")
        connection.exec_driver_sql("UPDATE shoal_schema_version SET version_num = '0001'")
    engine.dispose()
    for words in (("db", "upgrade"), ("store", "list")):
        refused = shoal(*words)
        assert (refused.code, "--backup FILE" in refused.err) == (1, True)
    done = shoal("db", "upgrade", "--backup", "before", "--json")
    assert (done.code, done.json, Path("before").exists()) == (0, {"changed": True}, True)
    assert shoal("store", "list").code == 0


def test_keys_are_changed_twice_and_the_middle_one_may_go(
    shoal: Shoal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_environment = shoal("keys", "rotate")
    assert (in_the_environment.code, "openssl rand -hex 32" in in_the_environment.err) == (2, True)
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    added(shoal, "shop", "--secret", "api_key=k")
    first = shoal("keys", "list", "--json").json["seals"]
    once = shoal("keys", "rotate", "--json").json
    assert (once["finds"], once["may_go"], once["unreadable"]) == (first, [], [])
    twice = shoal("keys", "rotate", "--json").json
    assert (twice["finds"], twice["may_go"]) == (first, [once["seals"]])
    assert shoal("keys", "reseal", "--json").json["resealed"] == 0
    assert "it may go" in shoal("keys", "reseal").out
    path = home / "secret.key"
    newest, _, oldest = path.read_text().strip().split(",")
    path.write_text(f"{newest},{oldest}\n")
    told = shoal("keys", "list", "--json").json
    assert [one["key"] for one in told["keys"]] == [twice["seals"], first]
    assert newest not in shoal("keys", "list").out
    assert shoal("doctor", "--json").json["findings"][2]["ok"]


def test_a_home_without_a_key_is_told_which_key_the_backup_needs(
    shoal: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(shoal, "shop")
    (key,) = shoal("backup", "one.backup", "--json").json["keys"]
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "other"))
    ran = shoal("restore", "one.backup")
    assert ran.code == 2
    assert f"sealed with key {key}, and no key is here" in ran.err
    assert f"{tmp_path}/other/secret.key" in ran.err
    assert "let `shoal up` make" not in ran.err
    assert not (tmp_path / "other").exists()


def test_a_running_shoal_up_is_to_start_anew_until_it_has(
    shoal: Shoal, home: Path, at_valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_valkey
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    added(shoal, "shop", "--secret", "api_key=k")
    once = shoal("keys", "rotate", "--json").json
    with holding(settings_from(os.environ)):
        twice = shoal("keys", "rotate", "--json").json
        assert (twice["is_behind"], twice["may_go"]) == (True, [])
        assert "start it anew, then" in shoal("keys", "reseal").out
    with holding(settings_from(os.environ)):
        told = shoal("keys", "reseal", "--json").json
        assert (told["is_behind"], told["may_go"]) == (False, [once["seals"]])
        said = shoal("keys", "reseal").out
        assert "start it anew" not in said
        assert f"Key {once['seals']} has nothing left to open: it may go" in said
        # A Shoal from before this was written says nothing of its key.
        (home / "up.lock").write_text('{"pid": 1, "since": "", "port": 1, "status_port": 2}')
        assert "start it anew, then" in shoal("keys", "reseal").out


def test_no_key_may_go_while_an_event_or_letter_that_it_sealed_waits(
    shoal: Shoal, at_valkey: str, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    added(shoal, "shop", "--secret", "api_key=k")
    shoal("keys", "rotate")
    settings = settings_from(os.environ)
    sealer = sealer_from(secret_keys(settings))
    letter = Letter(b"x" * 16, "shop", "webhook", "odd", 1, sealer.seal_bytes("shop", b"{}"))
    letter_stream.keep(valkey, [letter])
    known = shoal("keys", "rotate", "--json").json
    assert (known["resealed"], known["may_go"]) == (2, [sealer.key_id])
    at = datetime(2026, 3, 1, tzinfo=UTC)
    event = Event(
        id=event_id("shop", "page_viewed", at, "1"),
        store="shop",
        type="page_viewed",
        at=at,
        received_at=at,
        source="browser",
        identities=(("anonymous_id", "a"),),
        personal={"email": "ann@example.com"},
    )
    stream.append(valkey, 0, seal_events(sealer, [event]), backlog=9)
    assert shoal("keys", "reseal", "--json").json["may_go"] == []
    monkeypatch.setenv("SHOAL_REDIS_URL", "redis://127.0.0.1:9")
    away = shoal("keys", "reseal")
    assert (away.code, "it may go" in away.out) == (0, False)
    assert "Redis does not answer" in away.out
    assert at_valkey != os.environ["SHOAL_REDIS_URL"]
