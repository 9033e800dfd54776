"""What a decision is made from, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from campaigns.facts import Column, Facts
from campaigns.steps import Step
from campaigns.usage import Usage, UsageDelta

State = Literal["shadow", "live", "paused", "removed"]
Outcome = Literal["fire", "hold", "holdout"]


@dataclass(frozen=True, slots=True)
class Wakes:
    """A batch of customers that a campaign's trigger woke, as parallel arrays, oldest first.

    Attributes
    ----------
    customer
        int64 ids.
    row
        int64 index of each customer in the world's facts.
    occasion
        Texts of :mod:`campaigns.occasions`.
    at
        int64 microseconds: when it happened (event), or was due (timer, also a delayed one).
    columns
        What the waking event says, by fact name (``order.value``, ``cart.value``, …); may be empty.
    """

    customer: NDArray[np.int64]
    row: NDArray[np.int64]
    occasion: Sequence[str]
    at: NDArray[np.int64]
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """Everything a decision depends on besides the campaign and the wakes.

    Attributes
    ----------
    now
        Business time, int microseconds.
    facts
        One row a customer, with ``needed_columns(campaign.condition)``, the history it needs, and
        always: ``segment``, ``group``, ``memberships`` (tuples or None), ``is_suppressed``,
        ``time_zone`` (text, "" unknown), ``average_order_value`` (main unit, NaN unknown) and
        ``consent.CHANNEL`` of channels that the campaign's limits name
        (:func:`needed_for_decisions` lists all).
    usage
        What was used before this batch.
    salt
        Secret text of the installation that draws control groups; never rotated.
    state
        Of this campaign at this version.
    started_at
        int microseconds; what happened before is not acted on. 0: no such bound.
    currency, zone
        The store's ISO 4217 code and IANA zone.
    average_order_value
        The store's, in minor units, for the estimate of an unlimited percentage.
    """

    now: int
    facts: Facts
    usage: Usage
    salt: str
    state: State = "live"
    started_at: int = 0
    currency: str = "EUR"
    zone: str = "UTC"
    average_order_value: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one campaign for one customer and occasion.

    Attributes
    ----------
    campaign, version, customer, occasion
        Whose. (campaign, customer, occasion) is its key.
    at
        Business time, int microseconds.
    outcome
        ``fire`` (push the steps, unless ``mode`` is shadow), ``hold``, ``holdout``.
    mode
        ``live`` or ``shadow``.
    reason
        A key of :data:`campaigns.reasons.REASONS`.
    detail
        The blanks of the reason's sentence; JSON scalars, never personal data.
    otherwise
        Of a hold: ``skip`` (a next occasion may fire), ``delay`` (wake again at ``until`` with the
        same occasion), ``drop`` (final for this occasion: write ``is_final``).
    until
        int microseconds; only with ``delay``.
    cost
        What it costs at most, minor units; reserved by fire and holdout alike.
    is_estimate
        Whether ``cost`` rests on an average because the coupon has no upper bound.
    segment
        Segment policies and ``by_segment`` were judged by: the group's id, else the stage, else "".
    steps
        What to push, in order; the index is the action's ``step``. Empty for holds.
    """

    campaign: str
    version: int
    customer: int
    occasion: str
    at: int
    outcome: Outcome
    mode: Literal["live", "shadow"]
    reason: str
    detail: Mapping[str, Any]
    otherwise: Literal["", "skip", "delay", "drop"] = ""
    until: int | None = None
    cost: int = 0
    is_estimate: bool = False
    segment: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether this occasion is settled for good."""
        return self.outcome != "hold" or self.otherwise == "drop"


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions in the order of the wakes, and what they used."""

    decisions: tuple[Decision, ...]
    delta: UsageDelta


@dataclass(frozen=True, slots=True)
class Memory:
    """How far back a :class:`Usage` must reach: ``uses`` (None: for ever) and ``contacts``."""

    uses: timedelta | None
    contacts: timedelta
