"""What campaigns did and cost at most, counted from their decisions."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from sqlalchemy import Connection, func, select

from campaigns.check import lost_features, lost_segments
from campaigns.costs import money_text
from worker import models, tallies
from worker.campaign_files import known_of, running_campaign
from worker.shop import Shop

_WEEK: Final = 7 * 86_400_000_000


def waiting_in_vain(shop: Shop, own: AbstractSet[str]) -> list[str]:
    """A sentence for each segment and own feature that a live campaign names and the store lost.

    One for each such feature that a segment by rule asks for, too. ``own`` are the names of the
    features that the store declares itself.
    """
    known = known_of(shop, own)
    campaigns = [
        f"Campaign {running.campaign.id} is live and waits in vain, {problem}; "
        "`shoal segments list` shows what there is"
        for running in shop.campaigns
        if running.state == "live"
        for problem in (
            *lost_segments(running.campaign, known),
            *lost_features(running.campaign, known),
        )
    ]
    rules = [
        f"Segment {one.rule.id} asks in vain, {problem}"
        for one in shop.rules
        for problem in lost_features(one.rule, known)
    ]
    return [*campaigns, *rules]


def shadow_week(connection: Connection, shop: Shop, campaign: str) -> dict[str, Any]:
    """Whom a campaign in shadow would have reached in the last 7 days, and at what cost."""
    running_campaign(shop, campaign)
    decisions = models.decisions.c
    row = connection.execute(
        select(
            func.count(func.distinct(decisions.customer)).label("customers"),
            func.coalesce(func.sum(decisions.cost), 0).label("cost"),
        ).where(
            decisions.store == shop.number,
            decisions.campaign == campaign,
            decisions.mode == "shadow",
            decisions.outcome == "fire",
            decisions.at > shop.now - _WEEK,
        )
    ).one()
    return {
        "customers": int(row.customers),
        "cost_at_most": money_text(int(row.cost), shop.currency),
    }


def overview(connection: Connection, shop: Shop) -> list[dict[str, Any]]:
    """One row a campaign: state, fires, holdouts, holds, cost at most, redemptions."""
    decisions = models.decisions.c
    rows = connection.execute(
        select(
            decisions.campaign,
            decisions.outcome,
            func.count().label("times"),
            func.coalesce(func.sum(decisions.cost), 0).label("cost"),
        )
        .where(decisions.store == shop.number)
        .group_by(decisions.campaign, decisions.outcome)
    ).all()
    times = {(row.campaign, row.outcome): int(row.times) for row in rows}
    costs = {row.campaign: int(row.cost) for row in rows if row.outcome == "fire"}
    counted = tallies.read(connection, shop.number)
    holds: dict[str, int] = {}
    for (name, label), count in counted.items():
        if name == "hold":
            campaign = label.partition("|")[0]
            holds[campaign] = holds.get(campaign, 0) + count
    return [
        {
            "campaign": one.campaign.id,
            "state": one.state,
            "fired": times.get((one.campaign.id, "fire"), 0),
            "held_out": times.get((one.campaign.id, "holdout"), 0),
            "held": holds.get(one.campaign.id, 0),
            "cost_at_most": money_text(costs.get(one.campaign.id, 0), shop.currency),
            "redeemed": counted.get(("redeemed", one.campaign.id), 0),
        }
        for one in shop.campaigns
    ]
