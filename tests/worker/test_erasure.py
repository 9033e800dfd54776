"""Erasing a person: nothing leads to them any more, in tables, streams and files, for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.event import listen

from connectors.events import Event, event_id, microseconds
from connectors.records import Cart, Customer, Line, Order, Refund
from worker import bulk, dead_letters, models, pipeline, stream
from worker.database import reading, transaction
from worker.due import FILES_OWED, debts
from worker.embedded import redis_url, valkey_command
from worker.export import export_customer
from worker.forgetting import erase_now
from worker.outcomes import withdraw
from worker.people import find_customer
from worker.programs import Program
from worker.runtime import Kit
from worker.sealing import seal_events
from worker.shop import Shop, load_shops
from worker.stores import AddedStore, NewStore, add_store

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = "seeded.person@example.org"
PLATFORM_ID = "seeded-4711"
ORDER_ID = "seeded-order-1"
TRACES = (ADDRESS, PLATFORM_ID, ORDER_ID, "seeded-cart", "seeded-visitor", "SEEDEDCODE")


def event(type_: str, key: str, at: datetime = THEN, **more: Any) -> Event:
    name = event_id("shop", type_, at, key)
    return Event(id=name, store="shop", type=type_, at=at, received_at=at, **more)


def life() -> list[Event]:
    """What a shop tells of one person, and of another."""
    me = (("customer_id", PLATFORM_ID), ("email", ADDRESS))
    personal = {"email": ADDRESS, "first_name": "Seedling"}
    person = Customer(PLATFORM_ID, THEN, {"gender": "female"}, {"email": True})
    sale = Order(ORDER_ID, "paid", "EUR", THEN, THEN, 5_000, (Line("p1", 1, 5_000),))
    refund = Refund("seeded-refund", "EUR", 100, THEN, THEN, ORDER_ID)
    cart = Cart("seeded-cart", THEN, "EUR", 700)
    other = Order("order-2", "paid", "EUR", THEN, THEN, 9_000, (Line("p1", 2, 9_000),))
    visit = (("anonymous_id", "seeded-visitor"),)
    return [
        event("product_viewed", "v", identities=visit, properties={"product_id": "p1"}),
        event("customer_updated", "c", identities=(*me, *visit), body=person, personal=personal),
        event("order_updated", "o", identities=me, body=sale, personal=personal),
        event("order_refunded", "r", body=refund),
        event("cart_updated", "k", identities=me, body=cart),
        event("order_updated", "x", identities=(("customer_id", "someone"),), body=other),
    ]


def play(kit: Kit, added: AddedStore, events: list[Event]) -> None:
    stream.append(kit.redis, added.partition, seal_events(kit.sealer, events))
    pipeline.drain(kit, added.partition)


def shop_of(kit: Kit, added: AddedStore) -> Shop:
    with reading(kit.engine) as connection:
        now = microseconds(kit.clock())
        return load_shops(connection, {"shop"}, added.partition, now)["shop"]


def seeded(kit: Kit, added: AddedStore) -> int:
    """Our id of the seeded person, of whom every table now knows something."""
    play(kit, added, life())
    shop = shop_of(kit, added)
    with transaction(kit.engine) as connection:
        customer = find_customer(connection, kit.sealer, shop, ADDRESS)
        payload = msgspec.json.encode({"code": "SEEDEDCODE", "customer_id": PLATFORM_ID}).decode()
        rows: dict[str, dict[str, Any]] = {
            "actions": {"key": "1:hello:1:o:0", "kind": "coupon", "payload": payload, "cost": 500},
            "decisions": {"campaign": "hello", "occasion": ORDER_ID, "cost": 500},
            "holds": {"campaign": "other", "occasion": ORDER_ID},
            "codes": {"code": "SEEDEDCODE", "action": "1:hello:1:o:0"},
            "timers": {"kind": "cart", "key": "other|seeded-cart", "occasion": "seeded-cart"},
        }
        for table, row in rows.items():
            whole = {"store": shop.number, "customer": customer, **row}
            found = models.metadata.tables[models.PREFIX + table]
            bulk.upsert(connection, found, tuple(whole), [tuple(whole.values())])
        spoilt = event("custom", "spoilt", identities=(("customer_id", PLATFORM_ID),))
        harmless = event("custom", "harmless", identities=(("customer_id", "someone"),))
        why = "cannot be folded"
        dead_letters.write_events(connection, kit.sealer, [(spoilt, why), (harmless, why)])
        raw = kit.sealer.seal_bytes("shop", f'{{"mail": "{ADDRESS.upper()}", "qty": 3}}'.encode())
        cut = kit.sealer.seal_bytes("shop", f'{{"customer": {{"id": "{PLATFORM_ID}"'.encode())
        bodies = [("shop", "webhook", "unreadable", 1, one) for one in (raw, cut)]
        dead_letters.write_bodies(connection, bodies)
    return customer


def count(kit: Kit, table: str, **where: Any) -> int:
    found = models.metadata.tables[models.PREFIX + table]
    query = select(func.count()).select_from(found)
    with reading(kit.engine) as connection:
        return int(connection.execute(query.filter_by(**where)).scalar_one())


@pytest.mark.invariant("I9")
def test_nothing_leads_to_an_erased_person(kit: Kit, shop: AddedStore) -> None:
    customer = seeded(kit, shop)
    erase_now(kit, shop_of(kit, shop), customer)
    named = [table for table in models.metadata.tables.values() if "customer" in table.c]
    left = [t.name for t in named if count(kit, t.name.removeprefix("shoal_"), customer=customer)]
    assert left == []
    assert count(kit, "customers", id=customer) == 0
    assert count(kit, "profiles") == 0
    assert count(kit, "dead_letters") == 1
    assert count(kit, "erasures") >= 5
    assert everything(kit).isdisjoint(TRACES)


def everything(kit: Kit) -> set[str]:
    """Which traces stand somewhere in a table."""
    found: set[str] = set()
    with reading(kit.engine) as connection:
        for table in models.metadata.tables.values():
            for row in connection.execute(select(table)):
                whole = repr(tuple(row))
                found |= {trace for trace in TRACES if trace in whole}
    return found


@pytest.mark.invariant("I9")
def test_what_stays_has_no_link(kit: Kit, shop: AddedStore) -> None:
    customer = seeded(kit, shop)
    erase_now(kit, shop_of(kit, shop), customer)
    with reading(kit.engine) as connection:
        orders, actions = models.orders.c, models.actions.c
        sale = connection.execute(select(models.orders).where(orders.customer == 0)).one()
        action = connection.execute(select(models.actions)).one()
        spent = connection.execute(select(func.sum(models.decisions.c.cost))).scalar_one()
    assert (sale.value, sale.is_counted) == (5_000, True)
    assert sale.at == microseconds(THEN.replace(hour=0))
    assert (action.state, action.reason, action.payload) == ("withdrawn", "erased", "{}")
    assert spent == 500
    assert actions.customer is not None
    assert count(kit, "customers") == 1


@pytest.mark.invariant("I9")
def test_redeliveries_and_later_events_bring_nobody_back(kit: Kit, shop: AddedStore) -> None:
    customer = seeded(kit, shop)
    erase_now(kit, shop_of(kit, shop), customer)
    play(kit, shop, life())
    later = THEN + timedelta(days=9)
    sale = Order("seeded-order-9", "paid", "EUR", later, later, 1, cart="seeded-cart")
    mine = (("email", ADDRESS),)
    taken = (("customer_id", "someone"),)
    merge = event("customers_merged", "m", later, identities=taken)
    play(
        kit,
        shop,
        [
            event("order_updated", "new", later, identities=mine, body=sale),
            event("page_viewed", "page", later, identities=(("anonymous_id", "seeded-visitor"),)),
            msgspec.structs.replace(merge, properties={"previous_id": PLATFORM_ID}),
        ],
    )
    assert count(kit, "customers") == 1
    assert count(kit, "profiles") == 0
    assert everything(kit).isdisjoint(TRACES)
    assert "seeded-order-9" not in repr(export(kit, shop, "someone"))


def export(kit: Kit, added: AddedStore, who: str) -> dict[str, Any]:
    found = shop_of(kit, added)
    with reading(kit.engine) as connection:
        return export_customer(
            connection, kit.sealer, found, find_customer(connection, kit.sealer, found, who)
        )


def test_a_platforms_own_request_names_the_person_only(kit: Kit, shop: AddedStore) -> None:
    seeded(kit, shop)
    asked = event("customer_erased", "gdpr", identities=(("email", ADDRESS),))
    play(kit, shop, [asked, *life()])
    assert count(kit, "customers") == 1
    assert everything(kit).isdisjoint(TRACES)
    with reading(kit.engine) as connection:
        assert debts(connection, FILES_OWED)[FILES_OWED][0] == microseconds(THEN)


@pytest.mark.invariant("I9")
def test_an_erasure_amid_the_persons_own_events(kit: Kit, shop: AddedStore) -> None:
    asked = event("customer_erased", "gdpr", identities=(("customer_id", PLATFORM_ID),))
    events = life()
    play(kit, shop, [*events[:3], asked, *events[3:]])
    assert count(kit, "customers") == 1
    assert everything(kit).isdisjoint(TRACES)


def test_who_was_merged_goes_with_whom_they_became(kit: Kit, shop: AddedStore) -> None:
    visitor = (("anonymous_id", "seeded-visitor"),)
    play(kit, shop, [event("page_viewed", "first", identities=visitor)])
    play(kit, shop, [event("page_viewed", "me", identities=(("customer_id", PLATFORM_ID),))])
    play(kit, shop, life())
    assert count(kit, "customers") == 3
    erase_now(kit, shop_of(kit, shop), int(export(kit, shop, PLATFORM_ID)["customer"]))
    assert count(kit, "customers") == 1
    assert everything(kit).isdisjoint(TRACES)


def test_the_export_holds_everything_in_clear(kit: Kit, shop: AddedStore) -> None:
    seeded(kit, shop)
    found = export(kit, shop, ADDRESS)
    msgspec.json.encode(found)
    assert found["profile"] == {"email": ADDRESS, "first_name": "Seedling"}
    assert found["features"]["orders"] == 1
    assert found["orders"][0]["order_id"] == ORDER_ID
    assert found["refunds"][0]["value"] == 100
    assert found["orders"][0]["lines"] == [["p1", 1, 5_000]]
    assert {one["type"] for one in found["events"]} >= {"customer_updated", "cart_updated"}
    for name in ("identities", "carts", "decisions", "holds", "actions", "codes", "timers"):
        assert found[name], name
    assert export(kit, shop, "someone")["profile"] == {}


@pytest.fixture
def own_valkey(kit: Kit, tmp_path: Path) -> Iterator[Kit]:
    """The same kit on a Valkey whose files lie in the test's own home."""
    import subprocess  # noqa: PLC0415 - only this fixture starts a server

    command = valkey_command(kit.settings)
    assert Program("valkey", tuple(command)).command
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - the server under test
    here = replace(kit.settings, redis_url="")
    client = stream.connect(redis_url(here))
    stream.await_server(client)
    yield replace(kit, redis=client)
    client.close()
    server.terminate()
    server.wait()
    assert tmp_path.exists()


@pytest.mark.invariant("I9")
def test_files_hold_no_trace_either(own_valkey: Kit, shop: AddedStore) -> None:
    kit = own_valkey
    if kit.engine.dialect.name == "sqlite":
        # Some builds of SQLite wipe what they delete; others leave it.
        listen(kit.engine, "connect", lambda made, _: made.execute("PRAGMA secure_delete = OFF"))
        kit.engine.dispose()
    customer = seeded(kit, shop)
    write_down(kit.engine)
    with reading(kit.engine) as connection:
        sealed = connection.execute(select(models.profiles.c.sealed)).scalar_one()
    folders = [kit.settings.home, folder_of(kit.engine)]
    before = contents(folders)
    assert PLATFORM_ID.encode() in before
    assert bytes(sealed) in before
    assert ADDRESS.encode() not in before
    erase_now(kit, shop_of(kit, shop), customer)
    after = contents(folders)
    assert bytes(sealed) not in after
    assert [trace for trace in TRACES if trace.encode() in after] == []
    with reading(kit.engine) as connection:
        assert debts(connection, FILES_OWED) == {}


def write_down(engine: Engine) -> None:
    """Have PostgreSQL do what it does now and then: note examples of values, and flush."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def folder_of(engine: Engine) -> Path:
    """Where a database keeps its tables; PostgreSQL keeps its write-ahead log elsewhere."""
    if engine.dialect.name == "sqlite":
        return Path(str(engine.url.database)).parent
    with reading(engine) as connection:
        place = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        mine = "SELECT oid FROM pg_database WHERE datname = current_database()"
        return Path(place) / "base" / str(connection.exec_driver_sql(mine).scalar_one())


def contents(folders: Iterable[Path]) -> bytes:
    return b"".join(one.read_bytes() for folder in folders for one in files_in(folder))


def files_in(folder: Path) -> list[Path]:
    return [one for one in sorted(folder.rglob("*")) if one.is_file()]


def test_another_store_keeps_its_customer_of_the_same_name(kit: Kit, shop: AddedStore) -> None:
    new = NewStore(id="two", platform="sandbox", url="http://127.0.0.1:9", currency="EUR")
    with transaction(kit.engine) as connection:
        other = add_store(connection, kit.sealer, new, 0)
        withdraw(connection, {}, 0)
    me = (("customer_id", PLATFORM_ID),)
    there = msgspec.structs.replace(event("page_viewed", "t", identities=me), store="two")
    play(kit, other, [there])
    erase_now(kit, shop_of(kit, shop), seeded(kit, shop))
    assert count(kit, "customers", store=other.number) == 1
