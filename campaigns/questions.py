"""What a customer and occasion are asked before a campaign fires, and each answer that is a no.

The order is fixed: decided before? campaign's state, staleness, conditions, suppression and
consent, policies, limits, quiet hours. The control group comes last of all (campaigns.decisions).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from campaigns.allocation import is_held_out
from campaigns.campaign import Campaign
from campaigns.conditions import first_failed, mask, needed_columns
from campaigns.costs import Cost, cost_at_most
from campaigns.decision import Wakes, World
from campaigns.durations import micros, said, said_micros
from campaigns.facts import MEMBERSHIPS, Facts
from campaigns.gates import Hold, Ledger, limit_holds, quiet_hold
from campaigns.plans import Plan, Whose, plan_for
from campaigns.policy import Policy
from campaigns.quiet import zone_named
from campaigns.reasons import (
    ALREADY_DECIDED,
    BEFORE_START,
    CONDITION,
    HELD_OUT,
    NO_CONSENT,
    PAUSED,
    REMOVED,
    STALE,
    SUPPRESSED,
)
from campaigns.sentences import sentence
from connectors.records import exponent

_ALWAYS_NEEDED: Final = frozenset(
    {"segment", "group", MEMBERSHIPS, "is_suppressed", "time_zone", "average_order_value"}
)
_ROUNDING: Final = 1e-6  # minor units that are noise of a float average


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


@dataclass(frozen=True, slots=True)
class Sitting:
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
    plans: dict[Whose, Plan] = field(default_factory=dict)
    quiet: dict[tuple[str, str], Hold | None] = field(default_factory=dict)

    def plan(self, position: int) -> Plan:
        """What the campaign would do for the customer of a wake."""
        stage, group = (self.rows[name][position] or "" for name in ("segment", "group"))
        whose = Whose(stage, group, self.rows[MEMBERSHIPS][position] or ())
        if whose not in self.plans:
            self.plans[whose] = plan_for(self.campaign, self.policies, whose, self.world.currency)
        return self.plans[whose]

    def cost(self, position: int) -> Cost:
        """What the plan costs at most for the customer of a wake."""
        world = self.world
        average = self.rows["average_order_value"][position]
        known = 0 if average is None or math.isnan(average) else average
        own = known * 10 ** exponent(world.currency)
        usual = max(math.ceil(own - _ROUNDING), world.average_order_value)
        return cost_at_most(self.plan(position).steps, usual, world.currency)


def sitting_of(
    campaign: Campaign, policies: Mapping[str, Policy], wakes: Wakes, world: World
) -> Sitting:
    """The batch, with what all its questions share."""
    seen = world.facts.seen_from(wakes.row, wakes.columns)
    return Sitting(
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


def holds(sitting: Sitting, position: int) -> Iterator[Hold]:
    """Everything that stands in the way of a wake, in order; the first is what a decision says."""
    standing = _standing_hold(sitting, position)
    if standing is not None:
        yield standing
    yield from _person_holds(sitting, position)
    plan = sitting.plan(position)
    if plan.hold is not None:
        yield plan.hold
    limits, customer = sitting.campaign.limits, sitting.customers[position]
    cost = sitting.cost(position).minor
    yield from limit_holds(limits, plan.bounded, customer, cost, sitting.ledger)
    quiet = _quiet(sitting, position)
    if quiet is not None:
        yield quiet


def stops(
    campaign: Campaign, policies: Mapping[str, Policy], wake: Wakes, world: World
) -> tuple[Hold, ...]:
    """All that would stop a campaign for one customer, were its trigger to go off now.

    Conditions apart (:func:`campaigns.explanation.findings` says each); the control group included.

    Parameters
    ----------
    wake
        One customer, woken at the world's ``now`` by an occasion of its own.
    """
    sitting = sitting_of(campaign, policies, wake, world)
    found = [hold for hold in holds(sitting, 0) if hold.reason != CONDITION]
    share = sitting.plan(0).share
    if is_held_out(world.salt, campaign.id, sitting.customers[0], share):
        found.append(Hold(HELD_OUT, {"share": share}))
    return tuple(found)


def _standing_hold(sitting: Sitting, position: int) -> Hold | None:
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


def _person_holds(sitting: Sitting, position: int) -> Iterator[Hold]:
    limits = sitting.campaign.limits
    if sitting.rows["is_suppressed"][position] == 1:
        yield Hold(SUPPRESSED, {}, limits.suppression.otherwise)
    consent = limits.consent
    if consent and sitting.rows[f"consent.{consent.channel}"][position] != 1:
        detail = {"channel": consent.channel, "by": "the campaign"}
        yield Hold(NO_CONSENT, detail, consent.otherwise)


def _quiet(sitting: Sitting, position: int) -> Hold | None:
    """Computed once for each zone and segment of a batch: ``now`` is the same for all."""
    plan = sitting.plan(position)
    own = sitting.rows["time_zone"][position] or ""
    zone = own if zone_named(own) else sitting.world.zone
    key = (zone, plan.segment)
    if key not in sitting.quiet:
        sitting.quiet[key] = quiet_hold(plan.bounded, zone, sitting.world.now)
    return sitting.quiet[key]
