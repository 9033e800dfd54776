"""What a store's platform cannot do is said when a campaign is looked at, before anything fires."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.worker.cli.conftest import Shoal
from worker import installation, models
from worker.database import open_engine, transaction

LIBRARY = Path(models.__file__).parents[1] / "campaigns" / "library"
WORDS = "Shopify cannot bound what a percentage takes off"


def shopify(shoal: Shoal, *more: str) -> None:
    url = "https://demo-shop.myshopify.com"
    words = ["store", "add", "shop", "--platform", "shopify", "--url", url, "--offline"]
    words += ["--currency", "EUR", "--secret", "client_id=i", "--secret", "client_secret=s"]
    ran = shoal(*words, *more)
    assert ran.code == 0, ran.err


def test_a_percentage_with_a_maximum_is_not_for_shopify(shoal: Shoal) -> None:
    shopify(shoal)
    for words in (["check"], ["check", "--store", "shop"], ["apply"]):
        told = shoal("campaigns", words[0], LIBRARY, *words[1:], "--json").json["warnings"]
        assert {one["path"] for one in told if WORDS in one["problem"]} == {
            "second-order",
            "vip-early-access",
            "win-back",
        }
    assert "option maximum_discount=ignore" in shoal("campaigns", "check", LIBRARY).out


def test_a_store_that_was_told_to_ignore_the_maximum_is_not_warned_of(shoal: Shoal) -> None:
    shopify(shoal, "--option", "maximum_discount=ignore")
    assert WORDS not in shoal("campaigns", "apply", LIBRARY).out


def test_vendure_recommends_only_where_a_field_was_named(shoal: Shoal) -> None:
    words = ["store", "add", "shop", "--platform", "vendure", "--url", "https://shop.example"]
    words += ["--offline", "--currency", "EUR", "--poll", "--secret", "api_key=k"]
    assert shoal(*words).code == 0
    assert shoal(*[*words[:2], "other", *words[3:]], "--option", "recommendations=x").code == 0
    told = shoal("campaigns", "check", LIBRARY / "welcome.yaml").out
    assert "store shop (vendure): it takes no recommendations" in told
    assert "store other" not in told


def test_stores_in_a_database_of_ones_own_are_looked_at(shoal: Shoal, at_database: URL) -> None:
    engine = open_engine(at_database)
    with transaction(engine) as connection:
        installation.partitions(connection, 8)
    engine.dispose()
    shopify(shoal)
    assert WORDS in shoal("campaigns", "check", LIBRARY).out


def test_a_database_that_is_away_keeps_nobody_from_looking_at_files(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_DATABASE_URL", "postgresql://shoal:hidden@127.0.0.1:9/shoal")
    ran = shoal("campaigns", "check", LIBRARY)
    assert ran.code == 0
    assert "warning: stores: not looked at: " in ran.out
    assert "hidden" not in ran.out
    assert shoal("campaigns", "check", LIBRARY, "--store", "shop").code == 4


@pytest.mark.usefixtures("home")
def test_files_are_looked_at_where_no_shoal_is(shoal: Shoal, home: Path) -> None:
    assert WORDS not in shoal("campaigns", "check", LIBRARY).out
    assert not home.exists()
