"""Causes of changes as people are told them: a recorded ``rule`` may be a new one, or a removal.

The rows keep one of five causes (event, time, model, import, rule). What stood behind a ``model``
or a ``rule`` is read off the version beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, case, func, select

from worker import models
from worker.shop import Shop

Counts = dict[str, int]
RECORDED: Final = {
    **dict.fromkeys(("refit", "rollback", "promotion"), "model"),
    **dict.fromkeys(("new_rule", "removed_rule"), "rule"),
}
"""What is told beside the five, and which of them is recorded."""


class _Report(msgspec.Struct):
    by: str = ""


def recorded(told: Mapping[str, int]) -> Counts:
    """The same numbers by recorded cause."""
    found: Counter[str] = Counter()
    for cause, number in told.items():
        found[RECORDED.get(cause, cause)] += number
    return dict(sorted(found.items()))


def of_models(connection: Connection, store: int, versions: Iterable[int]) -> dict[int, str]:
    """What is told of moves by these versions of the groups: who or what made each."""
    columns = models.models.c
    rows = connection.execute(
        select(columns.version, columns.report).where(
            columns.store == store,
            columns.kind == "segments",
            columns.version.in_(sorted(set(versions))),
        )
    )
    made = {int(version): msgspec.json.decode(told, type=_Report).by for version, told in rows}
    return {version: by if by in RECORDED else "model" for version, by in made.items()}


def of_rule(connection: Connection, shop: Shop, segment: str, since: int) -> tuple[Counts, Counts]:
    """How many entered, and how many left, a rule's segment since a moment, by told cause."""
    told = models.membership_changes.c
    mine = (told.store == shop.number) & (told.segment == segment)
    # One asking of everybody has one moment; of what else moved people it is not asked.
    asked_at = case((told.cause == "rule", told.at), else_=0).label("asked_at")
    alike = (told.entered, told.cause, told.version, asked_at)
    rows = connection.execute(
        select(*alike, func.count()).where(mine, told.at >= since).group_by(*alike)
    ).all()
    is_new, is_gone = _versions(connection, shop.number, segment)
    first = {
        int(version): int(at)
        for version, at in connection.execute(
            select(told.version, func.min(told.at))
            .where(mine, told.cause == "rule")
            .group_by(told.version)
        )
    }
    found = Counter[str](), Counter[str]()
    for entered, cause, version, at, number in rows:
        name = cause
        if cause == "rule" and version in is_gone:
            name = "removed_rule"
        elif cause == "rule" and entered and version in is_new and at == first[version]:
            name = "new_rule"
        found[0 if entered else 1][name] += int(number)
    return dict(found[0]), dict(found[1])


def _versions(connection: Connection, store: int, segment: str) -> tuple[set[int], set[int]]:
    """Versions of a rule that began it, at first or after a removal, and those that removed it."""
    columns = models.rule_versions.c
    rows = connection.execute(
        select(columns.version, columns.body != "").where(
            columns.store == store, columns.id == segment
        )
    )
    is_kept = {int(version): bool(kept) for version, kept in rows}
    is_new = {one for one, kept in is_kept.items() if kept and not is_kept.get(one - 1)}
    return is_new, {one for one, kept in is_kept.items() if not kept}
