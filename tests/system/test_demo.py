"""`shoal demo` as a process: a short play of the shipped log, whole and sabotaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from worker.database import open_engine
from worker.models import metadata

SHORT = "1500"
ROOT = Path(__file__).parents[2]


def played(folder: Path, *options: str, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, figures and what stood on standard error."""
    script = "from worker.cli import main; main()"
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", script, "demo", "--json", "--keep", str(folder), *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(folder.parent), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_proof_holds(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    """About half a minute each."""
    settings = {}
    if database == "postgresql":
        url: URL = request.getfixturevalue("postgres_url")
        settings["SHOAL_DATABASE_URL"] = url.render_as_string(hide_password=False)
    picture = tmp_path / "demo.svg"
    options = ("--events", SHORT, "--picture", str(picture))
    code, told, problem = played(tmp_path / "kept", *options, **settings)
    assert code == 0, problem
    events, coupons = told["events"], told["coupons"]
    assert events["lost"] == coupons["twice"] == 0
    assert events["duplicates"] > 0
    assert events["dead_letters"] > 0
    counted = events["applied"] + events["duplicates"] + events["dead_letters"]
    assert events["sent"] == counted >= 0.8 * int(SHORT)
    assert coupons["due"] == coupons["in_store"] > 0
    assert coupons["to_quiet_customers"] > 0
    assert told["features_equal_batch"] is True
    assert sum(row["customers"] for row in told["segments"]) == told["customers"] > 0
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p95"]
    assert told["peak_memory_mb"] > 0
    assert "Coupons appear in the store" in picture.read_text().replace("&#160;", " ")
    assert picture.stat().st_size < 200_000
    assert "at_risk" in asked(tmp_path / "kept")
    if database == "postgresql":
        assert schemas(settings["SHOAL_DATABASE_URL"]) == ["shoal_kept"]


def schemas(url: str) -> list[str]:
    """What the demo left in a database; of random names the beginning."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shoal%'")
        )
        names = [str(name).rpartition("_")[0] for name in found.scalars()]
    engine.dispose()
    return names


def asked(folder: Path) -> str:
    """What `shoal` answers in a shell that was told of the demo."""
    done = subprocess.run(  # noqa: S603 - a shell, and our own command
        ["/bin/sh", "-c", f". {folder}/environment && shoal segments list --json"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["drop", "double", "skew"])
def test_sabotage_is_caught(tmp_path: Path, broken: str) -> None:
    """About half a minute each."""
    code, told, _ = played(tmp_path / "kept", "--events", SHORT, "--sabotage", broken)
    assert code == 1
    assert (told["events"]["lost"] > 0) is (broken == "drop")
    assert (told["coupons"]["twice"] > 0) is (broken == "double")
    if broken == "skew":
        assert told["features_equal_batch"] is False


def test_it_says_what_it_expects(tmp_path: Path) -> None:
    code, _, problem = played(tmp_path / "kept", "--sabotage", "dorp")
    assert code == 2
    assert "did you mean drop?" in problem
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    code, _, problem = played(tmp_path / "full")
    assert code == 2
    assert "new or empty" in problem


def test_it_never_plays_beside_real_stores(tmp_path: Path, sqlite_url: URL) -> None:
    engine = open_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(metadata.tables["shoal_stores"].insert().values(number=1, id="theirs"))
    engine.dispose()
    url = f"sqlite:///{sqlite_url.database}"
    code, _, problem = played(tmp_path / "kept", SHOAL_DATABASE_URL=url)
    assert code != 0
    assert "expected a database without stores" in problem
