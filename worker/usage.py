"""What a campaign's limits have been used for, read for the customers of one batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from campaigns.decisions import memory_of
from campaigns.policy import EVERYONE
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
            if outcome != "hold":
                uses.setdefault(customer, []).append(at)
        elif name != campaign.id and its_mode == "live" and outcome == "fire" and at >= since:
            contacts.setdefault(customer, []).append(at)
    of_campaign = and_(_d.store == shop.number, _d.campaign == campaign.id, _d.mode == mode)
    return Usage(
        decided=decided,
        uses=uses,
        contacts=contacts,
        spent=_spent(connection, batch, running, of_campaign),
        segment_spent=_segment_spent(connection, batch),
        this_hour=_this_hour(connection, batch, running, of_campaign),
    )


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
    used = query.where(of_campaign, _d.outcome != "hold", _d.at >= began)
    return int(connection.execute(used).scalar_one())


def _segment_spent(connection: Connection, batch: Batch) -> dict[str, int]:
    """Costs of live decisions made in each budgeted segment, over all campaigns."""
    spent: dict[str, int] = {}
    for name, policy in batch.shop.policies.items():
        if policy.budget is None:
            continue
        chosen = and_(
            _d.store == batch.shop.number,
            _d.mode == "live",
            _d.at > batch.now - policy.budget.per // _MICROSECOND,
        )
        if name != EVERYONE:
            # A stage's policy holds for its groups, whose ids begin with the stage.
            within = (_d.segment == name) | _d.segment.startswith(f"{name}.", autoescape=True)
            chosen = and_(chosen, within)
        spent[name] = _sum(connection, chosen)
    return spent


def _sum(connection: Connection, chosen: ColumnElement[bool]) -> int:
    query = select(func.coalesce(func.sum(_d.cost), 0)).where(chosen)
    return int(connection.execute(query).scalar_one())
