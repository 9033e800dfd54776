"""What is allowed but probably not meant: warnings about a campaign before it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from campaigns.campaign import OTHERS, Campaign, campaign_steps
from campaigns.conditions import comparisons, needed_columns
from campaigns.errors import Problem, nearest
from campaigns.facts import FACTS, OWN, STAGES
from campaigns.policy import Policy
from campaigns.rule_segments import RuleSegment
from campaigns.steps import CouponStep, WebhookStep
from campaigns.triggers import CartTrigger, DateTrigger, EventTrigger, SegmentTrigger
from segmentation.segment import kind_of

_ORDER_EVENTS = frozenset({"order_completed", "order_cancelled", "order_updated"})
_CART_EVENTS = frozenset({"cart_updated", "checkout_started"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the store. None: not known yet, so not judged.

    Attributes
    ----------
    groups
        Ids of the learned groups in force.
    stages
        Stages that these groups carry.
    rules
        Ids of the segments by rule.
    attributes
        Names of the declared attributes.
    own
        Names of the store's own features.
    currency
        The store's.
    policies
        Segment -> policy.
    """

    groups: AbstractSet[str] | None = None
    stages: AbstractSet[str] | None = None
    rules: AbstractSet[str] | None = None
    attributes: AbstractSet[str] | None = None
    own: AbstractSet[str] | None = None
    currency: str | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)


def warnings(campaign: Campaign, known: Known) -> tuple[Problem, ...]:
    """Everything that looks unintended, each with its place in the file."""
    return (
        *_unannounced(campaign),
        *lost_segments(campaign, known),
        *_unknown_attributes(campaign, known),
        *_other_events(campaign),
        *_money(campaign, known),
        *_control(campaign),
    )


def _unannounced(campaign: Campaign) -> Iterator[Problem]:
    steps = campaign_steps(campaign)
    tells = any(isinstance(step, WebhookStep) for step in steps)
    if any(isinstance(step, CouponStep) for step in steps) and not tells:
        text = "a coupon, but no step that tells the customer of it (a webhook can)"
        yield Problem("steps", text)


def named_segments(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """(place in the file, stage or group) of every segment that a campaign names."""
    if isinstance(campaign.trigger, SegmentTrigger):
        yield "when.segment", campaign.trigger.segment
    for name, _ in campaign.by_segment:
        yield f"by_segment.{name}", name
    for test in comparisons(campaign.condition):
        if test.fact in {"segment", "group"}:
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            yield from ((f"if.{test.fact}", str(value)) for value in values)


def lost_segments(campaign: Campaign, known: Known) -> Iterator[Problem]:
    """Segments that the file names and that neither model nor rules put anybody into."""
    for place, name in named_segments(campaign):
        if kind_of(name) == "learned":
            yield from _lost_group(place, name, known)
        elif known.rules is not None and name not in known.rules:
            text = f"segment {name!r} is no rule of this store, so nobody is in it"
            yield Problem(place, text, nearest(name, known.rules))


def _lost_group(place: str, name: str, known: Known) -> Iterator[Problem]:
    if known.groups is not None:
        names = {*STAGES, OTHERS, *known.groups}
        is_lost = known.stages is not None and name in STAGES and name not in known.stages
        if is_lost and place == "when.segment":
            yield Problem(
                place, f"stage {name!r} has no group in the model in force, so nobody enters"
            )
        elif name not in names:
            text = f"segment {name!r} is not in the model in force, so nobody is in it"
            yield Problem(place, text, nearest(name, names))


def lost_features(campaign: Campaign | RuleSegment, known: Known) -> Iterator[Problem]:
    """Features of the store's own that the file asks for and the store does not declare."""
    if known.own is None:
        return
    for fact in sorted(needed_columns(campaign.condition)):
        if OWN.fullmatch(fact) and fact[4:] not in known.own:
            near = nearest(fact, [f"own.{name}" for name in known.own])
            text = "is not declared by the store (`shoal features show`), so it is never known"
            yield Problem(f"if.{fact}", text, near)


def _unknown_attributes(campaign: Campaign, known: Known) -> Iterator[Problem]:
    if known.attributes is None:
        return
    for name in sorted(needed_columns(campaign.condition)):
        kind, _, own = name.partition(".")
        if kind == "attribute" and own not in known.attributes:
            text = f"attribute {own!r} is not declared, so it is never known"
            yield Problem(f"if.{name}", text, nearest(own, known.attributes))


def _other_events(campaign: Campaign) -> Iterator[Problem]:
    told = set(_told_by(campaign))
    for name in sorted(needed_columns(campaign.condition)):
        if name in FACTS and FACTS[name].is_of_event and name.partition(".")[0] not in told:
            yield Problem(f"if.{name}", "is known only to triggers that carry it, so never here")


def _told_by(campaign: Campaign) -> Iterable[str]:
    trigger = campaign.trigger
    if isinstance(trigger, CartTrigger):
        yield "cart"
    if isinstance(trigger, EventTrigger):
        if trigger.event in _ORDER_EVENTS:
            yield "order"
        if trigger.event in _CART_EVENTS:
            yield "cart"


def _money(campaign: Campaign, known: Known) -> Iterator[Problem]:
    budget = campaign.limits.budget
    if budget and known.currency and budget.currency != known.currency:
        text = f"is in {budget.currency}, the store sells in {known.currency}: nothing will fire"
        yield Problem("limits.budget.currency", text)
    steps = campaign_steps(campaign)
    unbounded = any(
        isinstance(step, CouponStep) and step.percent_off and step.maximum_discount is None
        for step in steps
    )
    if budget and unbounded:
        text = "a percentage without maximum_discount: its cost in the budget is an estimate"
        yield Problem("steps", text)


def _control(campaign: Campaign) -> Iterator[Problem]:
    if campaign.holdout == 0 and not isinstance(campaign.trigger, DateTrigger):
        yield Problem("holdout", "without a control group nobody can say what it brought")
