"""What campaigns did, what they cost at most, why they held, and what would stop them now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from campaigns.costs import minor_units, money_text
from campaigns.durations import micros, said
from campaigns.limits import Budget
from segmentation.catalogues import counted
from worker import models
from worker.shop import Running, Shop
from worker.web.plain_words import of_many, trigger_said

Tallies = Mapping[tuple[str, str], int]
_decisions: Final = models.decisions.c


class HeldBy(msgspec.Struct, frozen=True):
    """How often a reason stood in the way."""

    reason: str
    sentence: str
    times: int


class ShownCampaign(msgspec.Struct, frozen=True):
    """One campaign: counts of live and shadow decisions together, money as text.

    ``cost_at_most`` is of live fires only: a shadow decision and a holdout cost nothing.
    ``wakes`` says when it is asked at all, ``bounds`` what limits it now, ``stop`` the command
    that ends its pushes.
    """

    id: str
    version: int
    state: str
    fires: int
    holdouts: int
    holds: int
    cost_at_most: str
    cost_in_shadow: str
    redeemed: int
    held_by: tuple[HeldBy, ...]
    wakes: str
    bounds: tuple[str, ...]
    stop: str


def shown_campaigns(connection: Connection, shop: Shop, tallies: Tallies) -> list[ShownCampaign]:
    """Every campaign of a store that was not removed, by id."""
    return [_shown(connection, shop, one, tallies) for one in shop.campaigns]


def bounds(connection: Connection, shop: Shop, running: Running) -> tuple[str, ...]:
    """What limits a campaign now, in sentences; money left where there is a budget."""
    limits = running.campaign.limits
    found = []
    if limits.budget:
        found.append(_budget(connection, shop, running, limits.budget))
    if limits.at_most_per_hour:
        found.append(
            f"at most {counted(limits.at_most_per_hour.times, 'customer', 'customers')} an hour"
        )
    if limits.cooldown:
        found.append(f"once in {said(limits.cooldown.wait)} for one customer")
    if limits.per_customer:
        per = f" in {said(limits.per_customer.per)}" if limits.per_customer.per else " ever"
        found.append(f"at most {_times_said(limits.per_customer.times)} for one customer{per}")
    if limits.frequency_cap:
        cap = limits.frequency_cap
        contacts = counted(cap.times, "contact", "contacts")
        found.append(f"at most {contacts} in {said(cap.per)} by all campaigns")
    if limits.quiet_hours:
        hours = limits.quiet_hours
        found.append(f"never from {hours.start:%H:%M} to {hours.end:%H:%M}")
    if limits.consent:
        found.append(f"only with consent for {limits.consent.channel}")
    return tuple(found)


def _times_said(times: int) -> str:
    return "once" if times == 1 else counted(times, "time", "times")


def live_cost(tallies: Tallies) -> int:
    """What all live campaigns together cost at most, in minor units."""
    return sum(
        count
        for (name, label), count in tallies.items()
        if name == "cost" and label.split("|")[1:] == ["live", "fire"]
    )


def held_by(tallies: Tallies, campaign: str) -> tuple[HeldBy, ...]:
    """Reasons of a campaign's holds, the most frequent first."""
    times: dict[str, int] = {}
    for (name, label), count in tallies.items():
        whose, _, rest = label.partition("|")
        if name == "hold" and whose == campaign:
            reason = rest.partition("|")[2]
            times[reason] = times.get(reason, 0) + count
    ordered = sorted(times.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(HeldBy(reason, of_many(reason), count) for reason, count in ordered)


def _shown(connection: Connection, shop: Shop, running: Running, tallies: Tallies) -> ShownCampaign:
    name = running.campaign.id
    option = f"{name} --store {shop.id}"
    live = running.state == "live"
    reasons = held_by(tallies, name)
    return ShownCampaign(
        id=name,
        version=running.version,
        state=running.state,
        fires=_times(tallies, "fire", name),
        holdouts=_times(tallies, "holdout", name),
        holds=sum(one.times for one in reasons),
        cost_at_most=money_text(tallies.get(("cost", f"{name}|live|fire"), 0), shop.currency),
        cost_in_shadow=money_text(tallies.get(("cost", f"{name}|shadow|fire"), 0), shop.currency),
        redeemed=tallies.get(("redeemed", name), 0),
        held_by=reasons,
        wakes=trigger_said(running.campaign.trigger),
        bounds=bounds(connection, shop, running),
        stop=f"shoal campaigns {'pause' if live else 'start'} {option}",
    )


def _times(tallies: Tallies, outcome: str, campaign: str) -> int:
    start = f"{campaign}|"
    return sum(
        count
        for (name, label), count in tallies.items()
        if name == outcome and label.startswith(start)
    )


def _budget(connection: Connection, shop: Shop, running: Running, budget: Budget) -> str:
    mode = "shadow" if running.state == "shadow" else "live"
    spent = connection.execute(
        select(func.coalesce(func.sum(_decisions.cost), 0)).where(
            _decisions.store == shop.number,
            _decisions.campaign == running.campaign.id,
            _decisions.mode == mode,
            _decisions.at > shop.now - micros(budget.per),
        )
    ).scalar_one()
    left = max(minor_units(budget.amount, budget.currency) - int(spent), 0)
    whole = money_text(minor_units(budget.amount, budget.currency), budget.currency)
    return f"{money_text(left, budget.currency)} left of {whole} in {said(budget.per)}"
