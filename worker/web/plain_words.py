"""Triggers, reasons and outcomes as a shop's people say them."""

from __future__ import annotations

from typing import Final

from campaigns import reasons
from campaigns.durations import said
from campaigns.triggers import (
    WEEKDAYS,
    CartTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SegmentTrigger,
    Trigger,
)
from segmentation.catalogues import counted
from segmentation.model import stage_name
from segmentation.rules import STAGES

# Of one customer a reason says more (campaigns.reasons); of many it has to do without the blanks.
OF_MANY: Final[dict[str, str]] = {
    reasons.FIRED: "All conditions and limits passed.",
    reasons.HELD_OUT: "They are in the control group.",
    reasons.ALREADY_DECIDED: "It had been decided before.",
    reasons.PAUSED: "The campaign was paused.",
    reasons.REMOVED: "The campaign was removed.",
    reasons.BEFORE_START: "It happened before the campaign was started.",
    reasons.STALE: "It was heard of too late.",
    reasons.CONDITION: "A condition was not met.",
    reasons.SUPPRESSED: "The customer is never to be contacted.",
    reasons.NO_CONSENT: "Consent was not given.",
    reasons.SEGMENT_SKIPPED: "The campaign skips their segment.",
    reasons.NO_STEPS: "The campaign has no steps for their segment.",
    reasons.NOT_RECEIVED: "Their segment may not receive it.",
    reasons.COOLDOWN: "The last time was too short ago.",
    reasons.PER_CUSTOMER: "They had had this campaign as often as it allows.",
    reasons.FREQUENCY_CAP: "They had been contacted as often as is allowed.",
    reasons.AT_MOST_PER_HOUR: "Enough customers had been reached that hour.",
    reasons.BUDGET: "The budget was used up.",
    reasons.BUDGET_CURRENCY: "The budget is in another currency.",
    reasons.QUIET_HOURS: "It was quiet time; it was asked again after that.",
}
_OUTCOMES: Final = {
    "fire": "it was done",
    "hold": "not then",
    "holdout": "not done: control group",
}
_STATES: Final = {
    "done": "in the store",
    "due": "on its way",
    "sending": "on its way",
    "unknown": "perhaps in the store",
}


def of_many(reason: str) -> str:
    """A reason as it is said of many customers at once."""
    return OF_MANY.get(reason, reason)


def outcome_said(outcome: str) -> str:
    """What became of an occasion: ``fire (live)`` is said as ``it was done``."""
    name, _, mode = outcome.partition(" ")
    words = _OUTCOMES.get(name, name)
    return f"{words}, had it been live" if mode == "(shadow)" else words


def state_said(state: str) -> str:
    """Where a push stands."""
    return _STATES.get(state, state)


def trigger_said(trigger: Trigger) -> str:
    """When a campaign is asked at all."""
    match trigger:
        case EventTrigger(event=event):
            return f"when “{event.replace('_', ' ')}” happens"
        case SegmentTrigger(segment=segment, enters=enters):
            name = stage_name(segment) if segment in STAGES else segment
            return f"when somebody {'enters' if enters else 'leaves'} {name}"
        case ScheduleTrigger():
            return f"{_days_said(trigger)} at {trigger.at:%H:%M}"
        case DateTrigger(date=date, at=at, offset_days=days):
            span = counted(abs(days), "day", "days")
            when = f"{span} {'before' if days < 0 else 'after'}" if days else "on"
            return f"{when} the customer's {date.replace('_', ' ')}, at {at:%H:%M}"
        case CartTrigger(kind=kind, after=after):
            return f"when a {kind} is left for {said(after)} without an order"


def _days_said(trigger: ScheduleTrigger) -> str:
    match trigger.every:
        case "day":
            return "every day"
        case "week":
            return f"every {WEEKDAYS[trigger.on].capitalize()}"
        case "month":
            return f"every month on day {trigger.on}"
