"""Two profiles that turned out to be one person: the one that yields becomes a pointer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import Connection, Table, Update, bindparam, exists, update

from segmentation import running
from worker import models, unreadable
from worker.batch import Batch, Move
from worker.describing import united_attributes
from worker.renumbering import count_on
from worker.roster import Person

_OWNED: Final = (
    models.identities,
    models.orders,
    models.refunds,
    models.carts,
    models.timers,
    models.actions,
    models.codes,
)
# Their key holds the customer: a row that would clash stays with the one that yielded.
_KEYED: Final = (
    (models.decisions, ("store", "campaign", "occasion")),
    (models.holds, ("store", "campaign")),
)


def merge_people(connection: Connection, batch: Batch) -> None:
    """Unite features, histories, limits and codes of every pair that the batch bound together."""
    pairs = [(loser, batch.directory.final(loser)) for loser in batch.directory.merged]
    if not pairs:
        return
    count_on(connection, batch, pairs)
    for loser, winner in pairs:
        _unite(batch, loser, winner)
    created = set(batch.directory.created)
    stored = [{"loser": loser, "winner": winner} for loser, winner in pairs if loser not in created]
    if stored:
        _repoint(connection, stored)
    batch.count("merges", by=len(pairs))


def _unite(batch: Batch, loser: int, winner: int) -> None:
    roster = batch.roster
    yields, stays = roster.person(loser), roster.person(winner)
    rows = [roster.row[winner], roster.row[loser]]
    united, needs = running.merge(roster.records[rows[:1]], roster.records[rows[1:]])
    stays.products, size = running.united(
        stays.products, np.frombuffer(yields.products, "<u8").tolist()
    )
    united["distinct_products"] = size
    roster.records[rows[0]] = united[0]
    roster.records[rows[1]] = running.empty(1)[0]
    if needs.purchases[0]:
        batch.recompute.add(winner)
    _stand(batch, stays, yields)
    for person in (stays, yields):
        unreadable.clear(batch, person)
    _unite_people(stays, yields)


def _stand(batch: Batch, stays: Person, yields: Person) -> None:
    """Where campaigns knew the one who yields is no news of who stays; who stood nowhere is there.

    Whom no campaign could reach stood nowhere: to enter is news of who stays then.
    """
    if not yields.platform_id:
        return
    batch.known_in.setdefault(stays.id, set()).update({yields.segment, yields.grouping})
    if stays.grouping or not yields.grouping:
        return
    stays.segment_changes += 1
    stays.segment, stays.grouping = yields.segment, yields.grouping
    stays.segment_since = yields.segment_since
    stage, group = yields.segment, yields.grouping
    at = stays.segment_changes, batch.now
    batch.moves.append(Move(stays.id, *at, "", stage, "", group, "event"))


def _unite_people(stays: Person, yields: Person) -> None:
    stays.platform_id = stays.platform_id or yields.platform_id
    stays.is_known = stays.is_known or yields.is_known
    older, newer = sorted((yields, stays), key=lambda one: one.profile_version)
    stays.attributes = united_attributes(older.attributes, newer.attributes)
    stays.consents = united_json(older.consents, newer.consents)
    stays.time_zone = stays.time_zone or yields.time_zone
    stays.is_suppressed = stays.is_suppressed or yields.is_suppressed
    stays.profile_version = max(stays.profile_version, yields.profile_version)
    yields.merged_into = stays.id
    yields.segment = yields.grouping = ""
    yields.platform_id, yields.products = "", b""


def united_json(older: str, newer: str) -> str:
    """Two JSON objects as one; where both speak, the newer one's word stands."""
    if older in {"", "{}"}:
        return newer
    return msgspec.json.encode(msgspec.json.decode(older) | msgspec.json.decode(newer)).decode()


def _repoint(connection: Connection, pairs: Sequence[dict[str, int]]) -> None:
    for table in _OWNED:
        connection.execute(
            update(table)
            .where(table.c.customer == bindparam("loser"))
            .values(customer=bindparam("winner")),
            pairs,
        )
    for table, key in _KEYED:
        connection.execute(_keyed(table, key), pairs)
    for pair in pairs:
        connection.execute(
            update(models.customers)
            .where(models.customers.c.merged_into == pair["loser"])
            .values(merged_into=pair["winner"])
        )


def _keyed(table: Table, key: Sequence[str]) -> Update:
    other = table.alias()
    clash = exists().where(
        other.c.customer == bindparam("winner"),
        *(other.c[name] == table.c[name] for name in key),
    )
    return (
        update(table)
        .where(table.c.customer == bindparam("loser"), ~clash)
        .values(customer=bindparam("winner"))
    )
