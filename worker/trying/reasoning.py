"""A campaign in a few lines: its offer, whom it reached, and why not everybody in its segment."""

from __future__ import annotations

from typing import Final

from campaigns.reasons import (
    AT_MOST_PER_HOUR,
    BUDGET,
    CONDITION,
    COOLDOWN,
    FREQUENCY_CAP,
    NO_CONSENT,
    PER_CUSTOMER,
    QUIET_HOURS,
    SUPPRESSED,
)
from worker.trying.outcomes import BEFORE, SILENT, Outcome, Standing

_SAID: Final = {
    BEFORE: "in it before these days (only entering counts)",
    SILENT: "in it since groups were learned anew (that wakes no campaign)",
    CONDITION: "did not meet its conditions",
    COOLDOWN: "had had it too lately",
    PER_CUSTOMER: "had had it as often as it may be",
    FREQUENCY_CAP: "had been contacted often enough",
    QUIET_HOURS: "came in quiet hours",
    SUPPRESSED: "are never to be contacted",
    NO_CONSENT: "gave no consent",
    AT_MOST_PER_HOUR: "came when the hour was full",
    BUDGET: "came when the budget was used",
}


def about(one: Outcome) -> list[str]:
    """What there is to say of a campaign beside its name."""
    if one.missing:
        return [f"Not judged: it {one.missing}."]
    told = []
    if one.reached:
        to = ", ".join(f"{count:,} {_words(stage)}" for stage, count in one.segments)
        told.append(f"Offer: {one.offer}, to {to}; the first: {', '.join(one.people[:3])}.")
        anyway = f"{one.bought_anyway:,} of the {one.reached:,}"
        told.append(f"{anyway} ordered within {one.days} days without it.")
    else:
        told.append("Nobody met its conditions in these days.")
    if one.asks:
        told.append(f"It asks for: {one.asks}.")
    if one.standing is not None:
        told.append(_of_segment(one.standing))
    elif one.held:
        told.append(f"Passed over: {_counted(one.held)}.")
    return told


def _of_segment(standing: Standing) -> str:
    words = _words(standing.segment)
    counts = (("reached", standing.reached), ("in the control group", standing.control))
    known = [f"{count:,} {name}" for name, count in counts if count]
    others = [_counted(standing.others)] if standing.others else []
    said = f"Of the {standing.customers:,} who are {words} at the end: "
    said += ", ".join([*known, *others]) + "."
    return said + (f" No longer {words}: {standing.gone:,} of those reached." * bool(standing.gone))


def _counted(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{count:,} {_SAID.get(reason, 'were held back')}" for reason, count in counts)


def _words(segment: str) -> str:
    return segment.replace("_", " ")
