"""What rules are judged by: facts of everybody in a roster, and when each did what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, or_, select

from campaigns.conditions import Condition, needed_columns, needed_counts, needed_history
from campaigns.facts import Facts, history_column
from campaigns.flips import Past, Setting
from connectors.records import exponent
from segmentation.record import DAY
from worker.audience import AT_ONCE, known_columns, log_of, standing_for
from worker.batch import Batch


def ground_of(
    connection: Connection, batch: Batch, conditions: Sequence[Condition], customers: Sequence[int]
) -> tuple[Facts, Setting]:
    """Columns and moments that some conditions read, one row a customer of the roster.

    ``customers`` are those who are judged: only theirs is read of the event log, in one query for
    each type of event.
    """
    rows = len(batch.roster.people)
    needed = frozenset[str]().union(*map(needed_columns, conditions))
    columns = dict(known_columns(connection, batch, needed))
    history = _history(connection, batch, conditions, customers)
    for condition in conditions:
        for event, days in needed_history(condition):
            counts = history[event].counts(days, batch.now, rows)
            columns[history_column(event, days)] = counts
    places = exponent(batch.shop.currency)
    return Facts(rows, columns), Setting(batch.now, batch.roster.records, places, history)


def _history(
    connection: Connection, batch: Batch, conditions: Sequence[Condition], customers: Sequence[int]
) -> dict[str, Past]:
    asked: dict[str, tuple[int, int]] = {}
    for condition in conditions:
        for event, days, times in needed_counts(condition):
            longest, most = asked.get(event, (0, 0))
            asked[event] = max(longest, days), max(most, times)
    if not asked:
        return {}
    stands_for = standing_for(connection, batch, customers)
    return {
        event: _past(connection, batch, stands_for, (event, *asked[event]))
        for event in sorted(asked)
    }


def _past(
    connection: Connection, batch: Batch, stands_for: dict[int, int], asked: tuple[str, int, int]
) -> Past:
    """The latest of one type of event, so many a customer, within so many days, and those ahead."""
    event, days, times = asked
    table, chosen = log_of(event)
    who, at = table.c.customer, table.c.at
    is_ahead = at > batch.now
    place = func.row_number().over(partition_by=(who, is_ahead), order_by=at.desc())
    ids, found = sorted(stands_for), list[Any]()
    for start in range(0, len(ids), AT_ONCE):
        wanted = who.in_(ids[start : start + AT_ONCE]) & chosen & (at >= batch.now - days * DAY)
        latest = select(who, at, place.label("place")).where(wanted).subquery()
        is_counted = or_(latest.c.place <= times, latest.c.at > batch.now)
        found += connection.execute(select(latest.c.customer, latest.c.at).where(is_counted)).all()
    row = [batch.roster.row[stands_for[customer]] for customer, _ in found]
    return Past(np.array(row, np.int64), np.array([at for _, at in found], np.int64))
