"""Whether a campaign fires for whom, and why not. A pure function of what it is given.

The order of questions is fixed: decided before? campaign's state, staleness, conditions,
suppression and consent, policies, limits, quiet hours, and the control group last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np

from campaigns.allocation import is_held_out
from campaigns.campaign import Campaign
from campaigns.conditions import first_failed, mask, needed_columns
from campaigns.costs import Cost, cost_at_most, money_text
from campaigns.decision import Decided, Decision, Memory, Outcome, State, Wakes, World
from campaigns.durations import micros, said, said_micros
from campaigns.facts import Facts
from campaigns.gates import Hold, Ledger, limit_hold, quiet_hold
from campaigns.plans import Plan, plan_for
from campaigns.policy import Policy
from campaigns.quiet import zone_named
from campaigns.reasons import (
    ALREADY_DECIDED,
    BEFORE_START,
    CONDITION,
    FIRED,
    HELD_OUT,
    NO_CONSENT,
    PAUSED,
    REMOVED,
    STALE,
    SUPPRESSED,
)
from campaigns.sentences import sentence
from campaigns.usage import Usage, UsageDelta
from connectors.records import exponent

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
_ALWAYS_NEEDED: Final = frozenset(
    {"segment", "group", "is_suppressed", "time_zone", "average_order_value"}
)
_ROUNDING: Final = 1e-6  # minor units that are noise of a float average


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
    sitting = _sitting(campaign, policies, wakes, world)
    decisions = tuple(
        _decision(sitting, version, position) for position in range(len(wakes.occasion))
    )
    return Decided(decisions, sitting.ledger.delta)


def needed_for_decisions(campaign: Campaign) -> frozenset[str]:
    """Names of all columns that deciding a campaign reads from the world's facts.

    What the waking event says (``order.value``, ``cart.value``) is among them where conditions
    name it and belongs into ``Wakes.columns``; counts of events are apart (``needed_history``).
    """
    return needed_columns(campaign.condition) | _read_by_limits(campaign)


def _read_by_limits(campaign: Campaign) -> frozenset[str]:
    consent = campaign.limits.consent
    channel = {f"consent.{consent.channel}"} if consent else set[str]()
    return _ALWAYS_NEEDED | channel


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


@dataclass(frozen=True, slots=True)
class _Sitting:
    """A batch being decided: columns as lists, masks, and the ledger that grows."""

    campaign: Campaign
    policies: Mapping[str, Policy]
    wakes: Wakes
    world: World
    ledger: Ledger
    seen: Facts
    passed: list[bool]
    customers: list[int]
    at: list[int]
    rows: dict[str, list[Any]]
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    quiet: dict[tuple[str, str], Hold | None] = field(default_factory=dict)

    def plan(self, position: int) -> Plan:
        key = (self.rows["segment"][position] or "", self.rows["group"][position] or "")
        if key not in self.plans:
            self.plans[key] = plan_for(self.campaign, self.policies, *key, self.world.currency)
        return self.plans[key]


def _sitting(
    campaign: Campaign, policies: Mapping[str, Policy], wakes: Wakes, world: World
) -> _Sitting:
    seen = world.facts.seen_from(wakes.row, wakes.columns)
    return _Sitting(
        campaign,
        policies,
        wakes,
        world,
        Ledger(world.now, world.currency, world.usage),
        seen,
        mask(campaign.condition, seen).tolist(),
        wakes.customer.tolist(),
        wakes.at.tolist(),
        {name: np.asarray(seen.column(name)).tolist() for name in _read_by_limits(campaign)},
    )


def _decision(sitting: _Sitting, version: int, position: int) -> Decision:
    plan = sitting.plan(position)
    hold = _standing_hold(sitting, position) or _person_hold(sitting, position) or plan.hold
    if hold is not None:
        return _held(sitting, version, position, hold)
    cost = _cost(sitting, plan, position)
    limits, customer = sitting.campaign.limits, sitting.customers[position]
    hold = limit_hold(limits, plan.bounded, customer, cost.minor, sitting.ledger) or _quiet(
        sitting, plan, position
    )
    if hold is not None:
        return _held(sitting, version, position, hold)
    return _settled(sitting, version, position, (plan, cost))


def _standing_hold(sitting: _Sitting, position: int) -> Hold | None:
    """What stands in the way before the customer is looked at."""
    world, occasion = sitting.world, sitting.wakes.occasion[position]
    key = (sitting.customers[position], occasion)
    if key in world.usage.decided or key in sitting.ledger.delta.decided:
        return Hold(ALREADY_DECIDED, {"occasion": occasion})
    if world.state in {"paused", "removed"}:
        return Hold(PAUSED if world.state == "paused" else REMOVED)
    at, limit = sitting.at[position], sitting.campaign.limits.stale_after
    if at < world.started_at:
        return Hold(BEFORE_START)
    if world.now - at > micros(limit):
        return Hold(STALE, {"age": said_micros(world.now - at), "limit": said(limit)})
    if not sitting.passed[position]:
        failed = first_failed(sitting.campaign.condition, sitting.seen, position)
        return Hold(CONDITION, {"condition": sentence(failed)})
    return None


def _person_hold(sitting: _Sitting, position: int) -> Hold | None:
    limits = sitting.campaign.limits
    if sitting.rows["is_suppressed"][position] == 1:
        return Hold(SUPPRESSED, {}, limits.suppression.otherwise)
    consent = limits.consent
    if consent and sitting.rows[f"consent.{consent.channel}"][position] != 1:
        detail = {"channel": consent.channel, "by": "the campaign"}
        return Hold(NO_CONSENT, detail, consent.otherwise)
    return None


def _quiet(sitting: _Sitting, plan: Plan, position: int) -> Hold | None:
    """Computed once for each zone and segment of a batch: ``now`` is the same for all."""
    own = sitting.rows["time_zone"][position] or ""
    zone = own if zone_named(own) else sitting.world.zone
    key = (zone, plan.segment)
    if key not in sitting.quiet:
        sitting.quiet[key] = quiet_hold(plan.bounded, zone, sitting.world.now)
    return sitting.quiet[key]


def _cost(sitting: _Sitting, plan: Plan, position: int) -> Cost:
    world = sitting.world
    average = sitting.rows["average_order_value"][position]
    own = 0 if average is None or math.isnan(average) else average * 10 ** exponent(world.currency)
    usual = max(math.ceil(own - _ROUNDING), world.average_order_value)
    return cost_at_most(plan.steps, usual, world.currency)


def _held(sitting: _Sitting, version: int, position: int, hold: Hold) -> Decision:
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


def _settled(
    sitting: _Sitting, version: int, position: int, decided: tuple[Plan, Cost]
) -> Decision:
    """A fire or a holdout: both reserve alike, and only here the arms part."""
    plan, cost = decided
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
