"""Quiet hours on the customer's own clock, across summer time too."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from campaigns.limits import QuietHours
from connectors.events import microseconds, moment

_DAY: Final = timedelta(days=1)


@lru_cache(maxsize=1_000)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA time zone of that name; None if there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def local_moment(day: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The aware UTC moment of a local time on a local day.

    A time that summer time leaves out becomes the first moment after the gap; one that comes
    twice is the first of the two (PEP 495, fold 0).
    """
    naive = datetime.combine(day.date(), clock)
    found = naive.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == naive:
        return found
    # In a gap, fold 1 reads the clock by the offset after it: that is before the gap's end.
    after = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    gap = found - after
    return _first_after_gap(after, found, zone, gap)


def _first_after_gap(low: datetime, high: datetime, zone: ZoneInfo, gap: timedelta) -> datetime:
    before = (low - gap).astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def is_quiet(local: time, hours: QuietHours) -> bool:
    """Whether a local time lies in the hours: start included, end not."""
    if hours.start < hours.end:
        return hours.start <= local < hours.end
    return local >= hours.start or local < hours.end


def quiet_until(now: int, hours: QuietHours, zone: ZoneInfo) -> int | None:
    """When quiet hours that hold at ``now`` end (int microseconds); None if they do not hold."""
    local = moment(now).astimezone(zone)
    if not is_quiet(local.time(), hours):
        return None
    day = local if local.time() < hours.end else local + _DAY
    end = microseconds(local_moment(day, hours.end, zone))
    # The hour that comes twice in autumn: its second round is still to be waited for.
    while end <= now or is_quiet(moment(end).astimezone(zone).time(), hours):
        end += 60_000_000
    return end
