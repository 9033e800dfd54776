"""Decisions of the campaigns that a batch woke: facts and usage in, rows out.

Campaigns are decided one after the other, each with what the ones before it used, because all of
it happens in the store's one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import Connection

from campaigns.decisions import Decision, Wakes, World, decide
from campaigns.policy import campaign_order
from campaigns.reasons import ALREADY_DECIDED
from worker import bulk, models
from worker.audience import facts_for
from worker.batch import Batch, Timer, Wake
from worker.judging import typical_order_value
from worker.runtime import Kit
from worker.shop import Running
from worker.usage import usage_of

_DECISIONS: Final = (
    "store",
    "campaign",
    "customer",
    "occasion",
    "version",
    "model",
    "at",
    "outcome",
    "mode",
    "reason",
    "detail",
    "segment",
    "cost",
)
_HOLDS: Final = (
    "store",
    "campaign",
    "customer",
    "occasion",
    "version",
    "at",
    "reason",
    "detail",
    "is_final",
)


@dataclass(frozen=True, slots=True)
class Fired:
    """A live decision to act, and when the webhook behind it was accepted (0: none was)."""

    decision: Decision
    accepted_at: int


def decide_all(connection: Connection, kit: Kit, batch: Batch) -> list[Fired]:
    """Decide every woken campaign and record the outcomes; what is to be pushed."""
    if not batch.wakes:
        return []
    woken: dict[str, list[Wake]] = {}
    for wake in batch.wakes:
        woken.setdefault(wake.campaign, []).append(wake)
    running = {one.campaign.id: one for one in batch.shop.campaigns}
    fired: list[Fired] = []
    for name in campaign_order(sorted(woken), batch.shop.policies.values()):
        wakes = _distinct(woken[name])
        decisions = _decide(connection, kit, batch, running[name], wakes)
        _record(connection, batch, decisions)
        accepted = {(wake.customer, wake.occasion): wake.accepted_at for wake in wakes}
        fired += [
            Fired(one, accepted[one.customer, one.occasion])
            for one in decisions
            if one.outcome == "fire" and one.mode == "live"
        ]
    return fired


def _distinct(wakes: Sequence[Wake]) -> list[Wake]:
    first = {(wake.customer, wake.occasion): wake for wake in reversed(wakes)}
    return sorted(first.values(), key=lambda wake: (wake.at, wake.customer, wake.occasion))


def _decide(
    connection: Connection, kit: Kit, batch: Batch, running: Running, wakes: Sequence[Wake]
) -> tuple[Decision, ...]:
    customers = [wake.customer for wake in wakes]
    world = world_of(connection, batch, running, customers, kit.salt)
    names = {name for wake in wakes for name, _ in wake.details}
    columns = {
        name: np.array([dict(wake.details).get(name, np.nan) for wake in wakes], np.float64)
        for name in ("order.value", "cart.value")
        if names
    }
    rows = [batch.roster.row[customer] for customer in customers]
    woken = Wakes(
        customer=np.array(customers, np.int64),
        row=np.array(rows, np.int64),
        occasion=[wake.occasion for wake in wakes],
        at=np.array([wake.at for wake in wakes], np.int64),
        columns=columns,
    )
    policies = batch.shop.policies
    return decide(running.campaign, running.version, policies, woken, world).decisions


def world_of(
    connection: Connection, batch: Batch, running: Running, customers: Sequence[int], salt: str
) -> World:
    """Everything that deciding a campaign for some customers of a batch depends on."""
    shop = batch.shop
    return World(
        now=batch.now,
        facts=facts_for(connection, batch, running.campaign, customers),
        usage=usage_of(connection, batch, running, customers),
        salt=salt,
        state=running.state,
        started_at=running.started_at,
        currency=shop.currency,
        zone=shop.time_zone,
        average_order_value=typical_order_value(connection, batch),
    )


def _record(connection: Connection, batch: Batch, decisions: Sequence[Decision]) -> None:
    """Settled occasions a row each; of holds the last one a customer; delays a timer."""
    told = [one for one in decisions if one.reason != ALREADY_DECIDED]
    settled = [_settled_row(batch, one) for one in told if one.is_final]
    # What was decided in shadow may be decided again once live, and then that is what counts.
    is_live = any(one.mode == "live" for one in told)
    write = bulk.upsert if is_live else bulk.insert_missing
    write(connection, models.decisions, _DECISIONS, settled)
    holds = {(one.campaign, one.customer): one for one in told if one.outcome == "hold"}
    last = [_hold_row(batch, one) for _, one in sorted(holds.items())]
    bulk.upsert(connection, models.holds, _HOLDS, last)
    for one in decisions:
        batch.count(one.outcome, f"{one.campaign}|{one.mode}|{one.reason}")
        batch.count("cost", f"{one.campaign}|{one.mode}|{one.outcome}", one.cost)
        if one.otherwise == "delay" and one.until is not None:
            batch.set_timers.append(_delayed(one, one.until))


def _settled_row(batch: Batch, one: Decision) -> tuple[object, ...]:
    return (
        batch.shop.number,
        one.campaign,
        one.customer,
        one.occasion,
        one.version,
        batch.shop.model.version,
        one.at,
        one.outcome,
        one.mode,
        one.reason,
        _json(one),
        one.segment,
        one.cost,
    )


def _hold_row(batch: Batch, one: Decision) -> tuple[object, ...]:
    return (
        batch.shop.number,
        one.campaign,
        one.customer,
        one.occasion,
        one.version,
        one.at,
        one.reason,
        _json(one),
        one.is_final,
    )


def _delayed(decision: Decision, until: int) -> Timer:
    return Timer(
        kind="delay",
        key=f"{decision.campaign}|{decision.customer}|{decision.occasion}",
        customer=decision.customer,
        campaign=decision.campaign,
        occasion=decision.occasion,
        due_at=until,
        since=decision.at,
    )


def _json(decision: Decision) -> str:
    return msgspec.json.encode(dict(decision.detail)).decode()
