"""A driver of the drain: events in, rows out, on real servers and a clock that stands still."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Connection, Row, select, update
from sqlalchemy.engine import URL

from campaigns.campaign import campaign_text, load_campaign
from campaigns.rule_segments import load_rule
from connectors.events import Event, Source, event_id, microseconds
from connectors.facts import Heard, fact_event, who
from connectors.records import Body, Cart, Line, Order, Refund
from segmentation import running
from segmentation.record import FORMER
from worker import bulk, campaign_files, installation, models, pipeline, rule_files, stream
from worker.batch import Reach
from worker.database import open_engine, reading, transaction, upgrade
from worker.runtime import Kit, close_kit, open_kit
from worker.sealing import seal_events
from worker.settings import Settings
from worker.shop import Shop, load_shops
from worker.stores import NewStore, add_store
from worker.tallies import read as read_tallies

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
EUR = "EUR"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_numbers = itertools.count()

Houses = Callable[[], AbstractContextManager["Driver"]]


@dataclass
class Driver:
    """One store on the wall's clock, which here is ``now`` and moves when it is told to."""

    kit: Kit
    id: str = "shop"
    now: datetime = START
    number: int = 1
    partition: int = 0
    sent: list[tuple[str, int]] = field(default_factory=list)

    def append(self, *events: Event) -> None:
        """Put events into the stream as the door does."""
        sealed = seal_events(self.kit.sealer, events)
        if sealed:
            stream.append(self.kit.redis, self.partition, sealed)

    def drain(self) -> None:
        pipeline.drain(self.kit, self.partition)

    def tell(self, *events: Event) -> None:
        """Append events and drain."""
        self.append(*events)
        self.drain()

    def tell_one_by_one(self, *events: Event) -> None:
        for event in events:
            self.tell(event)

    def pass_time(self, span: timedelta) -> None:
        """Let time go by, and drain."""
        self.now += span
        self.drain()

    def commit(self, count: int = 1_000) -> int:
        """Commit one batch of at most so many entries, without trimming; how many there were."""
        cursor = pipeline.committed(self.kit, self.partition)
        entries = stream.read(self.kit.redis, self.partition, cursor, count)
        reach = Reach(microseconds(self.now)) if len(entries) < count else pipeline.NO_TIMERS
        pipeline.apply(self.kit, self.partition, cursor, entries, reach)
        return len(entries)

    def rows(self, table: Any, *names: str, **wanted: object) -> list[Row[Any]]:
        """Some columns of the rows whose columns have these values, sorted."""
        query = select(*(table.c[name] for name in names))
        for name, value in wanted.items():
            query = query.where(table.c[name] == value)
        with reading(self.kit.engine) as connection:
            return sorted(connection.execute(query).all(), key=repr)

    def values(self, table: Any, name: str, **wanted: object) -> list[Any]:
        return [row[0] for row in self.rows(table, name, **wanted)]

    def tally(self, name: str, label: str = "") -> int:
        with reading(self.kit.engine) as connection:
            return read_tallies(connection, self.number).get((name, label), 0)

    def customer(self, kind: str, key: str) -> int:
        """Whom a key leads to."""
        (found,) = self.values(models.identities, "customer", store=self.number, kind=kind, key=key)
        return int(found)

    def feature(self, customer: int, name: str) -> float:
        (packed,) = self.values(models.customers, "record", id=customer)
        records = running.unpack([bytes(packed)])
        return float(running.derive(records, microseconds(self.now), names=(name,))[name][0])

    def shop(self) -> Shop:
        with reading(self.kit.engine) as connection:
            wall = microseconds(self.now)
            return load_shops(connection, {self.id}, self.partition, wall)[self.id]

    def run(self, text: str, state: str = "live") -> None:
        """Put a campaign in force from now on."""
        campaign = load_campaign(text, "a test's campaign")
        columns = ("store", "id", "version", "state", "started_at", "body")
        row = (self.number, campaign.id, 1, state, microseconds(self.now), campaign_text(campaign))
        with transaction(self.kit.engine) as connection:
            bulk.upsert(connection, models.campaigns, columns, [row])
        shop = self.shop()
        with transaction(self.kit.engine) as connection:
            campaign_files.arm(connection, self.kit.sealer, shop, campaign.id)

    def rule(self, name: str, condition: str) -> None:
        """Make ``rule.NAME`` whoever meets a condition, written as in a file; not drained."""
        text = f"segment: rule.{name}\nname: {name.capitalize()}\nif: {condition}"
        rules = [load_rule(text, "a test's rule")]
        shop = self.shop()
        with transaction(self.kit.engine) as connection:
            rule_files.apply_rules(connection, shop, rules, microseconds(self.now), "a test")

    # What happens in the shop.

    def fact(self, body: Body, *who_: tuple[str, str], **said: Any) -> Event:
        """An event around a fact; ``said`` may hold received_at, source and personal fields."""
        received = said.pop("received_at", self.now)
        source: Source = said.pop("source", "webhook")
        return fact_event(Heard(self.id, received, source), body, who_, said)

    def order(self, order_id: str, customer: str = "", value: int = 1000, **said: Any) -> Event:
        """An order; ``at`` is when it was placed, ``updated`` its version."""
        at = said.pop("at", self.now)
        fields = {
            name: said.pop(name)
            for name in ("currency", "status", "coupons", "cart", "discount", "lines")
            if name in said
        }
        plain: dict[str, Any] = {
            "order_id": order_id,
            "status": "paid",
            "currency": EUR,
            "placed_at": at,
            "updated_at": said.pop("updated", at),
            "value": value,
            "lines": (Line("p1", 1, value),),
        }
        body = Order(**plain | fields)
        identities = [*said.pop("who", ()), *([("customer_id", customer)] if customer else [])]
        return self.fact(body, *identities, **said)

    def refund(self, refund_id: str, order_id: str | None, value: int = 500, **said: Any) -> Event:
        at = said.pop("at", self.now)
        body = Refund(
            refund_id,
            said.pop("currency", EUR),
            value,
            at,
            said.pop("updated", at),
            order_id,
            reason=said.pop("reason", None),
        )
        return self.fact(body, *said.pop("who", ()), **said)

    def cart(self, token: str, customer: str = "", value: int = 5000, **said: Any) -> Event:
        at = said.pop("at", self.now)
        body = Cart(token, at, EUR, value, (Line("p1", 1, value),), said.pop("is_checkout", False))
        identities = [*said.pop("who", ()), *([("customer_id", customer)] if customer else [])]
        return self.fact(body, *identities, **said)

    def touch(self, type_: str, *who_: tuple[str, str], **said: Any) -> Event:
        """An event without a fact; ``said`` may hold at, source and properties."""
        at = said.pop("at", self.now)
        key = said.pop("key", str(next(_numbers)))
        return Event(
            id=event_id(self.id, type_, at, key),
            store=self.id,
            type=type_,
            at=at,
            received_at=said.pop("received_at", max(at, self.now)),
            source=said.pop("source", "browser"),
            identities=who(who_),
            properties=said,
        )

    def tick(self) -> Event:
        """The clock's word that all customers are to be aged."""
        return self.touch("clock_ticked", source="shoal", slice=0, slices=1)


@contextmanager
def driver_on(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database: URL, clock: str = "wall"
) -> Iterator[Driver]:
    """A driver on an empty Valkey and a database with nothing but tables."""
    valkey.flushall()
    url = database.render_as_string(hide_password=False)
    kit = open_kit(replace(settings, redis_url=valkey_url, database_url=url))
    driver = Driver(kit)
    driver.kit = replace(
        kit,
        clock=lambda: driver.now,
        send=lambda task, number: driver.sent.append((task, number)),
    )
    new = NewStore(
        id="shop",
        platform="sandbox",
        url="http://127.0.0.1:9",
        currency=EUR,
        clock=clock,
        secrets={"api_key": "k", "hook": "whsec_aGVsbG8="},
    )
    with transaction(kit.engine) as connection:
        installation.partitions(connection, 2)
        added = add_store(connection, kit.sealer, new, 0)
    driver.number, driver.partition = added.number, added.partition
    try:
        yield driver
    finally:
        close_kit(driver.kit)


def drop_reasons(connection: Connection) -> None:
    """Back to the revision before 0004, and to records of schema 1."""
    for column in ("reason", "reason_version"):
        connection.exec_driver_sql(f"ALTER TABLE shoal_refunds DROP COLUMN {column}")
    rules = ("rules", "rule_versions", "memberships", "membership_changes")
    for table in ("group_sums", "contradictions", *rules):
        connection.exec_driver_sql(f"DROP TABLE shoal_{table}")
    connection.exec_driver_sql("DELETE FROM shoal_meta WHERE name = 'record_schema'")
    connection.exec_driver_sql("UPDATE shoal_schema_version SET version_num = '0003'")
    rows = connection.execute(select(models.customers.c.id, models.customers.c.record)).all()
    for row in rows:
        former = (1).to_bytes(4, "little") + bytes(row.record)[4 : FORMER[1]]
        mine = update(models.customers).where(models.customers.c.id == row.id)
        connection.execute(mine.values(record=former))


def sqlite_template(folder: Path) -> Path:
    """A SQLite file with every table, to be copied."""
    path = folder / "template.db"
    engine = open_engine(URL.create("sqlite", database=str(path)))
    upgrade(engine)
    engine.dispose()
    return path


def copied(template: Path, folder: Path) -> URL:
    """A fresh copy of a SQLite template."""
    path = folder / f"copy{next(_numbers)}.db"
    shutil.copy(template, path)
    return URL.create("sqlite", database=str(path))


def coupon_campaign(name: str, when: str, more: str = "", *, percent: int = 10) -> str:
    """A campaign that gives everybody a coupon of so many percent, at most 5 EUR."""
    offer = f"percent_off: {percent}, maximum_discount: 5, valid_for: 14d"
    return f"id: {name}\nwhen: {when}\nsteps:\n  - coupon: {{{offer}}}\nholdout: 0\n{more}\n"


def cut(events: Sequence[Event], places: Sequence[int]) -> list[Sequence[Event]]:
    """Events in batches, cut at these places."""
    borders = [0, *sorted({place % (len(events) + 1) for place in places}), len(events)]
    return [events[a:b] for a, b in itertools.pairwise(borders) if a < b]
