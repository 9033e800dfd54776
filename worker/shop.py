"""One store as a batch sees it: its row, model, campaigns and policies, read once per batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from campaigns.campaign import Campaign, load_campaign
from campaigns.decisions import State
from campaigns.policy import Policy, load_policy
from campaigns.rule_segments import RuleSegment, load_rule
from segmentation.model import SegmentModel, empty_model, from_json
from worker import models

# A customer's id begins with its store's number, so that ids are unique over all stores.
_STORE_BITS: Final = 40
# By name: a drain of before goes on while an upgrade gives stores another column.
_COLUMNS: Final = (
    *("number", "id", "partition", "currency", "time_zone", "clock"),
    *("now", "ticked_at", "last_customer", "model"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign as it stands in a store."""

    campaign: Campaign
    version: int
    state: State
    started_at: int


@dataclass(frozen=True, slots=True)
class RunningRule:
    """A rule segment as it stands in a store; ``judged`` is the version its members are of."""

    rule: RuleSegment
    version: int
    judged: int


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything about one store that does not change within a batch.

    ``now`` is the store's business time when the batch began (int microseconds); for a store on
    the wall clock it is the wall's.
    """

    number: int
    id: str
    partition: int
    currency: str
    time_zone: str
    is_on_log_time: bool
    now: int
    ticked_at: int
    last_customer: int
    judged_by: int
    model: SegmentModel
    campaigns: tuple[Running, ...]
    policies: Mapping[str, Policy]
    slots: Mapping[str, int]
    has_erasures: bool
    rules: tuple[RunningRule, ...] = ()
    closed_rules: tuple[tuple[str, int], ...] = ()  # removed ones whose members are still in
    is_settling: bool = False  # the ageing pass before the next version: small leads count too

    @property
    def has_new_rules(self) -> bool:
        """Whether everybody is to be asked by its rules before anything else happens."""
        return bool(self.closed_rules) or any(one.judged != one.version for one in self.rules)

    @property
    def ids(self) -> tuple[int, int]:
        """Its customers' ids lie between these: see `id_range`."""
        return id_range(self.number)


def id_range(store: int) -> tuple[int, int]:
    """Customers' ids of a store, by its number, lie between these; those of others do not."""
    return store << _STORE_BITS, (store + 1) << _STORE_BITS


def load_shops(connection: Connection, ids: set[str], partition: int, wall: int) -> dict[str, Shop]:
    """The named stores, and every other one of the partition, by id.

    Parameters
    ----------
    ids
        Stores that the batch's events name.
    partition
        Also stores without events may have timers due.
    wall
        Operating time, int microseconds.
    """
    stores = models.stores.c
    wanted = [stores[name] for name in _COLUMNS]
    rows = connection.execute(
        select(*wanted).where((stores.partition == partition) | stores.id.in_(ids))
    ).all()
    return {row.id: _shop(connection, row, wall) for row in rows}


def _shop(connection: Connection, row: Row[Any], wall: int) -> Shop:
    number = row.number
    rules, closed = _rules(connection, number)
    is_on_log_time = row.clock == "log"
    return Shop(
        number=number,
        id=row.id,
        partition=row.partition,
        currency=row.currency,
        time_zone=row.time_zone,
        is_on_log_time=is_on_log_time,
        now=row.now if is_on_log_time else wall,
        ticked_at=row.ticked_at,
        last_customer=row.last_customer,
        judged_by=row.model,
        model=model_in_force(connection, number),
        campaigns=_campaigns(connection, number),
        policies=_policies(connection, number),
        slots=_slots(connection, number),
        rules=rules,
        closed_rules=closed,
        has_erasures=connection.execute(
            select(models.erasures.c.store).where(models.erasures.c.store == number).limit(1)
        ).first()
        is not None,
    )


def _slots(connection: Connection, store: int) -> dict[str, int]:
    columns = models.categories.c
    rows = connection.execute(select(columns.name, columns.slot).where(columns.store == store))
    return {row.name: row.slot for row in rows}


def model_in_force(connection: Connection, store: int) -> SegmentModel:
    """The newest segment model of a store; the default rules before there is one."""
    columns = models.models.c
    of_store = (columns.store == store) & (columns.kind == "segments")
    newest = select(func.max(columns.version)).where(of_store).scalar_subquery()
    body = connection.execute(
        select(columns.body).where(of_store, columns.version == newest)
    ).scalar()
    return empty_model() if body is None else _model(body)


@lru_cache(maxsize=64)
def _model(body: str) -> SegmentModel:
    return from_json(body)


def _campaigns(connection: Connection, store: int) -> tuple[Running, ...]:
    columns = models.campaigns.c
    rows = connection.execute(
        select(columns.id, columns.version, columns.state, columns.started_at, columns.body)
        .where(columns.store == store, columns.state != "removed")
        .order_by(columns.id)
    ).all()
    return tuple(
        Running(_campaign(row.body, row.id), row.version, row.state, row.started_at) for row in rows
    )


@lru_cache(maxsize=1024)
def _campaign(body: str, name: str) -> Campaign:
    return load_campaign(body, f"campaign {name}")


def _rules(
    connection: Connection, store: int
) -> tuple[tuple[RunningRule, ...], tuple[tuple[str, int], ...]]:
    """The rules in force by id, and the removed ones that the drain has not closed yet."""
    columns = models.rules.c
    rows = connection.execute(
        select(columns.id, columns.version, columns.judged, columns.body)
        .where(columns.store == store, (columns.body != "") | (columns.judged != columns.version))
        .order_by(columns.id)
    ).all()
    kept = (
        RunningRule(_rule(row.body, row.id), row.version, row.judged) for row in rows if row.body
    )
    return tuple(kept), tuple((row.id, row.version) for row in rows if not row.body)


@lru_cache(maxsize=256)
def _rule(body: str, name: str) -> RuleSegment:
    return load_rule(body, f"rule {name}")


def _policies(connection: Connection, store: int) -> dict[str, Policy]:
    columns = models.policies.c
    rows = connection.execute(
        select(columns.segment, columns.body).where(columns.store == store)
    ).all()
    return {row.segment: _policy(row.body, row.segment) for row in rows}


@lru_cache(maxsize=256)
def _policy(body: str, name: str) -> Policy:
    return load_policy(body, f"policy {name}")
