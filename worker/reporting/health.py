"""Whether the groups still fit the shop: drift, versions, and a light for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from connectors.events import microseconds
from segmentation.drift import SHIFTED, WORSE, Drift
from segmentation.record import DAY
from worker import models
from worker.learning_report import drift_now
from worker.reporting.content import Health, Light, Version
from worker.reporting.counting import Moves
from worker.shop import Shop

MUCH_WORSE: Final = 1.25
"""Error, in that of the groups when they were found, from which to act."""

_VERSIONS: Final = 8  # shown, the newest
_BACK: Final = "rollback"


class _Body(msgspec.Struct):
    learned_at: datetime
    groups: tuple[Any, ...] = ()


class _Moved(msgspec.Struct):
    moved: int | None = None
    customers: int | None = None


class _Told(msgspec.Struct):
    by: str = ""
    moved: _Moved = msgspec.field(default_factory=_Moved)


def health(connection: Connection, shop: Shop, moves: Sequence[Moves]) -> Health:
    """Drift under the version in force, and the newest versions."""
    drift = drift_now(connection, shop.number, shop.model)
    return Health(light(drift), drift, _versions(connection, shop, _first_days(moves)))


def light(drift: Drift | None) -> Light:
    """What drift asks for; `unknown` where there is none to ask, as under the stages by rule."""
    if drift is None:
        return "unknown"
    shifted = sum(index >= SHIFTED for index in drift.stability_index.values())
    if drift.error_since_found >= MUCH_WORSE or 2 * shifted > len(drift.stability_index):
        return "act"
    return "look" if shifted or drift.error_since_found >= WORSE else "good"


def _first_days(moves: Sequence[Moves]) -> Mapping[int, int]:
    """On which day, counted from now, each version was published, where that moved anybody."""
    days: dict[int, int] = {}
    for one in moves:
        if one.cause == "model":
            days[one.version] = max(one.ago, days.get(one.version, 0))
    return days


def _versions(
    connection: Connection, shop: Shop, first_days: Mapping[int, int]
) -> tuple[Version, ...]:
    columns = models.models.c
    rows = connection.execute(
        select(columns.version, columns.body, columns.published_at, columns.report)
        .where(columns.store == shop.number, columns.kind == "segments")
        .order_by(columns.version.desc())
        .limit(_VERSIONS)
    )
    found = []
    for row in rows:
        body = msgspec.json.decode(row.body, type=_Body)
        told = msgspec.json.decode(row.report, type=_Told)
        at: int | None = int(row.published_at)
        if shop.is_on_log_time:
            # Publishing is told in the wall's time, and what was rolled back to was learned before.
            ago, learned = first_days.get(row.version), microseconds(body.learned_at)
            at = None if told.by == _BACK else learned
            at = at if ago is None else shop.now - ago * DAY
        found.append(
            Version(
                number=row.version,
                at=at,
                by=told.by,
                groups=len(body.groups),
                moved=told.moved.moved,
                customers=told.moved.customers,
                is_in_force=row.version == shop.model.version,
            )
        )
    return tuple(found)
