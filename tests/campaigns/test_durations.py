"""Spans of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from campaigns.durations import EXPECTED, PATTERN, duration, span, written


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("0d", timedelta()),
        ("31536000s", timedelta(days=365)),
        ("100000000000w", None),
        ("9999999999w", None),
        ("36526d", None),
        ("2W", None),
        ("1.5d", None),
        ("-1d", None),
        ("14", None),
        ("d", None),
        ("", None),
        ("14d\n", None),
        ("٣d", None),
    ],
)
def test_a_span_is_a_whole_number_and_one_of_five_units(text: str, found: timedelta | None) -> None:
    assert span(text) == duration(text) == found
    if found:
        assert span(written(found)) == found
        assert re.search(PATTERN, text)


def test_files_take_ten_years_at_most() -> None:
    assert (duration("3660d"), duration("3661d")) == (timedelta(days=3660), None)
    assert span("3661d") == timedelta(days=3661)


def test_what_was_expected_names_every_unit() -> None:
    assert {one[-1] for one in EXPECTED.replace(",", "").split() if span(one)} == set("smhdw")
