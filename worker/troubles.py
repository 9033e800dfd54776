"""What a person should know of and do something about, as it is now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import redis
from sqlalchemy import Connection, func, select

from segmentation.catalogues import counted
from worker import cursors, dead_letters, legible, models, quality, stream
from worker.errors import RedisDown
from worker.settings import Settings

Kind = Literal[
    "store_paused",
    "pushes_refused",
    "lag",
    "dead_letters",
    "disk",
    "redis",
    "quality",
    "unreadable",
]
LATE: Final = 300.0  # seconds that an event may wait
LEAST_DISK: Final = 1 << 30  # bytes
LATELY: Final = 3_600_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble: its kind, what it befalls, what was seen, what to do."""

    kind: Kind
    subject: str
    said: str
    advice: str

    @property
    def name(self) -> str:
        """The same for as long as it lasts."""
        return f"{self.kind}:{self.subject}"


def troubles(
    connection: Connection, client: redis.Redis, settings: Settings, wall: int
) -> list[Trouble]:
    """Every trouble there is now.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    return [
        *_disk(settings),
        *_lag(connection, client, wall),
        *_paused(connection),
        *_refused(connection, wall),
        *_letters(connection),
        *_quality(connection, settings, wall),
        *_unreadable(connection),
    ]


def _disk(settings: Settings) -> Iterator[Trouble]:
    if not settings.home.exists():
        return
    free = shutil.disk_usage(settings.home).free
    if free < LEAST_DISK:
        said = f"{free >> 20} MiB free in {settings.home}"
        yield Trouble("disk", "home", said, "make room, or set SHOAL_HOME to another disk")


def _lag(connection: Connection, client: redis.Redis, wall: int) -> Iterator[Trouble]:
    try:
        for partition, position in cursors.positions(connection).items():
            oldest = stream.read(client, partition, position, 1)
            if not oldest:
                continue
            seconds = wall / 1e6 - stream.order(oldest[0].position)[0] / 1e3
            if seconds > LATE:
                said = f"the oldest event of partition {partition} has waited {seconds:.0f} s"
                advice = "look whether a drain runs and what it logs"
                yield Trouble("lag", str(partition), said, advice)
    except RedisDown as error:
        yield Trouble("redis", "redis", str(error), "start it; the door answers 503 until then")


def _paused(connection: Connection) -> Iterator[Trouble]:
    stores = models.stores.c
    query = select(stores.id, stores.paused).where(stores.paused != "")
    for name, why in connection.execute(query):
        advice = f"`shoal store check {name}`, then `shoal resume {name}`"
        yield Trouble("store_paused", str(name), f"pushes are stopped: {why}", advice)


def _refused(connection: Connection, wall: int) -> Iterator[Trouble]:
    actions, stores = models.actions.c, models.stores.c
    query = (
        select(stores.id, func.count())
        .join(models.stores, stores.number == actions.store)
        .where(actions.state == "refused", actions.finished_at > wall - LATELY)
        .group_by(stores.id)
    )
    for name, count in connection.execute(query):
        pushes = counted(count, "push was", "pushes were")
        said = f"{pushes} refused for good within the last hour"
        advice = f"`shoal dead-letters list --store {name}`"
        yield Trouble("pushes_refused", str(name), said, advice)


def _letters(connection: Connection) -> Iterator[Trouble]:
    for name, count in dead_letters.open_letters(connection).items():
        where = f" --store {name}" if name else ""
        advice = f"`shoal dead-letters list{where}`, then `shoal dead-letters replay{where}`"
        yield Trouble("dead_letters", name or "no store", f"{count} wait to be looked at", advice)


def _quality(connection: Connection, settings: Settings, wall: int) -> Iterator[Trouble]:
    for name, said in quality.low_stores(connection, wall, settings.quality_least):
        advice = f"`shoal quality show --store {name}`"
        yield Trouble("quality", name, said, advice)


def _unreadable(connection: Connection) -> Iterator[Trouble]:
    for name, ids in legible.lost_by_store(connection).items():
        yield Trouble("unreadable", name, legible.sentence(ids), legible.ADVICE)
