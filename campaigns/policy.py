"""What holds for everybody in a segment, whichever campaign comes: ``segments/at_risk.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from campaigns.condition_file import SegmentName
from campaigns.documents import canonical, identity
from campaigns.errors import Problem
from campaigns.forms import Field, Form, read_document
from campaigns.kinds import Choice, ListOf, Number, Words
from campaigns.limits import BUDGET, FREQUENCY_CAP, QUIET_HOURS, Budget, FrequencyCap, QuietHours
from campaigns.steps import STEP_KINDS
from segmentation.segment import kind_of

EVERYONE: Final = "everyone"
CAMPAIGN_ID: Final = Words("[a-z0-9][a-z0-9-]{0,39}", "an id of a-z, 0-9 and hyphens")


@dataclass(frozen=True, slots=True)
class DiscountAtMost:
    """The most that one coupon may give: per cent of the order, amount in the main unit."""

    percent: float | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One segment's policy. The strictest of campaign and policies wins.

    Attributes
    ----------
    segment
        A stage, a learned group, a rule's segment, or ``everyone``.
    may_receive
        Step kinds; None: all.
    discount_at_most, frequency_cap, budget, quiet_hours
        Bounds; None: none. The budget is over all campaigns.
    holdout
        Least share of each campaign's customers kept as control group.
    priority
        Campaign ids, first come first; others after them.
    """

    segment: str
    may_receive: tuple[str, ...] | None = None
    discount_at_most: DiscountAtMost | None = None
    frequency_cap: FrequencyCap | None = None
    budget: Budget | None = None
    quiet_hours: QuietHours | None = None
    holdout: float = 0.0
    priority: tuple[str, ...] = ()
    description: str = ""


class _PolicySegment(SegmentName):
    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        return node if node == EVERYONE else super().read(node, place, problems)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": EVERYONE}, *super().schema()["anyOf"]]}


def _some_bound(found: DiscountAtMost) -> Iterable[tuple[str, str]]:
    if found.percent is None and found.amount is None:
        yield "", "expected percent, amount or both"


_DISCOUNT: Final = Form(
    DiscountAtMost,
    {
        "percent": Field(Number(0, 100), "Per cent of the order.", None),
        "amount": Field(Number(0, 1_000_000, exact=True), "Amount, store's currency.", None),
    },
    short="percent",
    rule=_some_bound,
)


def _kept_apart(found: Policy) -> Iterable[tuple[str, str]]:
    """What a decision cost is kept by stage and group alone."""
    if found.budget and kind_of(found.segment) == "rule":
        yield "budget", "is not yet built for a segment by rule: set it for everyone or a stage"


POLICY: Final = Form(
    Policy,
    {
        "segment": Field(
            _PolicySegment(), "A stage, a learned group, a rule's segment or `everyone`."
        ),
        "may_receive": Field(ListOf(Choice(STEP_KINDS), unique=True), "Allowed steps.", None),
        "discount_at_most": Field(_DISCOUNT, "The most one coupon may give.", None),
        "frequency_cap": Field(FREQUENCY_CAP, "Contacts by all campaigns together.", None),
        "budget": Field(BUDGET, "Costs at most of all campaigns here.", None),
        "quiet_hours": Field(QUIET_HOURS, "No contact in these hours.", None),
        "holdout": Field(Number(0, 0.9), "Least share kept as control group.", 0.0),
        "priority": Field(ListOf(CAMPAIGN_ID, unique=True), "Campaigns, first one first.", ()),
        "description": Field(Words(r"[\s\S]{1,2000}", "a text"), "For people.", ""),
    },
    rule=_kept_apart,
)


def load_policy(text: str, path: str) -> Policy:
    """The policy in a YAML or JSON text.

    Raises
    ------
    InvalidCampaign
        With every problem found; ``path`` names the file in it.
    """
    return read_document(POLICY, Policy, text, path)


def policy_text(policy: Policy) -> str:
    """The canonical JSON of a policy; :func:`load_policy` reads it back to an equal value."""
    return canonical(POLICY.write(policy))


def policy_identity(policy: Policy) -> str:
    """Sixteen hex digits that change whenever the policy does."""
    return identity(policy_text(policy))


def policies_of(
    policies: Mapping[str, Policy], stage: str, group: str = "", rules: tuple[str, ...] = ()
) -> tuple[Policy, ...]:
    """The policies that hold for a customer: everyone's, the stage's, the group's, the rules'."""
    names = (EVERYONE, stage, group, *rules)
    return tuple(policies[name] for name in names if name and name in policies)


def campaign_order(campaigns: Iterable[str], policies: Iterable[Policy]) -> tuple[str, ...]:
    """Campaign ids in the order to decide them: best place in any policy's priority, then id."""
    places: dict[str, int] = {}
    for policy in policies:
        for place, name in enumerate(policy.priority):
            places[name] = min(places.get(name, place), place)
    return tuple(sorted(campaigns, key=lambda name: (places.get(name, len(places) + 1), name)))
