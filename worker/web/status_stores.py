"""Each store at a glance: what was applied, what waits, who its customers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from campaigns.costs import money_text
from connectors.events import moment
from segmentation.catalogues import counted
from segmentation.model import stage_name
from segmentation.rules import STAGES
from worker import legible, models, poison, tallies
from worker.campaign_reports import waiting_in_vain
from worker.own_features import own_names
from worker.quality import held, low_score, today_score
from worker.shop import Shop, load_shops
from worker.stores import Store
from worker.web.status_actions import (
    Latency,
    ShownAction,
    action_counts,
    latency,
    newest_actions,
)
from worker.web.status_campaigns import ShownCampaign, live_cost, shown_campaigns

_EVENTS: Final = ("applied", "duplicates", "unowned", "set_aside")


class ShownSegment(msgspec.Struct, frozen=True):
    """A stage, its name, how many customers are in it, and the groups the model splits it into."""

    id: str
    name: str
    customers: int
    groups: tuple[str, ...] = ()


class ShownStore(msgspec.Struct, frozen=True):
    """One store. ``trouble`` says what stands in its way, in sentences.

    ``cost_at_most`` is of all live campaigns together, those that were removed included.
    ``quality`` is the share of today's events that passed the gate (None: none came), ``held``
    what it holds.
    """

    id: str
    name: str
    platform: str
    partition: int
    business_time: str
    trouble: tuple[str, ...]
    events: dict[str, int]
    dead_letters: int
    customers: int
    segments: tuple[ShownSegment, ...]
    segment_changes: dict[str, int]
    model: int
    actions: dict[str, int]
    latency_ms: Latency
    campaigns: tuple[ShownCampaign, ...]
    cost_at_most: str
    newest: tuple[ShownAction, ...]
    quality: float | None = None
    held: dict[str, int] = {}


def shown_store(
    connection: Connection, store: Store, wall: int, dead: Mapping[str, int], least: int
) -> ShownStore:
    """Everything the status page says of a store.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    dead
        Open dead letters by store.
    least
        Percent of a day's events that must pass the gate.
    """
    shop = load_shops(connection, {store.id}, -1, wall)[store.id]
    counted = tallies.read(connection, store.number)
    sizes = stage_sizes(connection, store.number)
    day = today_score(counted, shop.now)
    low = low_score(counted, shop.now, least)
    unreadable = legible.lost(connection, (one for name, one in counted if name == legible.TALLY))
    vain = waiting_in_vain(shop, own_names(connection, store.number))
    return ShownStore(
        id=store.id,
        name=store.name,
        platform=store.platform if store.url else "",
        partition=store.partition,
        business_time=_said_time(shop.now),
        trouble=(*_trouble(store, dead.get(store.id, 0), low), *_lost(unreadable), *vain),
        events={name: counted.get((name, ""), 0) for name in _EVENTS},
        dead_letters=dead.get(store.id, 0),
        customers=sum(sizes.values()),
        segments=_segments(shop, sizes),
        segment_changes={
            label: count for (name, label), count in counted.items() if name == "segment_changes"
        },
        model=shop.judged_by,
        actions=action_counts(connection, store.number),
        latency_ms=latency(connection, store.number),
        campaigns=tuple(shown_campaigns(connection, shop, counted)),
        cost_at_most=money_text(live_cost(counted), shop.currency),
        newest=tuple(newest_actions(connection, store.number, store.currency)),
        quality=None if day is None else day.score,
        held={one.reason: one.events for one in held(connection, store.id)},
    )


def stage_sizes(connection: Connection, store: int) -> dict[str, int]:
    """Number of profiles in each stage; of visitors and merged ones under the empty name."""
    people = models.customers.c
    rows = connection.execute(
        select(people.segment, func.count()).where(people.store == store).group_by(people.segment)
    )
    return {str(stage): int(count) for stage, count in rows}


def _segments(shop: Shop, sizes: Mapping[str, int]) -> tuple[ShownSegment, ...]:
    groups: dict[str, list[str]] = {}
    for group in shop.model.groups:
        groups.setdefault(group.stage, []).append(f"{group.name} ({group.id})")
    return tuple(
        ShownSegment(stage, stage_name(stage), sizes.get(stage, 0), tuple(groups.get(stage, ())))
        for stage in STAGES
    )


def _trouble(store: Store, dead: int, low: str) -> tuple[str, ...]:
    found = []
    if store.paused:
        found.append(f"Pushes to this store are stopped: {store.paused}")
    if store.poison > poison.IN_A_ROW:
        found.append(
            f"Its events are set aside, since more than {poison.IN_A_ROW} in a row could not be "
            f"applied: `shoal dead-letters replay --store {store.id}` lets them in again."
        )
    if dead:
        letters = counted(dead, "dead letter", "dead letters")
        found.append(f"{letters}: `shoal dead-letters list --store {store.id}`")
    if low:
        found.append(f"{low}: `shoal quality show --store {store.id}`")
    return tuple(found)


def _lost(ids: Sequence[int]) -> tuple[str, ...]:
    said = legible.sentence(ids)
    return (f"{said[0].upper()}{said[1:]}: {legible.ADVICE}.",) if ids else ()


def _said_time(micros: int) -> str:
    return moment(micros).strftime("%Y-%m-%d %H:%M UTC")
