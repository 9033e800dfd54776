"""Variables that are wrong and services that are away: said with their name, exit code 2 or 4."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.worker.cli.conftest import Shoal, added

NOBODY: Final = "127.0.0.1:9"
# Variable, value, what is said of it.
WRONG: Final = (
    ("HOM", "x", "SHOAL_HOM is not a setting; did you mean SHOAL_HOME?"),
    ("HOME", "{file}", "expected a folder to write to"),
    ("HOME", "{file}/below", "expected a folder to write to"),
    ("PORT", "0", "SHOAL_PORT is '0': expected a whole number from 1 to 65535"),
    ("STATUS_PORT", "http", "SHOAL_STATUS_PORT is 'http': expected a whole number"),
    ("PARTITIONS", "-1", "expected a whole number from 1 to 1024"),
    ("BATCH", "1e3", "SHOAL_BATCH is '1e3': expected a whole number"),
    ("TICK_EVERY", "1 h", "expected a duration such as 30s, 15m, 12h, 7d or 2w"),
    ("LOG_LEVEL", "wraning", "did you mean warning?"),
    ("APPENDFSYNC", "no", "expected one of everysec, always"),
    ("PRIVATE_HOSTS", "http://x", "expected host names or addresses, separated by commas"),
    ("SECRET_KEY", "short", "SHOAL_SECRET_KEY: each key needs 16 characters or more"),
    ("REDIS_URL", "http://x", "begins with redis:// or rediss:// or unix://"),
    ("REDIS_URL", "redis://:hidden@127.0.0.1:99999/0", "expected redis://host:port/number"),
    ("REDIS_URL", "redis://:hidden@127.0.0.1:port/0", "expected redis://host:port/number"),
    ("DATABASE_URL", "mysql://u:hidden@x/y", "begins with postgresql://"),
    ("DATABASE_URL", "postgresql://u:hidden@host:port/x", "expected postgresql://user:password@"),
    ("DATABASE_URL", "sqlite://", "expected sqlite:////folder/shoal.db"),
    ("DATABASE_URL", "sqlite:///{file}", "cannot be read (file is not a database)"),
)
AWAY: Final = (
    ("DATABASE_URL", f"postgresql://u:hidden@{NOBODY}/x", "campaigns list"),
    ("DATABASE_URL", f"postgresql://u:hidden@{NOBODY}/x", "db upgrade"),
    ("DATABASE_URL", f"postgresql://u:hidden@{NOBODY}/x", "doctor"),
    ("DATABASE_URL", "sqlite:////no/such/folder/x.db", "store list"),
    ("REDIS_URL", f"redis://:hidden@{NOBODY}/0", "replay log.csv --store old"),
    ("REDIS_URL", f"redis://:hidden@{NOBODY}/0", "dead-letters replay --store old"),
    ("REDIS_URL", f"redis://:hidden@{NOBODY}/0", "customers erase x --yes --store old"),
    ("REDIS_URL", f"redis://:hidden@{NOBODY}/0", "doctor"),
    ("REDIS_URL", "unix:///no/such.sock", "replay log.csv --store old"),
)


@pytest.fixture
def old(shoal: Shoal, tmp_path: Path) -> Shoal:
    """A store on a log's time, a log to play into it, and a file that is no database."""
    added(shoal, "old", "--clock", "log")
    (tmp_path / "log.csv").write_text(
        "order,customer,time,product,quantity,price\no1,c1,2011-01-01,p,1,1\n"
    )
    (tmp_path / "junk").write_text("This is no database, nor is it a folder. " * 99)
    return shoal


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_variable_that_cannot_be_used_is_named(
    old: Shoal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, wrong: tuple[str, str, str]
) -> None:
    name, value, said = wrong
    monkeypatch.setenv(f"SHOAL_{name}", value.format(file=tmp_path / "junk"))
    command = "replay log.csv --store old" if name == "REDIS_URL" else "store list"
    ran = old(*command.split())
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hidden" not in ran.err


@pytest.mark.parametrize("away", AWAY, ids=[f"{name} {command}" for name, _, command in AWAY])
def test_a_service_that_is_away_ends_with_four(
    old: Shoal, monkeypatch: pytest.MonkeyPatch, *, away: tuple[str, str, str]
) -> None:
    name, value, command = away
    monkeypatch.setenv(f"SHOAL_{name}", value)
    ran = old(*command.split())
    assert ran.code == 4
    assert ("Redis" if name == "REDIS_URL" else "database") in ran.out + ran.err
    assert "hidden" not in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_an_empty_home_is_no_service_that_is_away(shoal: Shoal, home: Path) -> None:
    ran = shoal("doctor", "--json")
    assert ran.code == 1
    (wrong,) = [one for one in ran.json["findings"] if not one["ok"]]
    assert wrong["said"] == f"nothing is in {home} yet: `shoal up` makes it"
    assert not home.exists()


def test_another_key_than_the_stores_is_noticed(
    shoal: Shoal, at_valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_valkey
    added(shoal, "shop", "--secret", "api_key=hidden")
    assert shoal("doctor").code == 0
    monkeypatch.setenv("SHOAL_SECRET_KEY", "the key of another house")
    ran = shoal("doctor", "--json")
    assert ran.code == 1
    wrong = [one for one in ran.json["findings"] if not one["ok"]]
    assert "store shop" in [one["check"] for one in wrong]
    assert all("key" in one["said"] for one in wrong)


def test_a_key_that_is_needed_and_missing_says_how_to_bring_one(
    shoal: Shoal, sqlite_url: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_DATABASE_URL", str(sqlite_url))
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    ran = shoal("store", "list")
    assert (ran.code, ran.out) == (2, "")
    assert "set SHOAL_SECRET_KEY" in ran.err
