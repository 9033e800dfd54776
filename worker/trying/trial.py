"""A shop of a file's, in a temporary folder: the same drain and campaigns, nobody to push to.

Events go to `pipeline.apply` as they do from the stream, but from memory: there is no Redis, no
account and no store, and what was written is gone afterwards. The clock is the log's own. The six
ready campaigns stand in shadow for the last `DAYS` days of the log.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import event as happening

from campaigns.library import ready_campaigns
from connectors.events import Event, event_id, microseconds, moment
from worker import bulk, campaign_files, installation, models, pipeline, process_clock, stream
from worker.batch import Reach
from worker.database import database_url, ensure_schema, open_engine, reading, transaction
from worker.learning import learn_once
from worker.pending import partitions_with_work
from worker.replay import Target, target_of
from worker.runtime import Kit
from worker.sealing import seal_events, sealer_from
from worker.settings import settings_from
from worker.shop import Shop, load_shops
from worker.stores import NewStore, add_store

DAYS: Final = 90
BATCH: Final = 1_000  # events in one transaction
STORE: Final = "try"
PREFIX: Final = "shoal-try-"
_DAY: Final = timedelta(days=1)


@dataclass
class Trial:
    """One store on its log's time, and how far its clock has come."""

    kit: Kit
    target: Target
    cursor: str = stream.START
    appended: int = field(default=0, repr=False)

    def shop(self) -> Shop:
        """The store as the drain sees it now."""
        with reading(self.kit.engine) as connection:
            wall = microseconds(self.kit.clock())
            return load_shops(connection, {STORE}, self.target.partition, wall)[STORE]

    def feed(self, events: Sequence[Event]) -> None:
        """Apply events, oldest first."""
        for start in range(0, len(events), BATCH):
            part = seal_events(self.kit.sealer, events[start : start + BATCH])
            self._apply([self._entry(event) for event in part], pipeline.NO_TIMERS)

    def tick(self, at: datetime) -> None:
        """Move the clock and do everything that became due: timers, learning, judging."""
        told = Event(
            id=event_id(STORE, "clock_ticked", at, "try"),
            store=STORE,
            type="clock_ticked",
            at=at,
            received_at=max(at, self.kit.clock()),
            source="shoal",
        )
        self._apply([self._entry(told)], pipeline.NO_TIMERS)
        while self._is_busy():
            self._apply([], Reach(microseconds(self.kit.clock())))

    def _entry(self, event: Event) -> stream.Entry:
        self.appended += 1
        return stream.Entry(f"{self.appended}-0", stream.pack(event))

    def _apply(self, entries: Sequence[stream.Entry], reach: Reach) -> None:
        done = pipeline.apply(self.kit, self.target.partition, self.cursor, entries, reach)
        self.cursor = done.position
        for store in sorted(done.learn):
            learn_once(self.kit, store)

    def _is_busy(self) -> bool:
        with reading(self.kit.engine) as connection:
            wall = microseconds(self.kit.clock())
            return self.target.partition in partitions_with_work(connection, wall)


@contextmanager
def trial(currency: str, time_zone: str, salt: str) -> Iterator[Trial]:
    """An empty store in a temporary folder, which goes with it.

    Parameters
    ----------
    salt
        What control groups are drawn with: the same file draws the same ones.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        kit = _kit(Path(folder))
        try:
            yield Trial(kit, _open_store(kit, currency, time_zone, salt))
        finally:
            kit.engine.dispose()
            kit.redis.close()


def _kit(folder: Path) -> Kit:
    settings = settings_from({"SHOAL_HOME": str(folder), "SHOAL_PARTITIONS": "1"})
    engine = open_engine(database_url(settings))
    happening.listen(engine, "connect", _without_waiting)
    ensure_schema(engine)
    return Kit(
        settings=settings,
        engine=engine,
        redis=redis.Redis(),  # nobody connects it: there is no stream and no bell
        sealer=sealer_from(secrets.token_hex(32)),
        clock=process_clock.now,
        send=lambda _task, _number: None,
    )


def _without_waiting(connection: Any, _record: object) -> None:
    """What a power cut takes of a temporary file nobody misses."""
    connection.execute("PRAGMA synchronous = OFF")


def _open_store(kit: Kit, currency: str, time_zone: str, salt: str) -> Target:
    new = NewStore(
        id=STORE, platform="sandbox", url="", currency=currency, time_zone=time_zone, clock="log"
    )
    with transaction(kit.engine) as connection:
        installation.partitions(connection, kit.settings.partitions)
        bulk.insert_missing(connection, models.meta, ("name", "value"), [("salt", salt)])
        add_store(connection, kit.sealer, new, microseconds(kit.clock()))
        return target_of(connection, STORE)


def window_of(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """The days in which campaigns are judged: the log's last `DAYS`, or all it has."""
    size = _DAY // timedelta(microseconds=1)
    end = moment((microseconds(last) // size + 1) * size)
    begin = moment(microseconds(first) // size * size)
    return max(begin, end - DAYS * _DAY), end


def play(
    tried: Trial,
    events: Iterable[Event],
    window: tuple[datetime, datetime],
    on_events: Callable[[int], None] = lambda _: None,
) -> None:
    """Play a log, oldest first; the campaigns see what happens within the window.

    Parameters
    ----------
    on_events
        Called with the number of events played since the last call.
    """
    start, end = window
    now, is_open = start, False
    for day, its in groupby(events, lambda one: max(one.at, start - _DAY).date()):
        if not is_open and day >= start.date():
            _open_window(tried, start)
            is_open = True
        while is_open and now.date() < day:
            now += _DAY
            tried.tick(now)
        for part in _parts(its):
            tried.feed(part)
            on_events(len(part))
    if not is_open:
        _open_window(tried, start)
    while now < end:
        now += _DAY
        tried.tick(now)


def _parts(events: Iterator[Event]) -> Iterator[list[Event]]:
    part: list[Event] = []
    for one in events:
        part.append(one)
        if len(part) == BATCH:
            yield part
            part = []
    if part:
        yield part


def _open_window(tried: Trial, at: datetime) -> None:
    """Age and judge everybody, then let the ready campaigns look on."""
    tried.tick(at)
    kit = tried.kit
    files = campaign_files.Files(ready_campaigns(), (), ())
    with transaction(kit.engine) as connection:
        campaign_files.apply_files(
            connection, tried.shop(), files, microseconds(kit.clock()), STORE
        )
    shop = tried.shop()
    with transaction(kit.engine) as connection:
        for one in shop.campaigns:
            campaign_files.arm(connection, kit.sealer, shop, one.campaign.id)
