"""Which campaigns a batch wakes, for whom: its events, its segment changes and its due timers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from campaigns import occasions, schedules
from campaigns.triggers import (
    CartTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SegmentTrigger,
    Trigger,
    passes,
)
from connectors.events import microseconds, moment
from connectors.records import exponent
from worker import carts, models, timers
from worker.batch import Batch, Move, Subject, Timer, Wake
from worker.narrowing import candidates
from worker.shop import Running, Shop

# A schedule's audience is woken in pages of this many customers.
PAGE: Final = 5_000
# Only these causes wake anybody: a model, an import or an edited rule moves people silently.
_WAKING: Final = frozenset({"event", "time"})


def wake_campaigns(connection: Connection, batch: Batch) -> None:
    """Note every wake of the batch. Who cannot be reached in the store is counted, not woken."""
    if not batch.shop.campaigns:
        return
    changes = (*_segment_wakes(batch), *_membership_wakes(batch))
    wakes = [*_event_wakes(batch), *changes, *_timer_wakes(connection, batch)]
    for wake in wakes:
        if wake.customer in batch.roster.row and batch.roster.look(wake.customer).platform_id:
            batch.wakes.append(wake)
        else:
            batch.count("unreachable", wake.campaign)


def _of(shop: Shop, kind: type[Trigger]) -> list[Running]:
    return [one for one in shop.campaigns if isinstance(one.campaign.trigger, kind)]


def _event_wakes(batch: Batch) -> Iterator[Wake]:
    listening: dict[str, list[Running]] = {}
    for running in _of(batch.shop, EventTrigger):
        trigger = running.campaign.trigger
        if isinstance(trigger, EventTrigger):
            listening.setdefault(trigger.event, []).append(running)
    if not listening:
        return
    for type_, subject, occasion, said in _happenings(batch):
        customer = batch.directory.final(subject.customer)
        if not customer or subject.event.source == "import":
            continue
        for running in listening.get(type_, ()):
            trigger = running.campaign.trigger
            if isinstance(trigger, EventTrigger) and passes(trigger, said):
                yield Wake(
                    campaign=running.campaign.id,
                    customer=customer,
                    occasion=occasion,
                    at=microseconds(subject.event.at),
                    accepted_at=microseconds(subject.event.received_at),
                    details=_details(type_, said),
                )


def _happenings(batch: Batch) -> Iterator[tuple[str, Subject, str, Mapping[str, Any]]]:
    """(type, subject, occasion, what it says) of everything that campaigns may listen to."""
    for subject in batch.subjects:
        if subject.customer:
            event = subject.event
            yield event.type, subject, occasions.event_occasion(event), event.properties
    for change, subject in batch.sales:
        row = change.after
        # Files speak of money in the main unit.
        value = row.value / 10.0 ** exponent(row.currency)
        said = {"order_id": row.order_id, "value": value, "currency": row.currency}
        if change.is_sale:
            yield "order_completed", subject, f"order:{row.order_id}", said
        if change.is_cancelled:
            yield "order_cancelled", subject, f"order:{row.order_id}", said
    for one in batch.redeemed:
        yield "coupon_redeemed", one.subject, f"order:{one.order_id}", {"campaign": one.campaign}


def _details(type_: str, said: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Facts that a sale itself says; of any other event only the store knows what it means."""
    is_sale = type_ in {"order_completed", "order_cancelled"}
    return (("order.value", said["value"]),) if is_sale else ()


def _segment_wakes(batch: Batch) -> Iterator[Wake]:
    accepted = _accepted(batch)
    for move in batch.moves:
        if move.cause not in _WAKING:
            continue
        known_in = batch.known_in.get(move.customer, set())
        for running in _of(batch.shop, SegmentTrigger):
            trigger = running.campaign.trigger
            if isinstance(trigger, SegmentTrigger) and _crosses(trigger, move, known_in):
                yield Wake(
                    campaign=running.campaign.id,
                    customer=move.customer,
                    occasion=occasions.segment_occasion(move.number),
                    at=move.at,
                    accepted_at=accepted.get(move.customer, 0) if move.cause == "event" else 0,
                )


def _membership_wakes(batch: Batch) -> Iterator[Wake]:
    """The same for segments by rule, whose entries are numbered each for itself."""
    accepted = _accepted(batch) if batch.entries else {}
    for entry in batch.entries:
        if entry.cause not in _WAKING:
            continue
        for running in _of(batch.shop, SegmentTrigger):
            if running.campaign.trigger == SegmentTrigger(entry.segment, entry.entered):
                yield Wake(
                    campaign=running.campaign.id,
                    customer=entry.customer,
                    occasion=occasions.membership_occasion(entry.segment, entry.number),
                    at=entry.at,
                    accepted_at=accepted.get(entry.customer, 0) if entry.cause == "event" else 0,
                )


def _accepted(batch: Batch) -> dict[int, int]:
    """When the webhook behind each customer's last event was accepted, operating time."""
    return {
        batch.directory.final(one.customer): microseconds(one.event.received_at)
        for one in batch.subjects
    }


def _crosses(trigger: SegmentTrigger, move: Move, known_in: set[str]) -> bool:
    was, is_now = {move.before, move.group_before}, {move.after, move.group_after}
    return trigger.segment in (is_now - was - known_in if trigger.enters else was - is_now)


def _timer_wakes(connection: Connection, batch: Batch) -> Iterator[Wake]:
    campaigns = {running.campaign.id: running for running in batch.shop.campaigns}
    due = [timer for timer in timers.still_due(batch) if timer.campaign in campaigns]
    left = _left_carts(connection, batch, [timer for timer in due if timer.kind == "cart"])
    for timer in due:
        trigger = campaigns[timer.campaign].campaign.trigger
        if timer.kind == "cart" and timer.key in left:
            yield _wake(timer, timer.customer, (("cart.value", left[timer.key]),))
        elif timer.kind == "delay":
            details = _remembered(connection, batch, timer, trigger)
            if details is not None:
                yield _wake(timer, timer.customer, details)
        elif timer.kind == "date" and isinstance(trigger, DateTrigger):
            yield _wake(timer, timer.customer)
            _arm_again(batch, timer, trigger)
        elif timer.kind == "schedule" and isinstance(trigger, ScheduleTrigger):
            audience = batch.audiences.get(timer.campaign, [])
            yield from (_wake(timer, customer) for customer in audience)
            batch.set_timers.append(_next_page(batch.shop, timer, trigger, audience))


def _wake(timer: Timer, customer: int, details: tuple[tuple[str, float], ...] = ()) -> Wake:
    return Wake(timer.campaign, customer, timer.occasion, timer.due_at, details=details)


def _remembered(
    connection: Connection, batch: Batch, timer: Timer, trigger: Trigger
) -> tuple[tuple[str, float], ...] | None:
    """What the event behind a delayed occasion said; None if the cart has been ordered since."""
    kind, _, key = timer.occasion.partition(":")
    if kind == "cart" and isinstance(trigger, CartTrigger):
        left = _left_carts(connection, batch, [replace(timer, key=f"{timer.campaign}|{key}")])
        return tuple(("cart.value", value) for value in left.values()) or None
    if kind == "order":
        orders = models.orders.c
        of_order = (orders.store == batch.shop.number) & (orders.order_id == key)
        row = connection.execute(select(orders.value, orders.currency).where(of_order)).first()
        return () if row is None else (("order.value", row.value / 10.0 ** exponent(row.currency)),)
    return ()


def _left_carts(connection: Connection, batch: Batch, due: list[Timer]) -> dict[str, float]:
    """Value (main unit) of the carts that are still without an order, by the timer's key."""
    if not due:
        return {}
    tokens = {timer.key: timer.key.partition("|")[2] for timer in due}
    open_ = carts.open_carts(connection, batch.shop.number, sorted(tokens.values()))
    records, row = batch.roster.records, batch.roster.row
    unit = 10.0 ** exponent(batch.shop.currency)
    return {
        timer.key: open_[tokens[timer.key]] / unit
        for timer in due
        if tokens[timer.key] in open_
        and timer.customer in row
        and not (
            records["orders"][row[timer.customer]]
            and records["last_order_at"][row[timer.customer]] >= timer.since
        )
    }


def audiences(connection: Connection, shop: Shop, due: Iterable[Timer]) -> dict[str, list[int]]:
    """Whom due schedules wake now, by campaign: the next page of candidates after the mark."""
    customers, (begin, end) = models.customers.c, shop.ids
    conditions = {one.campaign.id: one.campaign.condition for one in shop.campaigns}
    return {
        timer.campaign: list(
            connection.execute(
                select(customers.id)
                .where(
                    customers.id > max(timer.since, begin),
                    customers.id < end,
                    customers.platform_id != "",
                    *candidates(conditions[timer.campaign], timer.due_at),
                )
                .order_by(customers.id)
                .limit(PAGE)
            ).scalars()
        )
        for timer in due
        if timer.kind == "schedule" and timer.campaign in conditions
    }


def _next_page(shop: Shop, timer: Timer, trigger: ScheduleTrigger, audience: list[int]) -> Timer:
    """The same slot for the next customers, or, when all had their turn, the next slot."""
    if len(audience) == PAGE:
        return Timer(
            "schedule", timer.key, 0, timer.campaign, timer.occasion, timer.due_at, audience[-1]
        )
    return schedule_timer(shop, timer.campaign, trigger, timer.due_at)


def schedule_timer(shop: Shop, campaign: str, trigger: ScheduleTrigger, after: int) -> Timer:
    """The next slot of a campaign's schedule after a moment (int microseconds)."""
    slot = schedules.next_slot(trigger, moment(after), ZoneInfo(shop.time_zone))
    occasion = occasions.schedule_occasion(slot.day)
    return Timer("schedule", campaign, 0, campaign, occasion, microseconds(slot.at), 0)


def _arm_again(batch: Batch, timer: Timer, trigger: DateTrigger) -> None:
    """Next year's timer of a date; the timer itself remembers which day it is about (`since`)."""
    is_set = any((one.kind, one.key) == (timer.kind, timer.key) for one in batch.set_timers)
    if is_set or timer.customer not in batch.roster.row:
        return
    zone = batch.roster.look(timer.customer).time_zone or batch.shop.time_zone
    born = moment(timer.since).date()
    batch.set_timers.append(_date((timer.campaign, timer.customer), trigger, born, batch.now, zone))


def set_date_timers(batch: Batch, opened: Mapping[int, Mapping[str, str]]) -> None:
    """A timer for every date campaign, for the customers whose date just became known."""
    for customer, profile in opened.items():
        zone = batch.roster.look(customer).time_zone or batch.shop.time_zone
        for running in _of(batch.shop, DateTrigger):
            timer = date_timer(running, customer, profile, zone, batch.now)
            if timer is not None:
                batch.set_timers.append(timer)


def date_timer(
    running: Running, customer: int, profile: Mapping[str, str], zone: str, now: int
) -> Timer | None:
    """When a date campaign comes round for a customer; None if the date is not known."""
    trigger = running.campaign.trigger
    if not isinstance(trigger, DateTrigger) or not profile.get(trigger.date):
        return None
    try:
        born = date.fromisoformat(profile[trigger.date][:10])
    except ValueError:
        return None
    return _date((running.campaign.id, customer), trigger, born, now, zone)


def _date(whose: tuple[str, int], trigger: DateTrigger, born: date, now: int, zone: str) -> Timer:
    campaign, customer = whose
    slot = schedules.next_date(trigger, born, moment(now), ZoneInfo(zone))
    # A year of its own, so that the timer tells the day and not the age.
    day = datetime(1904, born.month, born.day, tzinfo=UTC)
    return Timer(
        "date",
        f"{campaign}|{customer}",
        customer,
        campaign,
        occasions.date_occasion(slot.year),
        microseconds(slot.at),
        microseconds(day),
    )
