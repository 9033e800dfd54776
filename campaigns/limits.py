"""What bounds a campaign or a segment's policy, as it stands in their files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from campaigns.errors import Problem
from campaigns.facts import CHANNELS
from campaigns.forms import Field, Form
from campaigns.kinds import CLOCK, Choice, Number, Span, Words, refuse

Otherwise = Literal["skip", "delay", "drop"]


@dataclass(frozen=True, slots=True)
class Cooldown:
    """At least so long between two times of one campaign for one customer."""

    wait: timedelta
    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class PerCustomer:
    """At most so many times for one customer; within ``per``, or ever when it is None."""

    times: int
    per: timedelta | None = None
    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most so many contacts of one customer by all campaigns together within ``per``."""

    times: int
    per: timedelta
    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No contact between two local times; over midnight when ``start`` is the later."""

    start: time
    end: time
    otherwise: Otherwise = "delay"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so much money (costs at most) within any span of ``per``."""

    amount: Decimal
    currency: str
    per: timedelta
    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class PerHour:
    """At most so many customers in one clock hour (UTC)."""

    times: int
    otherwise: Otherwise = "delay"


@dataclass(frozen=True, slots=True)
class Consent:
    """The customer has agreed to be contacted by a channel."""

    channel: str
    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Customers never to be contacted are left alone, always; only what follows can be set."""

    otherwise: Otherwise = "skip"


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a campaign. ``stale_after``: how late an occasion may be heard of."""

    cooldown: Cooldown | None = None
    per_customer: PerCustomer | None = None
    frequency_cap: FrequencyCap | None = None
    quiet_hours: QuietHours | None = None
    budget: Budget | None = None
    at_most_per_hour: PerHour | None = None
    consent: Consent | None = None
    suppression: Suppression = Suppression()
    stale_after: timedelta = timedelta(days=1)


class _Hours:
    """``"21:00-09:00"`` as a pair of times."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        if isinstance(node, str) and re.fullmatch(f"{CLOCK}-{CLOCK}", node):
            start, end = (time.fromisoformat(part) for part in node.split("-"))
            if start != end:
                return start, end
        return refuse('hours like "21:00-09:00"', node, place, problems)

    def write(self, value: Any) -> Any:
        return "-".join(item.strftime("%H:%M") for item in value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{CLOCK}-{CLOCK}$", "examples": ["21:00-09:00"]}


class _QuietHoursKind:
    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        return _QUIET.read(node, place, problems)

    def write(self, value: Any) -> Any:
        hours = _Hours().write((value.start, value.end))
        more = {"otherwise": value.otherwise} if value.otherwise != "delay" else {}
        return {"between": hours, **more}

    def schema(self) -> dict[str, Any]:
        return _QUIET.schema()


def _otherwise(default: Otherwise) -> Field:
    about = "skip: a next occasion may; delay: wait until it may; drop: never for this occasion."
    return Field(Choice(("skip", "delay", "drop")), about, default)


def _or_drop() -> Field:
    about = "skip: a next occasion may; drop: never for this occasion."
    return Field(Choice(("skip", "drop")), about, "skip")


def _delay_needs_span(found: PerCustomer) -> Iterable[tuple[str, str]]:
    if found.otherwise == "delay" and found.per is None:
        yield "otherwise", "delay needs `per`: without it the wait would never end"


def _times(about: str) -> Field:
    return Field(Number(1, 1_000_000, whole=True), about)


_SPAN: Final = Span()
_QUIET: Final = Form(
    lambda between, otherwise: QuietHours(between[0], between[1], otherwise),
    {"between": Field(_Hours(), "Local time."), "otherwise": _otherwise("delay")},
    short="between",
)
QUIET_HOURS: Final = _QuietHoursKind()
FREQUENCY_CAP: Final = Form(
    FrequencyCap,
    {
        "times": _times("Contacts of one customer by all campaigns."),
        "per": Field(_SPAN, "Within this."),
        "otherwise": _otherwise("skip"),
    },
)
BUDGET: Final = Form(
    Budget,
    {
        "amount": Field(Number(0, 1_000_000_000, exact=True), "Costs at most, main unit."),
        "currency": Field(Words("[A-Z]{3}", "a currency code like EUR"), "The store's."),
        "per": Field(_SPAN, "Within any span of this length."),
        "otherwise": _otherwise("skip"),
    },
)
_COOLDOWN: Final = Form(
    Cooldown,
    {
        "for": Field(_SPAN, "Time between two times for one customer.", attribute="wait"),
        "otherwise": _otherwise("skip"),
    },
    short="for",
)
_PER_CUSTOMER: Final = Form(
    PerCustomer,
    {
        "times": _times("Times for one customer."),
        "per": Field(_SPAN, "Within this; ever when left out.", None),
        "otherwise": _otherwise("skip"),
    },
    short="times",
    rule=_delay_needs_span,
)
_PER_HOUR: Final = Form(
    PerHour,
    {"times": _times("Customers an hour."), "otherwise": _otherwise("delay")},
    short="times",
)
_CONSENT: Final = Form(
    Consent,
    {"channel": Field(Choice(CHANNELS), "By which channel."), "otherwise": _or_drop()},
    short="channel",
)
LIMITS: Final = Form(
    Limits,
    {
        "cooldown": Field(_COOLDOWN, "Rest between two times for one customer.", None),
        "per_customer": Field(_PER_CUSTOMER, "How often one customer may have it.", None),
        "frequency_cap": Field(FREQUENCY_CAP, "Contacts by all campaigns together.", None),
        "quiet_hours": Field(QUIET_HOURS, "No contact in these hours of the customer.", None),
        "budget": Field(BUDGET, "What the discounts may cost at most.", None),
        "at_most_per_hour": Field(_PER_HOUR, "Customers in one clock hour.", None),
        "consent": Field(_CONSENT, "Only with consent for this channel.", None),
        "suppression": Field(
            Form(Suppression, {"otherwise": _or_drop()}),
            "What follows for customers never to be contacted.",
            Suppression(),
        ),
        "stale_after": Field(_SPAN, "Older occasions are let go.", timedelta(days=1)),
    },
)
