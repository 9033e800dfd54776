from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from sqlalchemy.engine import URL

from connectors.records import Order
from tests.worker.web.conftest import SEEDED, House, order
from worker import stream
from worker.database import transaction
from worker.observability import JsonLines
from worker.stores import NewStore, add_store

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """One database is enough: the door reads stores alone, which test_status does on both."""
    return sqlite_url


async def test_a_signed_order_is_in_the_stream_before_it_is_accepted(
    house: House, sends: list[tuple[str, int]]
) -> None:
    answer = await house.webhook("order.paid", order())
    assert (answer.status_code, answer.content) == (202, b"")
    (event,) = house.events()
    assert isinstance(event.body, Order)
    assert event.body.order_id == "order-1"
    assert sends == [("shoal.drain", house.store.partition)]


async def test_a_second_order_finds_the_bell_set(
    house: House, sends: list[tuple[str, int]]
) -> None:
    await house.webhook("order.paid", order(1))
    await house.webhook("order.paid", order(2))
    assert len(sends) == 1
    assert len(house.events()) == 2


@pytest.mark.invariant("I9")
async def test_persons_are_sealed_and_addresses_blind(house: House) -> None:
    await house.webhook("order.paid", order())
    (event,) = house.events()
    assert event.personal == {}
    assert ("email", house.kit.sealer.blind("shop", SEEDED)) in event.identities
    assert house.kit.sealer.open("shop", event.sealed)["email"] == SEEDED
    assert not house.redis_holds(SEEDED)


async def test_a_wrong_signature_is_refused_counted_and_leaves_nothing(house: House) -> None:
    answer = await house.webhook("order.paid", order(), **{"x-sandbox-signature": "bm8="})
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"what", "where", "expected"}
    assert house.kit.redis.dbsize() == 0
    registry = house.desk.counters.registry
    assert registry.get_sample_value("shoal_rejected_total", {"reason": "bad_signature"}) == 1


async def test_a_signed_body_that_cannot_be_read_is_kept_sealed_and_accepted(house: House) -> None:
    answer = await house.webhook("order.paid", {"id": SEEDED})
    assert answer.status_code == 202
    assert house.events() == []
    (letter,) = house.letters()
    assert not house.redis_holds(SEEDED)
    assert SEEDED.encode() in house.kit.sealer.open_bytes("shop", letter.sealed)
    assert (letter.kind, letter.store) == ("webhook", "shop")
    assert SEEDED not in letter.reason


async def test_the_same_unreadable_body_twice_is_one_letter(house: House) -> None:
    for _ in range(2):
        await house.webhook("order.paid", b"not json")
    first, second = house.letters()
    assert first.id == second.id


async def test_an_id_only_webhook_becomes_a_look_up(house: House) -> None:
    changed = {"resource": "order", "id": "order-7", "updated_at": "2026-11-01T11:00:00Z"}
    for _ in range(2):
        await house.webhook("resource.changed", changed)
    first, second = house.events()
    assert first.type == "look_up_due"
    assert first.properties == {"kind": "order", "key": "order-7"}
    assert first.id == second.id


async def test_an_unknown_store_is_named_with_the_nearest(house: House) -> None:
    answer = await house.post("/webhooks/shp", content=b"{}")
    assert answer.status_code == 404
    assert "did you mean shop?" in answer.json()["error"]["expected"]


async def test_a_body_of_a_mebibyte_is_read_and_one_byte_more_is_not(house: House) -> None:
    whole = await house.webhook("nothing.known", b" " * 1_048_576)
    more = await house.webhook("nothing.known", b" " * 1_048_577)
    assert (whole.status_code, more.status_code) == (202, 413)


async def test_an_unannounced_body_is_cut_off_at_its_limit(house: House) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100:
            read += 1
            yield b" " * 65_536

    answer = await house.post("/webhooks/shop", content=endless())
    assert answer.status_code == 413


async def test_a_full_backlog_asks_the_store_to_come_back(house: House) -> None:
    await house.webhook("order.paid", order(1))
    kit = replace(house.kit, settings=replace(house.kit.settings, backlog=1))
    full = House(kit, replace(house.desk, kit=kit), house.store)
    answer = await full.webhook("order.paid", order(2))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert stream.unread(house.kit.redis, house.store.partition) == 1


@pytest.mark.invariant("I8")
async def test_nothing_of_a_person_is_logged_or_counted(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        await house.webhook("order.paid", order()),
        await house.webhook("order.paid", {"id": SEEDED}),
        await house.webhook("order.paid", order(), **{"x-sandbox-signature": SEEDED}),
        await house.post(f"/webhooks/{SEEDED}", content=b"{}"),
    ]
    lines = [JsonLines().format(record) for record in caplog.records if record.name != "httpx"]
    metrics = generate_latest(house.desk.counters.registry).decode()
    for text in (*lines, metrics, *(answer.text for answer in answers)):
        assert SEEDED not in text


async def test_a_broken_connector_loses_nothing_and_says_our_mistake(house: House) -> None:
    found = house.desk.directory.store("shop")
    assert found is not None
    unconnected = replace(found, connector=None)
    house.desk.directory.snapshot = replace(
        house.desk.directory.snapshot, stores={"shop": unconnected}
    )
    answer = await house.webhook("order.paid", order())
    assert (answer.status_code, answer.json()["error"]["where"]) == (503, "path /webhooks/{store}")


async def test_a_store_added_later_is_found_at_once(house: House) -> None:
    new = NewStore(id="late", platform="sandbox", url="", currency="EUR")
    with transaction(house.kit.engine) as connection:
        add_store(connection, house.kit.sealer, new, 0)
    house.desk.directory.least_pause = 0
    assert (await house.post("/webhooks/late", content=b"{}")).status_code == 401


async def test_wrong_paths_and_methods_are_told_what_there_is(house: House) -> None:
    missing = await house.post("/webhook/shop")
    wrong = await house.post("/webhooks/shop", method="GET")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert "/webhooks/STORE" in missing.json()["error"]["expected"]
    assert wrong.json()["error"]["expected"] == "POST"
