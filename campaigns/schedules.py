"""When a schedule or a customer's date comes next, on the local clock."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.quiet import local_moment
from campaigns.triggers import DateTrigger, ScheduleTrigger

_DAY = timedelta(days=1)
_FAR = 400  # days in which every schedule comes at least once


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment to wake at (aware UTC), and the local day or the year that names the occasion."""

    at: datetime
    day: date
    year: int


def next_slot(trigger: ScheduleTrigger, after: datetime, zone: ZoneInfo) -> Slot:
    """The first slot strictly after an aware moment.

    A local time that summer time leaves out comes right after the gap; one that comes twice
    comes once, the first time.
    """
    day = after.astimezone(zone).date() - _DAY
    for _ in range(_FAR):
        if _is_on(trigger, day):
            at = _local(day, trigger.at, zone)
            if at > after:
                return Slot(at, day, day.year)
        day += _DAY
    message = f"no slot of {trigger} within {_FAR} days"
    raise ValueError(message)


def next_date(trigger: DateTrigger, born: date, after: datetime, zone: ZoneInfo) -> Slot:
    """The next return of a customer's date strictly after an aware moment.

    29 February falls on the 28th where there is none. ``year`` is that of the date itself, not of
    a reminder before it.
    """
    first = after.astimezone(zone).year - 1
    for year in range(first, first + 4):
        day = _in_year(born, year) + timedelta(days=trigger.offset_days)
        at = _local(day, trigger.at, zone)
        if at > after:
            return Slot(at, day, year)
    message = f"no {trigger.date} within three years"
    raise ValueError(message)


def _is_on(trigger: ScheduleTrigger, day: date) -> bool:
    if trigger.every == "day":
        return True
    if trigger.every == "week":
        return day.weekday() == trigger.on
    return day.day == min(trigger.on, calendar.monthrange(day.year, day.month)[1])


def _in_year(born: date, year: int) -> date:
    last = calendar.monthrange(year, born.month)[1]
    return date(year, born.month, min(born.day, last))


def _local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return local_moment(datetime.combine(day, clock, UTC), clock, zone)
