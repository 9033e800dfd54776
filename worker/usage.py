"""What a campaign's limits have been used for, read for the customers of one batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from campaigns.decisions import memory_of
from campaigns.usage import Usage
from worker import bulk, models
from worker.batch import Batch
from worker.shop import Running

_HOUR: Final = 3_600_000_000
_MICROSECOND: Final = timedelta(microseconds=1)
_d: Final = models.decisions.c


def usage_of(
    connection: Connection, batch: Batch, running: Running, customers: Sequence[int]
) -> Usage:
    """The usage that deciding a campaign for some customers needs."""
    campaign, shop = running.campaign, batch.shop
    mode = "shadow" if running.state == "shadow" else "live"
    decided: set[tuple[int, str]] = set()
    uses: dict[int, list[int]] = {}
    contacts: dict[int, list[int]] = {}
    since = batch.now - memory_of(campaign, shop.policies.values()).contacts // _MICROSECOND
    rows = bulk.select_keys(
        connection,
        models.decisions,
        ("customer", "campaign", "occasion", "at", "outcome", "mode"),
        "customer",
        sorted(set(customers)),
    )
    for customer, name, occasion, at, outcome, its_mode in sorted(rows, key=lambda row: row[3]):
        if name == campaign.id and its_mode == mode:
            decided.add((customer, occasion))
            uses.setdefault(customer, []).append(at)
        elif name != campaign.id and its_mode == "live" and outcome == "fire" and at >= since:
            contacts.setdefault(customer, []).append(at)
    decided |= _final_holds(connection, running, customers)
    of_campaign = and_(_d.store == shop.number, _d.campaign == campaign.id, _d.mode == mode)
    return Usage(
        decided=decided,
        uses=uses,
        contacts=contacts,
        spent=_spent(connection, batch, running, of_campaign),
        segment_spent=_segment_spent(connection, batch),
        this_hour=_this_hour(connection, batch, running, of_campaign),
    )


def _final_holds(
    connection: Connection, running: Running, customers: Sequence[int]
) -> set[tuple[int, str]]:
    rows = bulk.select_keys(
        connection,
        models.holds,
        ("customer", "campaign", "occasion", "is_final"),
        "customer",
        sorted(set(customers)),
    )
    return {
        (customer, occasion)
        for customer, name, occasion, is_final in rows
        if is_final and name == running.campaign.id
    }


def _spent(
    connection: Connection, batch: Batch, running: Running, of_campaign: ColumnElement[bool]
) -> int:
    budget = running.campaign.limits.budget
    if budget is None:
        return 0
    return _sum(connection, and_(of_campaign, _d.at > batch.now - budget.per // _MICROSECOND))


def _this_hour(
    connection: Connection, batch: Batch, running: Running, of_campaign: ColumnElement[bool]
) -> int:
    if running.campaign.limits.at_most_per_hour is None:
        return 0
    began = batch.now - batch.now % _HOUR
    query = select(func.count()).select_from(models.decisions)
    return int(connection.execute(query.where(of_campaign, _d.at >= began)).scalar_one())


def _segment_spent(connection: Connection, batch: Batch) -> dict[str, int]:
    """Costs of live decisions, over all campaigns, of those who are in a budgeted segment now."""
    spent: dict[str, int] = {}
    customers = models.customers.c
    for name, policy in batch.shop.policies.items():
        if policy.budget is None:
            continue
        query = (
            select(func.coalesce(func.sum(_d.cost), 0))
            .select_from(models.decisions.join(models.customers, customers.id == _d.customer))
            .where(
                _d.store == batch.shop.number,
                _d.mode == "live",
                _d.at > batch.now - policy.budget.per // _MICROSECOND,
            )
        )
        if name != "everyone":
            query = query.where((customers.segment == name) | (customers.grouping == name))
        spent[name] = int(connection.execute(query).scalar_one())
    return spent


def _sum(connection: Connection, chosen: ColumnElement[bool]) -> int:
    query = select(func.coalesce(func.sum(_d.cost), 0)).where(chosen)
    return int(connection.execute(query).scalar_one())
