"""`shoal quality`: what it refuses, and a way through it by words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from segmentation.wording import Words
from tests.worker.cli.conftest import Shoal
from worker.cli.output import print_table
from worker.cli.quality import score_words
from worker.quality import Day
from worker.quality_checks import REASONS
from worker.quality_wording import reason_words


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
    few = Day("2026-11-26", 4, {"impossible_age": 2})
    many = Day("2026-11-26", 18, {"impossible_age": 2})
    assert score_words(Words(), few, 95) == "66.7%"
    assert score_words(Words(), many, 95) == "90.0% low"
    assert score_words(Words("zh"), many, 95) == "90.0% 偏低"


def test_every_reason_and_the_page_are_told_in_chinese(shoal: Shoal, store: Any) -> None:
    assert store
    told = {reason_words(Words("zh"), one) for one in REASONS}
    assert len(told) == len(REASONS)
    assert not [one for one in told if re.search("[a-z]", one)]
    assert all(reason_words(Words(), one) != one for one in REASONS)
    out = shoal("quality", "show", "--language", "zh").out
    assert "shop 的数据质量: 无" in out
    assert "0 位客户的字段" in out
    assert set(re.findall("[a-z]{3,}", out)) == {
        *("shop", "birth", "year", "education", "gender", "household", "size", "income", "band"),
        *("occupation", "region"),
    }


def test_a_table_has_no_word_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", ("a", "b", "c"), [(True, False, None)])
    told = capsys.readouterr().out
    assert ("yes" in told, "no" in told, "None" in told) == (True, True, False)
