"""The store's clock: which customers a tick ages, and when learning is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from connectors.events import Event, microseconds
from segmentation.record import DAY
from worker import bulk, models
from worker.settings import Settings
from worker.shop import Shop

# On a log's time the player ticks many times a day; people are aged once a day.
LOG_AGEING: Final = DAY


def slices(shop: Shop, ticks: Sequence[Event]) -> list[tuple[int, int] | None]:
    """Which parts of a store's customers some ticks age; None is all of them."""
    if shop.is_on_log_time:
        last = microseconds(ticks[-1].at)
        is_due = last // LOG_AGEING > shop.ticked_at // LOG_AGEING
        return [None] if is_due else []
    return [
        (int(tick.properties.get("slice", 0)), max(int(tick.properties.get("slices", 1)), 1))
        for tick in ticks
    ]


def is_settling(connection: Connection, settings: Settings, shop: Shop, now: int) -> bool:
    """Whether a version is overdue by a day, and small leads must count without one."""
    learning = models.learning.c
    last = connection.execute(
        select(learning.learned_at).where(learning.store == shop.number)
    ).scalar()
    return now - (last or 0) >= settings.learn_every_us + DAY


def take_turn(connection: Connection, settings: Settings, shop: Shop, now: int) -> bool:
    """Whether learning is due; if so it is written down, so that no lost message loses it."""
    learning = models.learning.c
    row = connection.execute(
        select(learning.wanted_at, learning.learned_at).where(learning.store == shop.number)
    ).first()
    if row is not None and row.wanted_at > row.learned_at:
        return True
    last = 0 if row is None else row.learned_at
    if now - last < settings.learn_every_us:
        return False
    buyers = connection.execute(
        select(func.count())
        .select_from(models.customers)
        .where(models.customers.c.store == shop.number, models.customers.c.orders > 0)
    ).scalar()
    if not buyers:
        return False
    bulk.upsert(
        connection,
        models.learning,
        ("store", "wanted_at", "learned_at"),
        [(shop.number, now, last)],
    )
    return True
