"""``shoal segments report``: one file, its figures as JSON, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.worker.cli.conftest import Shoal, added
from worker import plotting

LOG = """order,customer,time,product,quantity,price
o1,ann,2011-01-01,p1,1,10
o2,ann,2011-01-20,p2,2,5
o3,bea,2011-01-03,p1,1,10
o4,cid,2011-01-05,p1,1,30
"""


@pytest.fixture
def past(shoal: Shoal, at_valkey: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shoal:
    """A store into which four orders were played."""
    assert at_valkey
    monkeypatch.setenv("SHOAL_LEARN_EVERY", "36500d")
    (tmp_path / "log.csv").write_text(LOG)
    added(shoal, "past", "--clock", "log")
    assert shoal("replay", "log.csv", "--store", "past").code == 0
    return shoal


def test_the_report_is_one_file_in_either_language(past: Shoal, tmp_path: Path) -> None:
    told = past("segments", "report", "--out", "who.html", "--json").json
    assert (told["file"], told["language"], told["store"]) == ("who.html", "en", "past")
    assert (told["customers"], told["kind"], told["unsorted"]) == (3, "rules", 0)
    assert sum(one["spent"] for one in told["stages"]) == 60
    assert "Who your customers are" in (tmp_path / "who.html").read_text()
    ran = past("segments", "report", "--out", "who.html", "--language", "zh")
    assert "past 的 3 位客户：who.html，任何浏览器都能打开" in ran.out  # noqa: RUF001 - Chinese
    assert "您的客户是谁" in (tmp_path / "who.html").read_text("utf-8")


def test_what_cannot_be_written_is_refused(
    past: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = past("segments", "report", "--out", "who.pdf")
    assert (ran.code, "expected a name that ends with .html" in ran.err) == (2, True)
    ran = past("segments", "report", "--out", "nowhere/who.html")
    assert (ran.code, "nowhere" in ran.err) == (2, True)

    def nothing(_name: str) -> Any:
        return None

    monkeypatch.setattr(plotting, "find_spec", nothing)
    ran = past("segments", "report", "--out", "who.html")
    assert "pip install 'shoal[report]'" in ran.err
    assert not (tmp_path / "who.html").exists()
