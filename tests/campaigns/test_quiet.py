"""Quiet hours and schedules on the local clock, across summer time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from campaigns.limits import QuietHours
from campaigns.quiet import is_quiet, local_moment, quiet_until, zone_named
from campaigns.schedules import next_date, next_slot
from campaigns.triggers import DateTrigger, ScheduleTrigger
from connectors.events import microseconds, moment

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(21), time(9))


def until(local: datetime, hours: QuietHours = NIGHT) -> datetime | None:
    end = quiet_until(microseconds(local.astimezone(UTC)), hours, BERLIN)
    return None if end is None else moment(end).astimezone(BERLIN)


def test_the_night_ends_at_nine_on_the_local_clock() -> None:
    evening = datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    end = until(evening)
    assert end == datetime(2026, 3, 29, 9, tzinfo=BERLIN)
    # The night of summer time is an hour shorter.
    assert end is not None
    assert end.astimezone(UTC) - evening.astimezone(UTC) == timedelta(hours=10)
    winter = until(datetime(2026, 10, 24, 22, tzinfo=BERLIN))
    assert winter == datetime(2026, 10, 25, 9, tzinfo=BERLIN)


def test_start_is_quiet_and_end_is_not() -> None:
    assert until(datetime(2026, 5, 1, 21, tzinfo=BERLIN)) is not None
    assert until(datetime(2026, 5, 1, 9, tzinfo=BERLIN)) is None
    assert until(datetime(2026, 5, 1, 20, 59, tzinfo=BERLIN)) is None


def test_an_end_that_summer_time_leaves_out_comes_after_the_gap() -> None:
    hours = QuietHours(time(1), time(2, 30))
    end = until(datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN), hours)
    assert end == datetime(2026, 3, 29, 3, tzinfo=BERLIN)


def test_the_hour_that_comes_twice_is_waited_for_twice() -> None:
    hours = QuietHours(time(1), time(2, 30))
    second = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
    end = until(second, hours)
    assert end is not None
    # In UTC: datetimes of one zone are compared by their clocks alone.
    assert end.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@given(
    st.integers(0, 2 * 366 * 24 * 4),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.times(),
    st.times(),
)
def test_the_end_is_never_quiet_and_all_before_it_is(
    quarters: int, zone: str, start: time, end: time
) -> None:
    hours = QuietHours(start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0))
    if hours.start == hours.end:
        return
    now = microseconds(datetime(2025, 12, 1, tzinfo=UTC)) + quarters * 900_000_000
    found = quiet_until(now, hours, ZoneInfo(zone))
    quiet_now = is_quiet(moment(now).astimezone(ZoneInfo(zone)).time(), hours)
    assert (found is not None) == quiet_now
    if found is not None:
        assert found > now
        assert not is_quiet(moment(found).astimezone(ZoneInfo(zone)).time(), hours)
        assert found - now <= 25 * 3_600_000_000


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "Europe"])
def test_what_is_no_zone(name: str) -> None:
    assert zone_named(name) is None


def test_a_local_time_in_the_gap() -> None:
    found = local_moment(datetime(2026, 3, 29, tzinfo=UTC), time(2, 30), BERLIN)
    assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_slots() -> None:
    after = datetime(2026, 3, 28, 9, tzinfo=BERLIN)
    daily = next_slot(ScheduleTrigger("day", time(9)), after, BERLIN)
    assert daily.at == datetime(2026, 3, 29, 9, tzinfo=BERLIN)
    assert daily.at.astimezone(UTC).hour == 7
    weekly = next_slot(ScheduleTrigger("week", time(9), 0), after, BERLIN)
    assert weekly.day == date(2026, 3, 30)
    monthly = next_slot(ScheduleTrigger("month", time(9), 31), daily.at + timedelta(days=3), BERLIN)
    assert monthly.day == date(2026, 4, 30)


def test_a_slot_in_the_hour_that_comes_twice_comes_once() -> None:
    trigger = ScheduleTrigger("day", time(2, 30))
    first = next_slot(trigger, datetime(2026, 10, 25, 1, tzinfo=BERLIN), BERLIN)
    assert first.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_slot(trigger, first.at, BERLIN).day == date(2026, 10, 26)


def test_birthdays() -> None:
    born = date(1992, 2, 29)
    day = DateTrigger("birthday", time(9))
    after = datetime(2026, 1, 1, tzinfo=UTC)
    first = next_date(day, born, after, BERLIN)
    assert (first.day, first.year) == (date(2026, 2, 28), 2026)
    assert next_date(day, born, first.at, BERLIN).day == date(2027, 2, 28)
    assert next_date(day, born, datetime(2028, 1, 1, tzinfo=UTC), BERLIN).day == date(2028, 2, 29)


def test_a_reminder_before_new_year_belongs_to_the_date_s_year() -> None:
    before = DateTrigger("birthday", time(9), -7)
    found = next_date(before, date(1990, 1, 3), datetime(2026, 12, 1, tzinfo=UTC), BERLIN)
    assert (found.day, found.year) == (date(2026, 12, 27), 2027)
