"""Whether a campaign fires for whom, and why not. A pure function of what it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from campaigns.allocation import is_held_out
from campaigns.campaign import Campaign
from campaigns.costs import money_text
from campaigns.decision import Decided, Decision, Memory, Outcome, State, Wakes, World
from campaigns.gates import Hold
from campaigns.policy import Policy
from campaigns.questions import Sitting, holds, needed_for_decisions, sitting_of
from campaigns.reasons import FIRED, HELD_OUT
from campaigns.usage import Usage, UsageDelta

__all__ = [
    "Decided",
    "Decision",
    "Memory",
    "Outcome",
    "State",
    "Usage",
    "UsageDelta",
    "Wakes",
    "World",
    "decide",
    "memory_of",
    "needed_for_decisions",
]


def decide(
    campaign: Campaign,
    version: int,
    policies: Mapping[str, Policy],
    wakes: Wakes,
    world: World,
) -> Decided:
    """Decisions of one campaign for a batch of wakes, one after the other.

    Parameters
    ----------
    campaign, version
        The file in force and its number.
    policies
        Segment -> policy: keys are stages, group ids or ``everyone``.
    wakes, world
        See there. A budget or a cap is never exceeded by one, within the batch too.

    Raises
    ------
    MissingFact
        If a column that :func:`needed_for_decisions` names was not brought.
    """
    sitting = sitting_of(campaign, policies, wakes, world)
    decisions = tuple(
        _decision(sitting, version, position) for position in range(len(wakes.occasion))
    )
    return Decided(decisions, sitting.ledger.delta)


def memory_of(campaign: Campaign, policies: Iterable[Policy]) -> Memory:
    """How far back :class:`Usage` must reach."""
    caps = [campaign.limits.frequency_cap, *(policy.frequency_cap for policy in policies)]
    contacts = max((cap.per for cap in caps if cap), default=timedelta())
    per_customer, cooldown = campaign.limits.per_customer, campaign.limits.cooldown
    if per_customer and per_customer.per is None:
        return Memory(None, contacts)
    spans = [contacts]
    spans += [per_customer.per] if per_customer and per_customer.per else []
    spans += [cooldown.wait] if cooldown else []
    return Memory(max(spans), contacts)


def _decision(sitting: Sitting, version: int, position: int) -> Decision:
    hold = next(holds(sitting, position), None)
    if hold is not None:
        return _held(sitting, version, position, hold)
    return _settled(sitting, version, position)


def _held(sitting: Sitting, version: int, position: int, hold: Hold) -> Decision:
    customer, occasion = sitting.customers[position], sitting.wakes.occasion[position]
    if hold.otherwise == "drop":
        sitting.ledger.delta.decided.add((customer, occasion))
    return Decision(
        sitting.campaign.id,
        version,
        customer,
        occasion,
        sitting.world.now,
        "hold",
        "shadow" if sitting.world.state == "shadow" else "live",
        hold.reason,
        hold.detail,
        hold.otherwise,
        hold.until,
        segment=sitting.plan(position).segment,
    )


def _settled(sitting: Sitting, version: int, position: int) -> Decision:
    """A fire or a holdout: both reserve alike, and only here the arms part."""
    plan, cost = sitting.plan(position), sitting.cost(position)
    world, ledger = sitting.world, sitting.ledger
    customer, occasion = sitting.customers[position], sitting.wakes.occasion[position]
    segments = tuple(segment for _, segment, _ in plan.bounded.budgets if segment)
    ledger.reserve(customer, occasion, cost.minor, segments)
    held_out = is_held_out(world.salt, sitting.campaign.id, customer, plan.share)
    if not held_out and world.state == "live":
        ledger.delta.contacts.setdefault(customer, []).append(world.now)
    detail: dict[str, Any] = {"cost": money_text(cost.minor, world.currency), "share": plan.share}
    if plan.segment:
        detail["segment"] = plan.segment
    if plan.lowered_by:
        detail["lowered_by"] = plan.lowered_by
    return Decision(
        sitting.campaign.id,
        version,
        customer,
        occasion,
        world.now,
        "holdout" if held_out else "fire",
        "shadow" if world.state == "shadow" else "live",
        HELD_OUT if held_out else FIRED,
        detail,
        cost=cost.minor,
        is_estimate=cost.is_estimate,
        segment=plan.segment,
        steps=plan.steps,
    )
