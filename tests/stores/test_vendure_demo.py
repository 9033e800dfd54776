"""`shoal demo --store vendure`: a small play in a real store: whole, sabotaged, killed."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stores.shoal_stack import COMMAND, ROOT, eventually
from worker.demo.vendure.packages import Packages

SMALL = ("--events", "100", "--seed", "5")  # many who buy once and early: they get a coupon
DEMO = (*COMMAND, "demo", "--store", "vendure")


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}


def played(folder: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, figures and what stood on standard error."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*DEMO, "--json", "--keep", str(folder), *options],
        cwd=ROOT,
        env=environment(folder.parent),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


@pytest.mark.stores
def test_the_proof_holds(vendure: Packages, tmp_path: Path) -> None:
    """About a minute."""
    assert vendure.node
    code, told, problem = played(tmp_path / "kept", "--events", "300")
    assert code == 0, problem
    events, orders, coupons = told["events"], told["orders"], told["coupons"]
    assert told["platform"] == "vendure"
    assert events["lost"] == events["dead_letters"] == orders["different"] == 0
    assert orders["in_store"] == orders["known"] > 25
    assert 250 < events["sent"] <= 300
    assert coupons["due"] == coupons["in_store"] > 0
    assert coupons["twice"] == 0
    assert coupons["used"] == coupons["redeemed"]
    assert told["customers_equal_store"] is True
    assert sum(row["customers"] for row in told["segments"]) == told["customers"] > 10


@pytest.mark.stores
@pytest.mark.parametrize("broken", ["drop", "double"])
def test_sabotage_is_caught(vendure: Packages, tmp_path: Path, broken: str) -> None:
    """About half a minute each."""
    assert vendure.node
    code, told, problem = played(tmp_path / "kept", *SMALL, "--sabotage", broken)
    assert code == 1, problem
    assert told["events"]["lost"] == (broken == "drop")
    assert told["orders"]["in_store"] - told["orders"]["known"] == (broken == "drop")
    assert told["coupons"]["twice"] == (broken == "double")


@pytest.mark.stores
def test_no_process_outlives_a_demo_that_is_killed(vendure: Packages, tmp_path: Path) -> None:
    """About twenty seconds."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [*DEMO, *SMALL],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
    ) as demo:
        eventually(lambda: running(tmp_path, "vendure.player"), "the shoppers are there")
        assert running(tmp_path, str(vendure.node))
        demo.kill()
        demo.wait()
    eventually(lambda: not running(tmp_path, ""), "nothing is left", 30)


def running(place: Path, part: str) -> list[int]:
    """What runs of a demo, zombies apart: all of it was given the place, the store by its path."""
    found = []
    for process in psutil.process_iter(["status", "cmdline"]):
        with suppress(psutil.Error):
            said = " ".join(process.cmdline())
            is_its = str(place) in " ".join(process.environ().values())
            if is_its and part in said and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
