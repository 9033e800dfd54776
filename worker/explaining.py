"""Why a campaign did or did not act for a customer: what was recorded, and what holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from campaigns.conditions import mask
from campaigns.decision import Wakes, World
from campaigns.explanation import Finding, decision_sentences, findings
from campaigns.questions import stops
from campaigns.reasons import HELD_OUT, PAUSED
from campaigns.triggers import ScheduleTrigger
from connectors.events import moment
from worker import installation, models
from worker.audience import facts_for
from worker.batch import Batch
from worker.deciding import world_of
from worker.identities import Directory
from worker.roster import load_roster
from worker.shop import Running, Shop

_NOW: Final = "now"  # an occasion that is nobody's


@dataclass(frozen=True, slots=True)
class Recorded:
    """Something that happened between a campaign and a customer."""

    at: str
    occasion: str
    outcome: str
    version: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One campaign and one customer: the past as it was recorded, the present as it is judged.

    Attributes
    ----------
    recorded
        What happened, oldest first; of holds that settle nothing the last one is kept.
    unrecorded
        What may have happened without a row of its own; empty when there is nothing of it.
    evaluated_at
        Business time (ISO 8601) at which ``present`` and ``stops`` were judged, for this answer
        alone: nothing of them is recorded.
    present, is_met
        The conditions, and whether they hold.
    stops
        What would stop it, conditions apart, if its trigger went off then.
    """

    campaign: str
    state: str
    recorded: tuple[Recorded, ...]
    unrecorded: str
    evaluated_at: str
    present: tuple[Finding, ...]
    is_met: bool
    stops: tuple[str, ...]


def explain(connection: Connection, shop: Shop, running: Running, customer: int) -> Explanation:
    """Everything there is to say about a campaign and a customer."""
    batch = snapshot(connection, shop, [customer])
    salt = installation.known_salt(connection)
    world = world_of(connection, batch, running, [customer], salt or "")
    condition = running.campaign.condition
    recorded = tuple(_recorded(connection, shop, running, customer))
    return Explanation(
        campaign=running.campaign.id,
        state=running.state,
        recorded=recorded,
        unrecorded=_unrecorded(running, recorded),
        evaluated_at=moment(batch.now).isoformat(timespec="seconds"),
        present=findings(condition, world.facts, 0),
        is_met=bool(mask(condition, world.facts)[0]),
        stops=tuple(_stops(batch, running, world)),
    )


def snapshot(connection: Connection, shop: Shop, customers: Sequence[int]) -> Batch:
    """Some customers as they are now, in the form that campaigns are judged on."""
    roster = load_roster(connection, shop, customers, ())
    return Batch(shop, shop.now, Directory({}, {}, set(), 0), [], roster)


def audience(connection: Connection, shop: Shop, running: Running) -> list[int]:
    """Customers with a platform id who meet a campaign's conditions now, by id."""
    people = models.customers.c
    ids = list(
        connection.execute(
            select(people.id)
            .where(people.store == shop.number, people.platform_id != "")
            .order_by(people.id)
        ).scalars()
    )
    found: list[int] = []
    for start in range(0, len(ids), 5_000):
        page = ids[start : start + 5_000]
        batch = snapshot(connection, shop, page)
        facts = facts_for(connection, batch, running.campaign, page)
        met = np.flatnonzero(mask(running.campaign.condition, facts))
        found += [batch.roster.people[row].id for row in met]
    return sorted(found)


def _recorded(
    connection: Connection, shop: Shop, running: Running, customer: int
) -> list[Recorded]:
    decisions, holds = models.decisions.c, models.holds.c
    of_pair = (decisions.store == shop.number, decisions.campaign == running.campaign.id)
    rows = connection.execute(
        select(models.decisions).where(*of_pair, decisions.customer == customer)
    ).all()
    found = [
        (row.at, row.occasion, f"{row.outcome} ({row.mode})", row.version, row.reason, row.detail)
        for row in rows
    ]
    held = connection.execute(
        select(models.holds).where(
            holds.store == shop.number,
            holds.campaign == running.campaign.id,
            holds.customer == customer,
        )
    ).all()
    found += [(row.at, row.occasion, "hold", row.version, row.reason, row.detail) for row in held]
    return [
        Recorded(
            moment(at).isoformat(timespec="seconds"),
            occasion,
            outcome,
            version,
            decision_sentences(reason, msgspec.json.decode(detail, type=dict[str, object])),
        )
        for at, occasion, outcome, version, reason, detail in sorted(found)
    ]


def _unrecorded(running: Running, recorded: Sequence[Recorded]) -> str:
    """Where no row is no proof that nothing happened (campaigns are asked in pages, by SQL)."""
    if isinstance(running.campaign.trigger, ScheduleTrigger):
        return (
            "A schedule passes over customers whose orders or recency do not fit, without a row "
            "for each: whether this one would be among them is evaluated below."
        )
    return "" if recorded else "Nothing was recorded: its trigger never went off for this customer."


def _stops(batch: Batch, running: Running, world: World) -> list[str]:
    person, name = batch.roster.people[0], running.campaign.id
    said = {
        "shadow": "The campaign is in shadow: it decides and pushes nothing. "
        f"`shoal campaigns start {name}` makes it live.",
        "paused": f"The campaign is paused. `shoal campaigns start {name}`.",
    }
    found = [said[running.state]] if running.state in said else []
    if not person.platform_id:
        found.append("The store does not know this person: nothing can be pushed to a visitor.")
    now = np.array([batch.now], np.int64)
    wake = Wakes(np.array([person.id], np.int64), np.zeros(1, np.int64), [_NOW], now)
    for hold in stops(running.campaign, batch.shop.policies, wake, world):
        if hold.reason == HELD_OUT:
            share = f"{hold.detail['share']:.0%}"
            control = f"The customer is in the control group ({share}): nothing is ever pushed."
            found += [control] if world.salt else []
        elif hold.reason != PAUSED:
            until = None if hold.until is None else moment(hold.until)
            told = decision_sentences(hold.reason, hold.detail, hold.otherwise, until)
            found.append(" ".join(told))
    return found
