"""Stores to measure: added, six campaigns live, customers and their past imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import update

from benchmarks import stream_events
from campaigns.library import READY, ready_text
from connectors.events import Event, microseconds
from worker import bulk, campaign_files, models, stream
from worker.cursors import positions
from worker.database import reading, transaction
from worker.learning import learn
from worker.replay import settle
from worker.runtime import Kit
from worker.sealing import seal_events
from worker.shop import load_shops
from worker.stores import AddedStore, NewStore, add_store, load_store

SECRET: Final = "what the benchmark's stores sign with"  # noqa: S105 - of stores that live for minutes
_APPENDED_AT_ONCE: Final = 5_000
_NOON: Final = 12
_A_SECOND: Final = 1_000_000


def open_stores(kit: Kit, names: Sequence[str], now: datetime) -> list[AddedStore]:
    """Add stores with the six ready campaigns live; where it is noon, so no quiet hours."""
    wall = microseconds(now)
    added = []
    with transaction(kit.engine) as connection:
        for name in names:
            new = NewStore(
                id=name,
                platform="sandbox",
                url="http://127.0.0.1:9/",
                currency="EUR",
                # The sign of these names counts westward.
                time_zone=f"Etc/GMT{now.hour - _NOON:+d}",
                secrets={"webhook_secret": SECRET, "api_key": SECRET},
            )
            added.append(add_store(connection, kit.sealer, new, wall))
            bulk.upsert(
                connection,
                models.campaigns,
                ("store", "id", "version", "state", "started_at", "body"),
                [(added[-1].number, one, 1, "live", 0, ready_text(one)) for one in READY],
            )
    return added


def introduce(kit: Kit, names: Sequence[str], now: datetime) -> None:
    """Import the stores' past, and let what time alone would have brought be due now.

    Today's birthdays and the morning's schedule; and good customers who went quiet without having
    been looked at since.
    """
    for name in names:
        preload(kit, seal_events(kit.sealer, stream_events.introductions(name, now)))
    for partition in partitions(kit):
        settle(kit, partition)
    with reading(kit.engine) as connection:
        numbers = [load_store(connection, name).number for name in names]
    for number in numbers:
        learn(kit, number)  # what is bought together
    timers, people = models.timers, models.customers
    with transaction(kit.engine) as connection:
        for shop in load_shops(connection, set(names), -1, microseconds(now)).values():
            campaign_files.arm(connection, kit.sealer, shop, "second-order")
        of_the_day = timers.c.kind.in_(("date", "schedule"))
        due = update(timers).where(of_the_day).values(due_at=microseconds(now) - _A_SECOND)
        connection.execute(due)
        gone_quiet = update(people).where(people.c.segment == "at_risk")
        connection.execute(gone_quiet.values(segment="loyal", grouping="loyal.all"))


def preload(kit: Kit, events: Iterable[Event]) -> None:
    """Append events to their stores' streams, every bell silent."""
    by_store: dict[str, list[Event]] = {}
    for event in events:
        by_store.setdefault(event.store, []).append(event)
    by_partition: dict[int, list[Event]] = {}
    with reading(kit.engine) as connection:
        for name, its in by_store.items():
            by_partition.setdefault(load_store(connection, name).partition, []).extend(its)
    for partition, its in by_partition.items():
        for start in range(0, len(its), _APPENDED_AT_ONCE):
            stream.append(kit.redis, partition, its[start : start + _APPENDED_AT_ONCE])
        stream.silence(kit.redis, stream.drain_bell(partition))


def partitions(kit: Kit) -> list[int]:
    """All partitions."""
    with reading(kit.engine) as connection:
        return sorted(positions(connection))
