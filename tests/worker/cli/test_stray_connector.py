"""A connector's own mistake ends a command with one sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.connectors.stray.shoal_stray import HIDDEN
from tests.worker.cli.conftest import NOWHERE, Shoal

ROOT: Final = Path(__file__).parents[3]
STRAY: Final = str(ROOT / "tests" / "connectors" / "stray")
ADD: Final = ("store", "add", "shop", "--platform", "stray", "--url", NOWHERE)
FAILS: Final = ("--option", "fails=shop_facts")


def test_adding_a_store_ends_in_a_sentence(home: Path) -> None:
    """As a process of its own, whose log nobody has set up."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT), STRAY)),
        "SHOAL_HOME": str(home),
        "SHOAL_SECRET_KEY": "a key for the tests only",
    }
    command = [sys.executable, "-c", "from worker.cli import main; main()", *ADD, *FAILS]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert (ran.returncode, ran.stdout) == (1, "")
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith("connector 'stray': shop_facts raised KeyError at shoal_stray.py:")
    assert HIDDEN not in sentence


def test_checking_a_store_names_the_connector(
    shoal: Shoal, at_valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert at_valkey
    monkeypatch.syspath_prepend(STRAY)
    assert shoal(*ADD, *FAILS, "--offline", "--currency", "EUR").code == 0
    ran = shoal("store", "check", "shop", "--json")
    assert (ran.code, ran.err) == (1, "")
    assert "shop_facts raised KeyError" in ran.json["checks"][0]["said"]
