"""Segments of every kind as one: which there are, who is in, how many there were."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, func, null, select

from connectors.events import moment
from segmentation.record import DAY
from segmentation.rules import STAGES
from segmentation.segment import Segment, kind_of
from segmentation.wording import Words
from segmentation.wording_groups import segment_words
from worker import models
from worker.drawing import is_buyer
from worker.rule_files import sizes_of
from worker.segment_reports import UnknownSegment, groups_of
from worker.shop import Shop

_people: Final = models.customers.c
_held: Final = models.memberships.c


def segments_of(shop: Shop) -> tuple[Segment, ...]:
    """A store's segments: the learned groups in force, then those by rule; none is predicted."""
    version = shop.model.version
    groups = (Segment(one.id, "learned", (), one.stage, version) for one in shop.model.groups)
    return (*groups, *(one.rule.segment(one.version) for one in shop.rules))


def name_of(words: Words, segment: Segment) -> str:
    """What people call a segment, in their language."""
    if segment.names:
        return segment.name_in(words.language)
    return segment_words(words, segment.id)


def listed(connection: Connection, shop: Shop, words: Words) -> list[dict[str, Any]]:
    """Every segment with its kind, stage, name and number of customers."""
    sizes = {row["id"]: row["customers"] for row in groups_of(connection, shop, words)}
    sizes |= sizes_of(connection, shop)
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "stage": one.stage,
            "name": name_of(words, one),
            "customers": sizes.get(one.id, 0),
        }
        for one in segments_of(shop)
    ]


def require(shop: Shop, segment: str) -> None:
    """Pass if a store has such a stage or segment.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    names = (*STAGES, *(one.id for one in segments_of(shop)))
    if segment not in names:
        near = get_close_matches(segment, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"segment {segment!r}: expected one of {', '.join(names)}{hint}"
        raise UnknownSegment(message)


def members(connection: Connection, shop: Shop, segment: str) -> list[dict[str, Any]]:
    """Who is in a stage or segment now: our id, the platform's, since when (of a group: unknown).

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    require(shop, segment)
    since: ColumnElement[Any] = _people.segment_since if segment in STAGES else null()
    if kind_of(segment) != "learned":
        since = _held.since
    source, inside = _inside(shop, segment)
    query = select(_people.id, _people.platform_id, since.label("since")).select_from(source)
    return [
        {
            "customer": row.id,
            "customer_id": row.platform_id,
            "since": moment(row.since).isoformat(timespec="seconds") if row.since else None,
        }
        for row in connection.execute(query.where(inside).order_by(_people.id))
    ]


def member_ids(connection: Connection, shop: Shop, segment: str) -> set[int]:
    """Our ids of who is in a stage or segment now: of a million, too, at once.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    require(shop, segment)
    source, inside = _inside(shop, segment)
    return set(connection.execute(select(_people.id).select_from(source).where(inside)).scalars())


def _inside(shop: Shop, segment: str) -> tuple[FromClause, ColumnElement[bool]]:
    if kind_of(segment) == "learned":
        is_there = (_people.segment == segment) | (_people.grouping == segment)
        return models.customers, is_buyer(shop.number) & is_there
    joined = models.customers.join(models.memberships, _held.customer == _people.id)
    return joined, (_held.store == shop.number) & (_held.segment == segment) & _held.is_in


def history(connection: Connection, shop: Shop, segment: str, days: int) -> list[dict[str, Any]]:
    """A segment's size at the end of each of the last days (UTC), and who entered and left in it.

    Counted back from now over the recorded changes; an erased customer has none, and of stages
    and groups a merged one neither.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    size = len(member_ids(connection, shop, segment))
    today = shop.now - shop.now % DAY
    first = today - (days - 1) * DAY
    entered, left = (_by_day(connection, shop, segment, first, way) for way in (True, False))
    found = []
    for day in range(today, first - DAY, -DAY):
        came, went = entered.get(day, 0), left.get(day, 0)
        name = moment(day).date().isoformat()
        found.append({"day": name, "customers": size, "entered": came, "left": went})
        size += went - came
    return found[::-1]


def _by_day(
    connection: Connection,
    shop: Shop,
    segment: str,
    first: int,
    way: bool,  # noqa: FBT001 - one of the two ways through a door
) -> dict[int, int]:
    at, crossed = crossing(shop, segment, entered=way)
    day = (at - at % DAY).label("day")
    query = select(day, func.count()).where(crossed, at >= first).group_by(day)
    return {int(one): int(number) for one, number in connection.execute(query)}


def crossing(
    shop: Shop, segment: str, *, entered: bool
) -> tuple[ColumnElement[Any], ColumnElement[bool]]:
    """When, and which, recorded changes led into a stage or segment, or out of it."""
    if kind_of(segment) != "learned":
        told = models.membership_changes.c
        mine = (told.store == shop.number) & (told.segment == segment)
        return told.at, mine & (told.entered if entered else ~told.entered)
    moves = models.segment_changes.c
    before, after = moves.segment_before, moves.segment_after
    if "." in segment:
        before, after = moves.group_before, moves.group_after
    came = (after == segment) & (before != segment)
    went = (before == segment) & (after != segment)
    return moves.at, (moves.store == shop.number) & (came if entered else went)
