"""`shoal store add` on a terminal: asks for what lacks and nothing else, secrets unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.worker.cli.conftest import Shoal, added
from worker.database import open_engine, reading
from worker.sealing import sealer_from
from worker.stores import config_of, load_store

PATIENCE = 60.0


def conversation(
    home: Path, words: list[str], answers: list[tuple[str, str]], code: int = 0
) -> str:
    """Run the command at a terminal of its own; everything that the terminal showed."""
    ours, theirs = os.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "SHOAL_HOME": str(home),
        "SHOAL_SECRET_KEY": "a key for the tests only",
    }
    command = [sys.executable, "-c", "from worker.cli import main; main()", *words]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen, end = "", monotonic() + PATIENCE
        for prompt, answer in answers:
            while not seen.endswith(f"{prompt}: "):
                assert monotonic() < end, seen
                seen += os.read(ours, 1024).decode()
            os.write(ours, f"{answer}\n".encode())
            seen += "\0"
        seen += rest_of(ours)
        assert process.wait(PATIENCE) == code, seen
    os.close(ours)
    return seen


def rest_of(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 1024)
        except OSError:  # Linux says so when the other side is closed
            break
        if not part:
            break
        parts.append(part.decode())
    return "".join(parts)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a system without terminals of this kind")
def test_only_what_is_needed_is_asked_for_and_secrets_stay_unseen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ["store", "add", "shop", "--platform", "shopify", "--offline", "--currency", "EUR"]
    answers = [
        ("url", "https://demo-shop.myshopify.com"),
        ("client_id", "the-id-nobody-sees"),
        ("client_secret", "the-secret-nobody-sees"),
    ]
    seen = conversation(home, words, answers)
    assert "Settings → Domains" in seen
    assert "nobody-sees" not in seen
    assert "https://demo-shop.myshopify.com" in seen
    assert seen.count("found: ") == len(answers)
    engine = open_engine(f"sqlite:///{home / 'shoal.db'}")
    with reading(engine) as connection:
        config = config_of(load_store(connection, "shop"), sealer_from("a key for the tests only"))
    engine.dispose()
    assert config.url == "https://demo-shop.myshopify.com"
    assert config.secrets == {
        "client_id": "the-id-nobody-sees",
        "client_secret": "the-secret-nobody-sees",
    }


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a system without terminals of this kind")
def test_secrets_are_asked_for_anew_and_an_empty_answer_keeps_one(shoal: Shoal, home: Path) -> None:
    added(shoal, "shop")
    words = ["store", "secrets", "shop", "--offline"]
    as_it_is = "(empty: as it is)"
    answers = [(f"api_key {as_it_is}", ""), (f"webhook_secret {as_it_is}", "nobody-sees")]
    seen = conversation(home, words, answers)
    assert "nobody-sees" not in seen
    assert "Changed: webhook_secret" in seen
    assert "shoal store secrets shop --forget previous_webhook_secret" in seen
    told = shoal("store", "secrets", "shop", "--forget", "previous_webhook_secret", "--offline")
    assert "Forgotten: previous_webhook_secret" in told.out
    assert "Nothing was changed" in conversation(home, words, [(one, "") for one, _ in answers])


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a system without terminals of this kind")
def test_erasing_a_store_is_asked_about_once(shoal: Shoal, home: Path) -> None:
    asked = "Erase all that is known of shop for ever? [y/N]"
    remove = ["store", "remove", "shop", "--erase", "--force"]
    added(shoal, "shop")
    assert "Aborted" in conversation(home, remove, [(asked, "n")], 1)
    assert shoal("store", "list", "--json").json["stores"]
    assert "shop is erased here" in conversation(home, remove, [(asked, "y")])
    assert shoal("store", "list", "--json").json["stores"] == []
    added(shoal, "shop")
    assert "Erase all" not in conversation(home, [*remove, "--yes"], [])


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a system without terminals of this kind")
def test_removing_a_store_is_asked_about_once(shoal: Shoal, home: Path) -> None:
    words = (
        "Delete the secrets, keys, names, addresses and dead letters of shop? Figures stay. [y/N]"
    )
    remove = ["store", "remove", "shop", "--force"]
    added(shoal, "shop")
    assert "Aborted" in conversation(home, remove, [(words, "n")], 1)
    assert not shoal("store", "list", "--json").json["stores"][0]["paused"]
    assert "shop is removed here" in conversation(home, remove, [(words, "y")])


def test_a_script_says_that_it_means_to_erase(shoal: Shoal) -> None:
    added(shoal, "shop")
    ran = shoal("store", "remove", "shop", "--erase", "--force")
    assert (ran.code, ran.out) == (2, "")
    assert "expected --yes" in ran.err
    assert shoal("store", "list", "--json").json["stores"]
    ran = shoal("store", "remove", "shop", "--erase", "--force", "--yes")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Gone in the store: ")
    assert shoal("store", "list", "--json").json["stores"] == []


def test_a_script_that_removes_a_store_is_asked_nothing(shoal: Shoal) -> None:
    """What it deletes comes back when the store is added again."""
    added(shoal, "shop")
    assert shoal("store", "remove", "shop", "--force").code == 0
