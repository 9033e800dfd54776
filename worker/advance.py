"""One store's events, from facts to due actions, inside the drain's transaction: read first.

The rooms in their order, each a module of its own:

intake → catalogue, carts → merges → sales → profiles → touches → judging → memberships →
triggers → deciding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, update

from connectors.events import Event, microseconds
from segmentation.clocks import FOREVER
from worker import (
    carts,
    catalogue,
    deciding,
    erasure,
    event_log,
    goodbyes,
    intake,
    judging,
    memberships,
    merges,
    models,
    outbox,
    profiles,
    quarantine,
    rejudging,
    roster,
    sales,
    tallies,
    timers,
    touches,
    triggers,
    turns,
)
from worker.batch import Batch, Reach, Timer
from worker.quality_checks import LOG_AHEAD
from worker.runtime import Kit
from worker.shop import Shop

_NEAR: Final = LOG_AHEAD // timedelta(microseconds=1)


@dataclass(slots=True)
class Woken:
    """What follows the commit: stores with due actions, with learning to do; events set aside."""

    deliver: set[int] = field(default_factory=set)
    learn: set[int] = field(default_factory=set)
    set_aside: list[tuple[Event, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _News:
    """What a batch brings: facts, the clock's ticks, due timers, and whom a new version settles."""

    told: Sequence[Event]
    ticks: Sequence[Event]
    due: list[Timer]
    settled: Sequence[int]


def advance(
    connection: Connection, kit: Kit, shop: Shop, events: Sequence[Event], reach: Reach
) -> Woken:
    """Apply a batch of one store's events and timers.

    Parameters
    ----------
    events
        In order of arrival; redeliveries among them stop here.
    reach
        Which timers may fire.
    """
    if shop.has_new_rules:
        shop = memberships.catch_up(connection, shop)
    settled: Sequence[int] = ()
    if shop.model.version != shop.judged_by:
        shop, settled = rejudging.judge_anew(connection, shop)
        memberships.follow_model(connection, shop)
    found = intake.sort_out(
        connection, events, kit.settings.keep_browsing, on_log_time=shop.is_on_log_time
    )
    ticks = [event for event in found.fresh if event.type == "clock_ticked"]
    told = [event for event in found.fresh if event.type not in intake.CONTROL]
    # Who is settled is settled now: on a log's time a timer has its own moment, after this.
    due = _due(connection, shop, reach, has_events=bool(found.fresh or settled))
    if ticks or settled:
        last = microseconds(ticks[-1].at) if ticks else shop.now
        is_overdue = turns.is_settling(connection, kit.settings, shop, last)
        shop = replace(shop, is_settling=bool(settled) or is_overdue)
    if not found.fresh and not due and not settled:
        _write_counts(connection, shop, found)
        return Woken(set_aside=found.set_aside)
    batch = _assembled(connection, kit, shop, _News(told, ticks, due, settled))
    _apply(connection, kit, batch)
    woken = _decide(connection, kit, batch)
    woken.set_aside = found.set_aside
    _keep(connection, kit, batch, found, ticks)
    if ticks and turns.take_turn(connection, kit.settings, shop, batch.now):
        woken.learn.add(shop.number)
    if ticks and shop.is_on_log_time:
        woken.deliver.add(shop.number)  # what was decided ahead of the clock can be claimed now
    return woken


def _due(connection: Connection, shop: Shop, reach: Reach, *, has_events: bool) -> list[Timer]:
    """Timers that fire now. On a log's time each fires alone, at its own moment."""
    if not reach.horizon:
        return []
    if not shop.is_on_log_time:
        return timers.due_timers(connection, shop.number, reach.horizon, reach.timers)
    if has_events:
        return []
    return timers.same_moment(timers.due_timers(connection, shop.number, shop.now, reach.timers))


def _assembled(connection: Connection, kit: Kit, shop: Shop, news: _News) -> Batch:
    ticks, due = news.ticks, news.due
    directory = intake.read_directory(connection, shop, news.told)
    screened = quarantine.screen(connection, kit, shop, directory, news.told)
    now = _business_now(shop, screened.passed, ticks, due)
    told = intake.brought_up_to_date(connection, screened.passed)
    subjects, unowned = intake.place(connection, kit.sealer, shop, directory, told)
    intake.keep_unowned(connection, shop, unowned)
    wanted = {directory.final(subject.customer) for subject in subjects} | {
        timer.customer for timer in due
    }
    wanted |= directory.merged.keys() | set(directory.merged.values())
    drifted = memberships.drifted(connection, shop, now, turns.slices(shop, ticks) if ticks else [])
    wanted |= {*news.settled, *_moved(connection, shop, now, ticks), *drifted}
    audiences = triggers.audiences(connection, shop, due)
    wanted |= {customer for audience in audiences.values() for customer in audience}
    people = roster.load_roster(connection, shop, wanted, directory.created)
    batch = Batch(shop, now, directory, subjects, people, due)
    batch.count("unowned", by=len(unowned))
    screened.count(batch)
    batch.unowned, batch.audiences, batch.drifted = unowned, audiences, drifted
    return batch


def _business_now(
    shop: Shop, told: Sequence[Event], ticks: Sequence[Event], due: Sequence[Timer]
) -> int:
    if not shop.is_on_log_time:
        return shop.now
    if due:
        return due[0].due_at
    # The clock is the player's. What happens is of its own time until the step is over; what is
    # far ahead of that is a description, which may be of any time.
    near = shop.now + _NEAR if shop.now else FOREVER
    times = [microseconds(event.at) for event in ticks or told]
    return max([shop.now, *(at for at in times if ticks or at <= near)])


def _moved(connection: Connection, shop: Shop, now: int, ticks: Sequence[Event]) -> list[int]:
    if not ticks:
        return []
    return [
        customer
        for slice_ in turns.slices(shop, ticks)
        for customer in judging.aged(connection, shop, now, slice_)
    ]


def _apply(connection: Connection, kit: Kit, batch: Batch) -> None:
    """Facts into tables and features."""
    memberships.settle_due(connection, batch)
    zone = None if batch.shop.time_zone == "UTC" else ZoneInfo(batch.shop.time_zone)
    slots = catalogue.slots_of(connection, batch)
    catalogue.record_products(connection, batch)
    carts.record_carts(connection, batch)
    event_log.write_log(connection, batch, slots)
    merges.merge_people(connection, batch)
    sales.record_orders(connection, batch, slots, zone)
    sales.record_refunds(connection, batch)
    batch.redeemed = sales.redeem(connection, batch)
    carts.close_carts(connection, batch)
    opened = profiles.record_people(connection, batch, kit.sealer)
    triggers.set_date_timers(batch, opened)
    touches.note_touches(batch, slots, zone)
    touches.fold_facts(connection, batch)
    judging.judge(connection, batch)
    memberships.judge_rules(connection, batch)


def _decide(connection: Connection, kit: Kit, batch: Batch) -> Woken:
    """Segment changes, events and timers into decisions and due actions."""
    triggers.wake_campaigns(connection, batch)
    decisions = deciding.decide_all(connection, kit, batch)
    written = outbox.write_actions(connection, kit, batch, decisions)
    timers.write_timers(connection, batch)
    return Woken(deliver={batch.shop.number} if written else set())


def _keep(
    connection: Connection,
    kit: Kit,
    batch: Batch,
    found: intake.Sorted,
    ticks: Sequence[Event],
) -> None:
    roster.save_roster(connection, batch.roster)
    intake.write_directory(connection, batch.shop, batch.directory)
    event_log.write_control(connection, batch.shop, found.fresh)
    # What waited unowned is applied when it is adopted.
    control = sum(event.type in intake.CONTROL for event in found.fresh)
    batch.count("applied", by=len(batch.subjects) + control)
    batch.count("duplicates", by=found.duplicates)
    batch.count("set_aside", by=len(found.set_aside))
    tallies.add(connection, batch.shop.number, batch.tallies)
    if ticks:
        _tick(connection, batch)
    erasure.apply_erasures(connection, kit.sealer, batch.shop, found.fresh, batch.now)
    goodbyes.apply_goodbyes(connection, batch.shop, found.fresh)


def _tick(connection: Connection, batch: Batch) -> None:
    connection.execute(
        update(models.stores)
        .where(models.stores.c.number == batch.shop.number)
        .values(now=batch.now, ticked_at=batch.now)
    )


def _write_counts(connection: Connection, shop: Shop, found: intake.Sorted) -> None:
    counts = {("duplicates", ""): found.duplicates, ("set_aside", ""): len(found.set_aside)}
    tallies.add(connection, shop.number, counts)
