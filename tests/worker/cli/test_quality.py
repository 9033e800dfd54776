"""`shoal quality`: what it refuses, and a way through it by words."""

from __future__ import annotations

from typing import Any

from tests.worker.cli.conftest import Shoal


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
