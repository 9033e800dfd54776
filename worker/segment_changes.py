"""What changed in a segment within the last 30 days: who came and went, which groups are new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from connectors.events import moment
from segmentation.record import DAY
from segmentation.surrogate import belongs
from segmentation.wording import Words, date
from segmentation.wording_segments import causes_words, regrouping_words
from worker import models
from worker.shop import Shop
from worker.told_causes import of_models, recorded

DAYS: Final = 30
_VERSIONS: Final = 60  # looked at, the newest
_BY_RULE: Final = ".all"


class _Body(msgspec.Struct):
    learned_at: datetime


class _Moved(msgspec.Struct):
    restaged: tuple[tuple[str, str], ...] = ()
    born: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


class _Report(msgspec.Struct):
    moved: _Moved = msgspec.field(default_factory=_Moved)


def changes(
    connection: Connection, shop: Shop, segment: str, size: int, words: Words
) -> dict[str, Any]:
    """Entered and left by cause, the size before, and groups that are new or changed their stage.

    ``size`` is that of now. The size before is counted back from it over the recorded changes;
    merged and erased customers are not in it.
    """
    since = shop.now - DAYS * DAY
    moves = models.segment_changes.c
    before, after = moves.segment_before, moves.segment_after
    if "." in segment:
        before, after = moves.group_before, moves.group_after
    within = (moves.store == shop.number) & (moves.at >= since)
    entered = _causes(connection, shop, within & (after == segment) & (before != segment))
    left = _causes(connection, shop, within & (before == segment) & (after != segment))
    regrouped = list(_regrouped(connection, shop, segment, moment(since)))
    return {
        "days": DAYS,
        "since": moment(since).isoformat(timespec="seconds"),
        "since_words": date(words, moment(since)),
        "before": size - sum(entered.values()) + sum(left.values()),
        "now": size,
        "entered": recorded(entered),
        "entered_words": causes_words(words, entered),
        "left": recorded(left),
        "left_words": causes_words(words, left),
        "regrouped": [
            {"before": old, "after": new, "words": regrouping_words(words, old, new)}
            for old, new in regrouped
        ],
    }


def _causes(connection: Connection, shop: Shop, wanted: ColumnElement[bool]) -> dict[str, int]:
    cause, version = models.segment_changes.c.cause, models.segment_changes.c.model
    rows = connection.execute(
        select(cause, version, func.count()).where(wanted).group_by(cause, version)
    ).all()
    made = of_models(connection, shop.number, {row.model for row in rows if row.cause == "model"})
    found: Counter[str] = Counter()
    for name, by, number in rows:
        found[made.get(by, name) if name == "model" else str(name)] += int(number)
    return dict(found)


def _regrouped(
    connection: Connection, shop: Shop, segment: str, since: datetime
) -> Iterator[tuple[str, str]]:
    """Old and new ids of the segment's groups, newest first; '' where there is none."""
    columns = models.models.c
    rows = connection.execute(
        select(columns.body, columns.report)
        .where(columns.store == shop.number, columns.kind == "segments")
        .order_by(columns.version.desc())
        .limit(_VERSIONS)
    )
    for row in rows:
        if msgspec.json.decode(row.body, type=_Body).learned_at < since:
            return
        moved = msgspec.json.decode(row.report, type=_Report).moved
        pairs = [*moved.restaged, *(("", new) for new in moved.born)]
        # The stages by rule, before anything was learned, were no groups that anybody knew.
        pairs += [(old, "") for old in moved.retired if not old.endswith(_BY_RULE)]
        yield from (pair for pair in pairs if any(belongs(one, segment) for one in pair if one))
