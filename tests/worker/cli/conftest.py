"""The console script on a home of its own, in this process: words in, exit code and text out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy.engine import URL

from worker.cli import main


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of standard output, which `--json` makes JSON."""
        return json.loads(self.out.splitlines()[-1])


Shoal = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command works in; nothing is there yet."""
    path = tmp_path / "home"
    monkeypatch.setenv("SHOAL_HOME", str(path))
    monkeypatch.setenv("SHOAL_SECRET_KEY", "a key for the tests only")
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def shoal(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shoal:
    """Runs ``shoal`` with some words."""
    assert not home.exists()
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["shoal", *map(str, words)])
        capfd.readouterr()
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        else:
            code = 0
        said = capfd.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def at_database(database_url: URL, monkeypatch: pytest.MonkeyPatch) -> URL:
    """The command works on each of both databases in turn, which has every table."""
    shown = database_url.render_as_string(hide_password=False)
    monkeypatch.setenv("SHOAL_DATABASE_URL", shown)
    return database_url


@pytest.fixture
def at_valkey(valkey_url: str, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> str:
    """The command works on an empty Valkey that runs."""
    assert valkey.ping()
    monkeypatch.setenv("SHOAL_REDIS_URL", valkey_url)
    return valkey_url


NOWHERE = "http://127.0.0.1:9"
OFFLINE = (
    "--offline",
    "--currency",
    "EUR",
    "--secret",
    "api_key=k",
    "--secret",
    "webhook_secret=w",
)


@pytest.fixture
def store(shoal: Shoal) -> Any:
    """A store on the wall's clock, its keys as `store add --json` shows them."""
    return added(shoal, "shop")


def added(shoal: Shoal, name: str, *more: object) -> Any:
    """Add a store that names a place which nobody answers at."""
    ran = shoal("store", "add", name, "--url", NOWHERE, *OFFLINE, *more, "--json")
    assert ran.code == 0, ran.err
    return ran.json
