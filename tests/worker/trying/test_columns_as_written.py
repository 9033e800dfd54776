"""Numbers and dates as people write them, decided over a whole column."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from worker.trying import amounts, dates


@pytest.mark.parametrize(
    ("texts", "separator", "found"),
    [
        (["1,234.50", "2"], ",", [1234.5, 2]),
        (["1.234,50", "2"], ";", [1234.5, 2]),
        (["3,5", "1200"], ";", [3.5, 1200]),
        (["1 234,50 €", "EUR 7,00"], ";", [1234.5, 7]),
        (["£12.99", "-£3.00", "(4.00)", "5.00-"], ",", [12.99, -3, -4, -5]),
        (["1'234.50", "9"], ",", [1234.5, 9]),
        (["1,234,567", "12,345"], ",", [1234567, 12345]),
        (["1e3", ".5"], ",", [1000, 0.5]),
        (["n/a", "1e999", "1.2.3"], ",", [None, None, None]),
    ],
)
def test_numbers(texts: list[str], separator: str, found: list[float | None]) -> None:
    style = amounts.style_of(texts, separator=separator)
    assert [amounts.read_numbers(texts, style).get(text) for text in texts] == found


def test_what_may_be_thousands_or_decimals_is_said_to_be_unsure() -> None:
    assert amounts.style_of(["1,234"], separator=",") == amounts.Style(".", is_sure=False)
    assert amounts.style_of(["1,234"], separator=";") == amounts.Style(",", is_sure=False)
    assert amounts.style_of(["1.234"], separator=";") == amounts.Style(",", is_sure=False)
    assert amounts.style_of(["1.234"], separator=",").is_sure


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["2026-03-04", "2026-03-05"], "year-first"),
        (["03/04/2026", "13/04/2026"], "day-first"),
        (["03/04/2026", "03/14/2026"], "month-first"),
        (["03.04.2026", "04.05.2026"], "day-first"),
        # In order of time only if the day comes first.
        (["01/04/2026", "02/04/2026", "01/05/2026"], "day-first"),
        (["04/01/2026", "04/02/2026", "05/01/2026"], "month-first"),
        (["03/03/2026", "04/04/2026"], "ambiguous"),
        (["01/02/2026", "02/01/2026", "01/02/2026"], "ambiguous"),
    ],
)
def test_day_or_month_first_is_decided_over_the_whole_column(texts: list[str], order: str) -> None:
    assert dates.reading_of(texts).order == order


@pytest.mark.parametrize(
    ("text", "order", "found"),
    [
        ("2026-03-04T05:06:07Z", "year-first", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04 05:06:07 -0500", "year-first", datetime(2026, 3, 4, 10, 6, 7, tzinfo=UTC)),
        (
            "2026-03-04 05:06:07.123456+02:00",
            "year-first",
            datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC),
        ),
        ("20260304", "year-first", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("4/3/26 1:05 PM", "day-first", datetime(2026, 3, 4, 12, 5, tzinfo=UTC)),
        ("3/4/2026 12:05 am", "month-first", datetime(2026, 3, 3, 23, 5, tzinfo=UTC)),
        ("4. 3. 2026", "day-first", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("Mar 4, 2026", "year-first", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("4 March 2026 10:00", "year-first", datetime(2026, 3, 4, 9, tzinfo=UTC)),
        ("31/02/2026", "day-first", None),
        ("2026-13-01", "year-first", None),
        ("0001-01-01", "year-first", None),
        ("4 Smarch 2026", "year-first", None),
        ("yesterday", "year-first", None),
        ("1709540000", "year-first", None),
    ],
)
def test_times_of_many_forms(text: str, order: dates.Order, found: datetime | None) -> None:
    assert dates.time_of(text, order, ZoneInfo("Europe/Berlin")) == found
