"""Why a campaign did or did not act for a customer: what was recorded, and what holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from campaigns.conditions import mask
from campaigns.explanation import Finding, decision_sentences, findings
from connectors.events import moment
from worker import models
from worker.audience import facts_for
from worker.batch import Batch
from worker.identities import Directory
from worker.roster import load_roster
from worker.shop import Running, Shop


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

    ``stops`` says what would stop it now, whatever the conditions say.
    """

    campaign: str
    state: str
    recorded: tuple[Recorded, ...]
    present: tuple[Finding, ...]
    is_met: bool
    stops: tuple[str, ...]


def explain(connection: Connection, shop: Shop, running: Running, customer: int) -> Explanation:
    """Everything there is to say about a campaign and a customer."""
    batch = snapshot(connection, shop, [customer])
    facts = facts_for(connection, batch, running.campaign, [customer])
    return Explanation(
        campaign=running.campaign.id,
        state=running.state,
        recorded=tuple(_recorded(connection, shop, running, customer)),
        present=findings(running.campaign.condition, facts, 0),
        is_met=bool(mask(running.campaign.condition, facts)[0]),
        stops=tuple(_stops(batch, running)),
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


def _stops(batch: Batch, running: Running) -> list[str]:
    person = batch.roster.people[0]
    said = {
        "shadow": "The campaign is in shadow: it decides and pushes nothing. "
        f"`shoal campaigns start {running.campaign.id}` makes it live.",
        "paused": f"The campaign is paused. `shoal campaigns start {running.campaign.id}`.",
    }
    stops = [said[running.state]] if running.state in said else []
    if not person.platform_id:
        stops.append("The store does not know this person: nothing can be pushed to a visitor.")
    if person.is_suppressed:
        stops.append("The customer is never to be contacted.")
    return stops
