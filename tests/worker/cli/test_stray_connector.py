"""A connector's own mistake ends a command with one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.stray.shoal_stray import HIDDEN
from tests.worker.cli.conftest import NOWHERE, Shoal


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "connectors" / "stray"
    monkeypatch.syspath_prepend(str(folder))


def test_adding_and_checking_a_store_end_in_a_sentence(shoal: Shoal, at_valkey: str) -> None:
    assert at_valkey
    add = ("store", "add", "shop", "--platform", "stray", "--url", NOWHERE)
    fails = ("--option", "fails=shop_facts")
    ran = shoal(*add, *fails)
    assert ran.code == 1
    assert ran.out == ""
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith("connector 'stray': shop_facts raised KeyError at shoal_stray.py:")
    assert HIDDEN not in sentence
    assert shoal(*add, *fails, "--offline", "--currency", "EUR").code == 0
    ran = shoal("store", "check", "shop", "--json")
    assert (ran.code, ran.err) == (1, "")
    assert "shop_facts raised KeyError" in ran.json["checks"][0]["said"]
