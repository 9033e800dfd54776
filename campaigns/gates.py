"""The limits of one customer and occasion, each a question that answers with a hold or nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from campaigns.costs import minor_units, money_text
from campaigns.durations import micros, said, said_micros
from campaigns.limits import (
    Budget,
    Cooldown,
    FrequencyCap,
    Limits,
    Otherwise,
    PerCustomer,
    QuietHours,
)
from campaigns.quiet import quiet_until, zone_named
from campaigns.reasons import (
    AT_MOST_PER_HOUR,
    BUDGET,
    BUDGET_CURRENCY,
    COOLDOWN,
    FREQUENCY_CAP,
    PER_CUSTOMER,
    QUIET_HOURS,
)
from campaigns.usage import Usage, UsageDelta

HOUR: Final = 3_600_000_000
_OWN: Final = "the campaign"
_ROUNDS: Final = 8  # quiet hours of several owners that hand over to each other


@dataclass(frozen=True, slots=True)
class Hold:
    """Why not now, and what then."""

    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    otherwise: Otherwise = "skip"
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Bounded:
    """Bounds of campaign and policies that hold for a segment, each with whose it is.

    A budget's second entry is its policy's segment, empty for the campaign's own.
    """

    caps: tuple[tuple[str, FrequencyCap], ...] = ()
    quiet: tuple[tuple[str, QuietHours], ...] = ()
    budgets: tuple[tuple[str, str, Budget], ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Usage as it stands in the middle of a batch; ``delta`` grows with each decision."""

    now: int
    currency: str
    usage: Usage
    delta: UsageDelta = field(default_factory=UsageDelta)

    def uses(self, customer: int) -> list[int]:
        """Ascending times of this campaign's fires and holdouts for a customer."""
        return [*self.usage.uses.get(customer, ()), *self.delta.uses.get(customer, ())]

    def contacts(self, customer: int) -> list[int]:
        """Ascending times that count for frequency caps."""
        return sorted([*self.usage.contacts.get(customer, ()), *self.uses(customer)])

    def reserve(self, customer: int, occasion: str, cost: int, segments: tuple[str, ...]) -> None:
        """Count a fire or a holdout."""
        delta = self.delta
        delta.decided.add((customer, occasion))
        delta.uses.setdefault(customer, []).append(self.now)
        delta.spent += cost
        delta.this_hour += 1
        for segment in segments:
            delta.segment_spent[segment] = delta.segment_spent.get(segment, 0) + cost


def limit_holds(
    limits: Limits, bounded: Bounded, customer: int, cost: int, ledger: Ledger
) -> Iterator[Hold]:
    """Each limit that stands in the way, in order: cooldown, per customer, cap, hour, budget."""
    uses = ledger.uses(customer)
    yield from _if_any(_cooldown(limits.cooldown, uses, ledger.now))
    yield from _if_any(_per_customer(limits.per_customer, uses, ledger.now))
    yield from _if_any(_cap(bounded, customer, ledger))
    yield from _if_any(_hour(limits, ledger))
    yield from _if_any(_budget(bounded, cost, ledger))


def _if_any(hold: Hold | None) -> Iterator[Hold]:
    if hold is not None:
        yield hold


def _hold(
    reason: str, detail: Mapping[str, Any], otherwise: Otherwise, until: int | None = None
) -> Hold:
    return Hold(reason, detail, otherwise, until if otherwise == "delay" else None)


def _cooldown(limit: Cooldown | None, uses: list[int], now: int) -> Hold | None:
    if limit is None or not uses or now - uses[-1] >= micros(limit.wait):
        return None
    detail = {"ago": said_micros(now - uses[-1]), "by": _OWN, "limit": said(limit.wait)}
    return _hold(COOLDOWN, detail, limit.otherwise, uses[-1] + micros(limit.wait))


def _per_customer(limit: PerCustomer | None, uses: list[int], now: int) -> Hold | None:
    if limit is None:
        return None
    recent = uses if limit.per is None else _recent(uses, now - micros(limit.per))
    if len(recent) < limit.times:
        return None
    until = None if limit.per is None else recent[-limit.times] + micros(limit.per)
    allowed = f"{limit.times}" + ("" if limit.per is None else f" in {said(limit.per)}")
    detail = {"times": len(recent), "by": _OWN, "limit": allowed}
    return _hold(PER_CUSTOMER, detail, limit.otherwise, until)


def _cap(bounded: Bounded, customer: int, ledger: Ledger) -> Hold | None:
    if not bounded.caps:
        return None
    times = ledger.contacts(customer)
    reached = [
        (cap.times, by, cap, recent)
        for by, cap in bounded.caps
        if len(recent := _recent(times, ledger.now - micros(cap.per))) >= cap.times
    ]
    if not reached:
        return None
    _, by, cap, recent = min(reached, key=lambda item: item[0])
    detail = {"times": len(recent), "per": said(cap.per), "by": by, "limit": cap.times}
    until = max(found[-limit.times] + micros(limit.per) for _, _, limit, found in reached)
    return _hold(FREQUENCY_CAP, detail, cap.otherwise, until)


def _hour(limits: Limits, ledger: Ledger) -> Hold | None:
    limit = limits.at_most_per_hour
    reached = ledger.usage.this_hour + ledger.delta.this_hour
    if limit is None or reached < limit.times:
        return None
    detail = {"times": reached, "by": _OWN, "limit": limit.times}
    return _hold(AT_MOST_PER_HOUR, detail, limit.otherwise, (ledger.now // HOUR + 1) * HOUR)


def _budget(bounded: Bounded, cost: int, ledger: Ledger) -> Hold | None:
    for by, segment, budget in bounded.budgets:
        if budget.currency != ledger.currency:
            detail = {"by": by, "currency": budget.currency, "store": ledger.currency}
            return Hold(BUDGET_CURRENCY, detail)
        spent = _spent(segment, ledger)
        if spent + cost > minor_units(budget.amount, budget.currency):
            detail = {
                "spent": money_text(spent, budget.currency),
                "limit": f"{budget.amount:,f} {budget.currency}",
                "per": said(budget.per),
                "cost": money_text(cost, budget.currency),
                "by": by,
            }
            # Nobody knows which hour frees enough; it is asked again in one.
            return _hold(BUDGET, detail, budget.otherwise, ledger.now + HOUR)
    return None


def _spent(segment: str, ledger: Ledger) -> int:
    if not segment:
        return ledger.usage.spent + ledger.delta.spent
    before = ledger.usage.segment_spent.get(segment, 0)
    return before + ledger.delta.segment_spent.get(segment, 0)


def _recent(times: list[int], since: int) -> list[int]:
    return times[bisect_right(times, since) :]


def quiet_hold(bounded: Bounded, zone: str, now: int) -> Hold | None:
    """A hold while any quiet hours last, until all of them are over. ``zone`` is an IANA name."""
    where = zone_named(zone)
    if not bounded.quiet or where is None:
        return None
    first: tuple[str, QuietHours] | None = None
    until = now
    for _ in range(_ROUNDS):
        before = until
        for by, hours in bounded.quiet:
            end = quiet_until(until, hours, where)
            if end is not None:
                first = first or (by, hours)
                until = end
        if until == before:
            break
    if first is None:
        return None
    by, hours = first
    span = f"{hours.start:%H:%M}-{hours.end:%H:%M}"
    return _hold(QUIET_HOURS, {"hours": span, "zone": zone, "by": by}, hours.otherwise, until)
