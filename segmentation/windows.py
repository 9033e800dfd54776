"""What depends on order: gaps between orders, and sessions.

Both are sums over neighbours. A record keeps the newest ones themselves and the sum of the older
ones, so a late fact finds its neighbours unless it is older than all that is kept; then the record
is flagged and computed from the log.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from segmentation.features import SESSION_GAP
from segmentation.moments import squares
from segmentation.record import (
    NEEDS_BROWSING,
    NEEDS_PURCHASES,
    NEVER,
    ORDERS_KEPT,
    SESSIONS_KEPT,
    Bools,
    Ints,
    Records,
)

_GAP: Final = SESSION_GAP * 1_000_000


def groups(keys: Ints) -> tuple[Ints, Ints]:
    """Where each run of equal keys starts, and how long it is."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return starts, np.diff(starts, append=len(keys))


def gaps(times: Ints, before: Ints) -> Ints:
    """Distances between neighbours along the last axis; 0 where there is none.

    ``before`` is what precedes the first of each row; ``NEVER`` stands for nothing on both sides.
    """
    previous = np.concatenate([before[..., None], times[..., :-1]], axis=-1)
    return np.where(previous > NEVER, times - previous, 0)


def insert_orders(part: Records, row: Ints, at: Ints) -> None:
    """Put order times into the windows of records, in place; flag where they come too late.

    ``row`` (index into ``part``) ascends, ``at`` ascends within a row.
    """
    first, count = groups(row)
    who = row[first]
    late = who[at[first] < part["order_floor"][who]]
    part["flags"][late] |= NEEDS_PURCHASES
    owner = np.repeat(np.arange(len(who)), ORDERS_KEPT)
    owner = np.concatenate([owner, np.repeat(np.arange(len(who)), count)])
    times = np.concatenate([part["order_times"][who].ravel(), at])
    order = np.lexsort((times, owner))
    owner, times = owner[order], times[order]
    ends = np.cumsum(count + ORDERS_KEPT)
    part["order_times"][who] = times[ends[:, None] + np.arange(-ORDERS_KEPT, 0)]
    overflow = np.arange(len(times)) < (ends - ORDERS_KEPT)[owner]
    overflow &= times > NEVER
    if overflow.any():
        _evict_orders(part, who[owner[overflow]], times[overflow])


def _evict_orders(part: Records, row: Ints, at: Ints) -> None:
    """Move the oldest order times from windows into the sums before them; sorted as above."""
    first, count = groups(row)
    who = row[first]
    previous = np.roll(at, 1)
    previous[first] = part["order_floor"][who]
    gap = np.where(previous > NEVER, at - previous, 0)
    part["gap_squares"][who] += np.add.reduceat(squares(gap), first)
    part["order_floor"][who] = np.maximum(part["order_floor"][who], at[first + count - 1])


def insert_acts(part: Records, row: Ints, at: Ints) -> None:
    """Put browsing times into the sessions of records, in place; sorted by row, then time."""
    breaks = (row[1:] != row[:-1]) | (at[1:] - at[:-1] > _GAP)
    first = np.concatenate([[True], breaks])
    last = np.concatenate([breaks, [True]])
    insert_sessions(part, row[first], at[first], at[last])


def insert_sessions(part: Records, row: Ints, start: Ints, end: Ints) -> None:
    """Unite intervals with the sessions of records, in place; flag where they come too late.

    ``row`` (index into ``part``) ascends, ``start`` ascends within a row.
    """
    first, _ = groups(row)
    who = row[first]
    floor = part["session_floor"][who]
    late = (floor > NEVER) & (start[first] <= floor + _GAP)
    part["flags"][who[late]] |= NEEDS_BROWSING
    kept = part["session_ends"][who]
    position, _ = np.nonzero(kept > NEVER)
    full = kept > NEVER
    row, start, end = _united(
        np.concatenate([who[position], row]),
        np.concatenate([part["session_starts"][who][full], start]),
        np.concatenate([kept[full], end]),
    )
    first, count = groups(row)
    from_end = np.repeat(first + count, count) - np.arange(len(row)) - 1
    fits = from_end < SESSIONS_KEPT
    column = SESSIONS_KEPT - 1 - from_end[fits]
    part["session_starts"][who] = NEVER
    part["session_ends"][who] = NEVER
    part["session_starts"][row[fits], column] = start[fits]
    part["session_ends"][row[fits], column] = end[fits]
    if not fits.all():
        _evict_sessions(part, row[~fits], start[~fits], end[~fits])


def _united(row: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """The union of intervals by row, joining those at most a session's gap apart; sorted."""
    order = np.lexsort((start, row))
    row, start, end = row[order], start[order], end[order]
    # The greatest end so far within a row: ends as ranks, below a multiple of the row, accumulate
    # without running over 64 bits however far apart the times are.
    by_end = np.argsort(end, kind="stable")
    rank = np.empty_like(by_end)
    rank[by_end] = np.arange(len(end))
    reached = end[by_end[np.maximum.accumulate(row * len(row) + rank) % len(row)]]
    breaks: Bools = (row[1:] != row[:-1]) | (start[1:] - reached[:-1] > _GAP)
    first = np.concatenate([[True], breaks])
    last = np.concatenate([breaks, [True]])
    return row[first], start[first], reached[last]


def _evict_sessions(part: Records, row: Ints, start: Ints, end: Ints) -> None:
    """Move the oldest sessions from windows into the sums before them; sorted as above."""
    first, count = groups(row)
    who = row[first]
    part["sessions_before"][who] += count
    part["browsing_before"][who] += np.add.reduceat(end - start, first)
    part["session_floor"][who] = np.maximum(part["session_floor"][who], end[first + count - 1])
