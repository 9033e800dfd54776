"""Occasions that are counted, when two people turn out to be one.

A change of stage or of a segment by rule is its customer's n-th, and that number is the campaign's
occasion. Of two people both have a first: who stays counts on from all that either had, and what
was decided for the one who yields, waits for them or was sent goes on under numbers of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from campaigns.occasions import ENTRY, counted, counted_occasion
from worker import models
from worker.batch import Batch
from worker.entries import standing, write_numbers

_TABLES: Final = (models.decisions, models.holds, models.actions, models.timers)
# Customer who yields → segment (empty: stages and groups) → what their numbers are moved by.
_Shifts = dict[int, dict[str, int]]


def count_on(connection: Connection, batch: Batch, pairs: Sequence[tuple[int, int]]) -> None:
    """Move the numbers of those who yield behind those of who stays; each pair (yields, stays).

    To be called before anything of the pairs is united. Whom no campaign could reach had no
    occasion, and leaves no number.
    """
    people = batch.roster
    reached = [pair for pair in pairs if people.look(pair[0]).platform_id]
    if not reached:
        return
    shifts: _Shifts = defaultdict(dict)
    for yields, stays in reached:
        person = people.person(stays)
        shifts[yields][""] = person.segment_changes
        person.segment_changes += people.look(yields).segment_changes
    _count_rules(connection, batch, reached, shifts)
    _rename(connection, shifts)
    batch.due = [
        replace(one, occasion=_moved(one.occasion, shifts[one.customer]))
        if one.customer in shifts
        else one
        for one in batch.due
    ]


def _count_rules(
    connection: Connection, batch: Batch, pairs: Sequence[tuple[int, int]], shifts: _Shifts
) -> None:
    numbers: dict[tuple[str, int], int] = {}
    for segment, its in standing(connection, {one for pair in pairs for one in pair}).items():
        count = {customer: number for customer, (_, number) in its.items()}
        for yields, stays in pairs:
            if yields in count:
                shifts[yields][segment] = count.get(stays, 0)
                count[stays] = count.get(stays, 0) + count[yields]
                numbers[segment, stays] = count[stays]
    write_numbers(connection, batch.shop.number, [(*whose, n) for whose, n in numbers.items()])


def _rename(connection: Connection, shifts: _Shifts) -> None:
    for table in _TABLES:
        mine = table.c.customer.in_(shifts) & table.c.occasion.startswith(ENTRY)
        rows = connection.execute(select(table.c.customer, table.c.occasion).where(mine).distinct())
        # The highest first, so that none is in the way of another.
        ordered = sorted(rows.all(), key=lambda row: -counted(row.occasion)[1])
        changed = [
            {"whose": row.customer, "was": row.occasion, "now": now}
            for row in ordered
            if (now := _moved(row.occasion, shifts[row.customer])) != row.occasion
        ]
        if changed:
            its = (table.c.customer == bindparam("whose")) & (table.c.occasion == bindparam("was"))
            connection.execute(update(table).where(its).values(occasion=bindparam("now")), changed)


def _moved(occasion: str, by: dict[str, int]) -> str:
    if not occasion.startswith(ENTRY):
        return occasion
    segment, number = counted(occasion)
    return counted_occasion(segment, number + by.get(segment, 0))
