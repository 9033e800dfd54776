"""A campaign as a value, and the file it is read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from campaigns.condition_file import GOALS, NO_GOALS, ConditionKind, SegmentName
from campaigns.conditions import ALWAYS, Condition
from campaigns.documents import canonical, identity
from campaigns.errors import Problem
from campaigns.forms import Field, Form, read_document
from campaigns.kinds import INVALID, Choice, ListOf, Named, Number, Span, Words
from campaigns.limits import LIMITS, Limits
from campaigns.policy import CAMPAIGN_ID
from campaigns.steps import STEP, Step
from campaigns.triggers import Trigger, TriggerKind

OTHERS: Final = "others"
SKIP: Final = "skip"
Offers = tuple[Step, ...] | Literal["skip"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What counts as success: a type of event within a time after the decision."""

    event: str = "order_completed"
    within: timedelta = timedelta(days=14)


NO_LIMITS: Final = Limits()
AN_ORDER: Final = Goal()


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign.

    Attributes
    ----------
    id
        Its lasting name.
    trigger, condition
        What wakes it, and who then qualifies (``when``, ``if`` in the file).
    steps
        What everybody gets, first.
    by_segment
        Pairs (stage, group, rule's segment or ``others``; further steps or ``skip``), by name.
    limits, holdout, goal
        Bounds, share of the control group, measure of success.
    description
        For people.
    """

    id: str
    trigger: Trigger
    condition: Condition = ALWAYS
    steps: tuple[Step, ...] = ()
    by_segment: tuple[tuple[str, Offers], ...] = ()
    limits: Limits = NO_LIMITS
    holdout: float = 0.1
    goal: Goal = AN_ORDER
    description: str = ""


def offers(campaign: Campaign, stage: str, group: str = "", rules: tuple[str, ...] = ()) -> Offers:
    """The steps for a customer of a stage and group, in order, or ``skip``. May be empty.

    A segment by rule comes before the group, the group before the stage; of several ``rules``
    that the customer is in, the first by id.
    """
    by_segment = dict(campaign.by_segment)
    own: Offers = ()
    for name in (*sorted(rules), group, stage, OTHERS):
        if name and name in by_segment:
            own = by_segment[name]
            break
    return SKIP if own == SKIP else (*campaign.steps, *own)


def campaign_steps(campaign: Campaign) -> tuple[Step, ...]:
    """Every step that any customer may get."""
    own = (step for _, found in campaign.by_segment if found != SKIP for step in found)
    return (*campaign.steps, *own)


class _OffersKind:
    """``skip``, a list of steps, or a mapping whose keys are steps."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        if node == SKIP:
            return SKIP
        if isinstance(node, dict) and node:
            found = [STEP.read({name: item}, place, problems) for name, item in node.items()]
            return INVALID if any(step is INVALID for step in found) else tuple(found)
        return ListOf(STEP).read(node, place, problems)

    def write(self, value: Any) -> Any:
        return SKIP if value == SKIP else [STEP.write(step) for step in value]

    def schema(self) -> dict[str, Any]:
        properties = {name: kind.schema() for name, kind in STEP.kinds.items()}
        several = {"type": "object", "properties": properties, "additionalProperties": False}
        steps = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}
        return {"anyOf": [{"const": SKIP}, {**several, "minProperties": 1}, steps]}


class _SegmentOrOthers(SegmentName):
    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        return node if node == OTHERS else super().read(node, place, problems)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": OTHERS}, *super().schema()["anyOf"]]}


def _something_to_do(found: Campaign) -> Iterable[tuple[str, str]]:
    if not campaign_steps(found):
        yield "steps", "expected at least one step, here or in by_segment"


_GOAL: Final = Form(
    Goal,
    {
        "event": Field(Choice(GOALS, NO_GOALS), "What counts as success.", "order_completed"),
        "within": Field(
            Span(timedelta(hours=1), timedelta(days=90)), "After the decision.", timedelta(days=14)
        ),
    },
)
CAMPAIGN: Final = Form(
    Campaign,
    {
        "id": Field(CAMPAIGN_ID, "Lasting name of the campaign."),
        "description": Field(Words(r"[\s\S]{1,2000}", "a text"), "For people.", ""),
        "when": Field(TriggerKind(), "What wakes the campaign.", attribute="trigger"),
        "if": Field(ConditionKind(), "Who qualifies.", ALWAYS, attribute="condition"),
        "steps": Field(ListOf(STEP), "What everybody gets.", ()),
        "by_segment": Field(
            Named(_SegmentOrOthers(), _OffersKind()), "What segments get besides.", ()
        ),
        "limits": Field(LIMITS, "What bounds it.", NO_LIMITS),
        "holdout": Field(Number(0, 0.9), "Share of customers kept as control group.", 0.1),
        "goal": Field(_GOAL, "What counts as success.", AN_ORDER),
    },
    later=("journey", "branch", "schedule", "starts_at", "ends_at"),
    rule=_something_to_do,
)


def load_campaign(text: str, path: str) -> Campaign:
    """The campaign in a YAML or JSON text.

    Raises
    ------
    InvalidCampaign
        With every problem found; ``path`` names the file in it.
    """
    return read_document(CAMPAIGN, Campaign, text, path)


def campaign_text(campaign: Campaign) -> str:
    """The canonical JSON of a campaign; :func:`load_campaign` reads it back to an equal value."""
    return canonical(CAMPAIGN.write(campaign))


def campaign_identity(campaign: Campaign) -> str:
    """Sixteen hex digits that change whenever the campaign does, and not with its layout."""
    return identity(campaign_text(campaign))
