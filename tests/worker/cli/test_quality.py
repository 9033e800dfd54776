"""`shoal quality`: what it refuses, and a way through it by words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.cli.conftest import Shoal
from worker.cli.output import print_table
from worker.cli.quality import _said
from worker.quality import Day


def test_a_reason_that_holds_nothing_names_the_nearest(shoal: Shoal, store: Any) -> None:
    assert store
    for words in ("held", "release", "drop --yes"):
        ran = shoal("quality", *words.split(), "--reason", "bot_bursts")
        assert ran.code == 2
        assert "did you mean bot_burst?" in ran.err
    assert "holds no events" in shoal("quality", "held", "--reason", "foreign_currency").err


def test_nothing_is_dropped_without_saying_what(shoal: Shoal, store: Any) -> None:
    assert store
    ran = shoal("quality", "drop", "--yes")
    assert ran.code == 2
    assert "--reason or --event" in ran.err


def test_a_day_without_events_has_no_score(shoal: Shoal, store: Any) -> None:
    assert store
    ran = shoal("quality", "show")
    assert (ran.code, "Quality of shop: none" in ran.out) == (0, True)


def test_a_day_of_a_few_events_is_not_called_low() -> None:
    assert _said(Day("2026-11-26", 4, {"impossible_age": 2}), 95) == "66.7%"
    assert _said(Day("2026-11-26", 18, {"impossible_age": 2}), 95) == "90.0% low"


def test_a_table_has_no_word_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", ("a", "b", "c"), [(True, False, None)])
    told = capsys.readouterr().out
    assert ("yes" in told, "no" in told, "None" in told) == (True, True, False)
