"""What a campaign would do for a segment, once its policies have had their say.

Computed once for each (stage, group) of a batch: steps with discounts lowered, the bounds that
hold and whose they are, the share of the control group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from campaigns.campaign import SKIP, Campaign, offers
from campaigns.costs import is_worthless, lowered
from campaigns.gates import Bounded, Hold
from campaigns.policy import EVERYONE, Policy, policies_of
from campaigns.reasons import NO_STEPS, NOT_RECEIVED, SEGMENT_SKIPPED
from campaigns.steps import CouponStep, Step, step_kind

CAMPAIGN: Final = "the campaign"


class Whose(NamedTuple):
    """The segments of a customer: stage, learned group (both may be empty), segments by rule."""

    stage: str
    group: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and bounds for one segment; ``hold`` says why there is nothing to do."""

    segment: str
    steps: tuple[Step, ...]
    bounded: Bounded
    share: float
    hold: Hold | None = None
    lowered_by: str = ""


def owner(policy: Policy) -> str:
    """How sentences call a policy."""
    return "everyone's policy" if policy.segment == EVERYONE else f"segment {policy.segment}"


def plan_for(
    campaign: Campaign,
    policies: Mapping[str, Policy],
    whose: Whose,
    currency: str,
) -> Plan:
    """The plan of a campaign for customers of the same segments."""
    holding = policies_of(policies, *whose)
    chosen = offers(campaign, *whose)
    segment = whose.group or whose.stage
    steps: tuple[Step, ...] = () if chosen == SKIP else chosen
    steps, by = _within(steps, holding, currency)
    return Plan(
        segment,
        steps,
        _bounded(campaign, holding),
        max([campaign.holdout, *(policy.holdout for policy in holding)]),
        _nothing(chosen == SKIP, steps, holding, segment),
        by,
    )


def _nothing(
    skips: bool,  # noqa: FBT001 -- one of four facts of the plan
    steps: tuple[Step, ...],
    holding: tuple[Policy, ...],
    segment: str,
) -> Hold | None:
    if skips:
        return Hold(SEGMENT_SKIPPED, {"segment": segment or "none"})
    if not steps:
        return Hold(NO_STEPS, {"segment": segment or "none"})
    for policy in holding:
        allowed = policy.may_receive
        for step in steps:
            kind = step_kind(step)
            if allowed is not None and kind not in allowed:
                detail = {"by": owner(policy), "step": kind, "allowed": ", ".join(allowed)}
                return Hold(NOT_RECEIVED, detail)
            if isinstance(step, CouponStep) and is_worthless(step):
                detail = {"by": owner(policy), "step": kind, "allowed": "no discount at all"}
                return Hold(NOT_RECEIVED, detail)
    return None


def _within(
    steps: tuple[Step, ...], holding: tuple[Policy, ...], currency: str
) -> tuple[tuple[Step, ...], str]:
    by = ""
    for policy in holding:
        most = policy.discount_at_most
        if most is None:
            continue
        bounded = tuple(
            lowered(step, most, currency) if isinstance(step, CouponStep) else step
            for step in steps
        )
        by = owner(policy) if bounded != steps else by
        steps = bounded
    return steps, by


def _bounded(campaign: Campaign, holding: tuple[Policy, ...]) -> Bounded:
    limits = campaign.limits
    own_cap = [(CAMPAIGN, limits.frequency_cap)] if limits.frequency_cap else []
    own_quiet = [(CAMPAIGN, limits.quiet_hours)] if limits.quiet_hours else []
    own_budget = [(CAMPAIGN, "", limits.budget)] if limits.budget else []
    return Bounded(
        caps=(
            *own_cap,
            *((owner(p), p.frequency_cap) for p in holding if p.frequency_cap),
        ),
        quiet=(*own_quiet, *((owner(p), p.quiet_hours) for p in holding if p.quiet_hours)),
        budgets=(*own_budget, *((owner(p), p.segment, p.budget) for p in holding if p.budget)),
    )
