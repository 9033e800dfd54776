"""Rows of who is in which segment by rule or prediction, and of who came and went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, case, false, insert, literal, select, update

from worker import bulk, models
from worker.batch import Entry
from worker.shop import Shop

_CHANGE: Final = ("segment", "customer", "number", "store", "at", "entered", "cause", "version")
_STANDING: Final = ("store", "segment", "customer", "is_in", "since", "number")
_READ: Final = ("segment", "customer", "is_in", "number")
# Segment → customer → whether they are in, and how many changes there were.
Standing = dict[str, dict[int, tuple[bool, int]]]


def standing(connection: Connection, customers: Collection[int]) -> Standing:
    """Who of some customers is or was in which segment; one query."""
    rows = bulk.select_keys(connection, models.memberships, _READ, "customer", customers)
    found: Standing = defaultdict(dict)
    for segment, customer, is_in, number in rows:
        found[segment][customer] = bool(is_in), number
    return found


def write_entries(connection: Connection, store: int, entries: Sequence[Entry]) -> None:
    """Write who entered and left, and where they stand since; segments of any kind but learned."""
    bulk.upsert(
        connection,
        models.membership_changes,
        _CHANGE,
        [
            (
                *(one.segment, one.customer, one.number, store, one.at),
                *(one.entered, one.cause, one.version),
            )
            for one in entries
        ],
    )
    last = {(one.segment, one.customer): one for one in entries}
    bulk.upsert(
        connection,
        models.memberships,
        _STANDING,
        [
            (store, one.segment, one.customer, one.entered, one.at, one.number)
            for one in last.values()
        ],
    )


def write_numbers(
    connection: Connection, store: int, numbers: Sequence[tuple[str, int, int]]
) -> None:
    """Write how many changes of a segment count as a customer's, each (segment, customer, number).

    Who has no row gets one, and is not in.
    """
    columns = ("store", "segment", "customer", "number")
    bulk.upsert(connection, models.memberships, columns, [(store, *one) for one in numbers])


def ask_again(connection: Connection, *wanted: ColumnElement[bool]) -> None:
    """Have everybody asked by these rules (all unless said), silently, before the next batch.

    Each time it is another number, so that a drain that is amid asking sees that it was overtaken.
    """
    rules = models.rules.c
    anew = case((rules.judged > 0, -1), else_=rules.judged - 1)
    connection.execute(update(models.rules).where(rules.body != "", *wanted).values(judged=anew))


def close_segment(connection: Connection, shop: Shop, segment: str, version: int) -> None:
    """Everybody leaves a rule that was removed."""
    held, changed = models.memberships.c, models.membership_changes
    inside = (held.store == shop.number) & (held.segment == segment) & held.is_in
    leaving = select(
        held.segment,
        held.customer,
        held.number + 1,
        held.store,
        literal(shop.now),
        false(),
        literal("rule"),
        literal(version),
    ).where(inside)
    connection.execute(insert(changed).from_select(list(_CHANGE), leaving))
    connection.execute(
        update(models.memberships)
        .where(inside)
        .values(is_in=False, since=shop.now, number=held.number + 1)
    )


def memberships_of(connection: Connection, customers: Collection[int]) -> dict[int, list[str]]:
    """The rule segments that each of some customers is in, by id; one query."""
    found: dict[int, list[str]] = defaultdict(list)
    for segment, its in sorted(standing(connection, customers).items()):
        for customer, (is_in, _) in its.items():
            if is_in:
                found[customer].append(segment)
    return found
