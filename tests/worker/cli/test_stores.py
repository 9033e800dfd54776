"""Keys of a store: shown, renewed, and kept to the pages they are for."""

from __future__ import annotations

from pathlib import Path

from tests.worker.cli.conftest import Shoal, added
from worker.database import open_engine, reading
from worker.stores import Store, key_hash, load_store


def stored(home: Path) -> Store:
    engine = open_engine(f"sqlite:///{home / 'shoal.db'}")
    with reading(engine) as connection:
        found = load_store(connection, "shop")
    engine.dispose()
    return found


def test_pages_are_named_when_a_store_is_added(shoal: Shoal, home: Path) -> None:
    added(shoal, "shop", "--origins", "https://shop.example, https://www.shop.example")
    assert stored(home).origins == ("https://shop.example", "https://www.shop.example")
    told = shoal("store", "keys", "shop", "--json").json
    assert told["origins"] == ["https://shop.example", "https://www.shop.example"]


def test_the_server_key_is_shown_once_and_can_be_renewed(shoal: Shoal, home: Path) -> None:
    first = added(shoal, "shop")
    shown = shoal("store", "keys", "shop")
    assert shown.code == 0
    assert first["browser_key"] in shown.out
    assert first["server_key"] not in shown.out
    assert "sk_" not in shown.out
    told = shoal("store", "keys", "shop", "--renew", "server", "--json").json
    assert told["server_key"].startswith("sk_")
    assert told["server_key"] != first["server_key"]
    assert told["browser_key"] == first["browser_key"]
    assert stored(home).server_key_hash == key_hash(told["server_key"])
    assert shoal("store", "keys", "shop", "--renew", "server").out.count("sk_") == 1


def test_a_browser_key_that_is_abused_can_be_renewed(shoal: Shoal, home: Path) -> None:
    first = added(shoal, "shop")
    told = shoal("store", "keys", "shop", "--renew", "browser", "--json").json
    assert told["browser_key"] != first["browser_key"]
    assert stored(home).browser_key == told["browser_key"]
    assert stored(home).server_key_hash == key_hash(first["server_key"])


def test_a_store_that_is_told_has_no_platform(shoal: Shoal) -> None:
    added(shoal, "shop")
    told = shoal("store", "add", "told", "--currency", "SEK")
    assert "nobody said" not in told.out
    assert shoal("store", "add", "other", "--json").json["currency"] == "EUR"
    platforms = {
        one["id"]: one["platform"] for one in shoal("store", "list", "--json").json["stores"]
    }
    assert platforms == {"shop": "sandbox", "told": "", "other": ""}
    assert shoal("store", "list").out.count("sandbox") == 1


def test_pages_can_be_named_later(shoal: Shoal, home: Path) -> None:
    added(shoal, "shop")
    assert stored(home).origins == ("*",)
    ran = shoal("store", "keys", "shop", "--origins", "https://shop.example")
    assert "https://shop.example" in ran.out
    assert stored(home).origins == ("https://shop.example",)
