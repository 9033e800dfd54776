from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest
from sqlalchemy.engine import URL

from tests.worker.web.conftest import SEEDED, House, view
from worker import stores
from worker.database import transaction
from worker.limits import Limiter
from worker.observability import JsonLines

pytestmark = pytest.mark.anyio
PAGE = "https://shop.example"


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """One database is enough: the door reads stores alone, which test_status does on both."""
    return sqlite_url


def identify(**more: Any) -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": "identify-1",
        "userId": "c1",
        "anonymousId": "visitor",
        "timestamp": "2026-11-01T11:00:00Z",
        "traits": {"email": SEEDED},
        **more,
    }


async def test_a_batch_of_a_page_is_in_the_stream(house: House) -> None:
    answer = await house.call("batch", {"batch": [view(1), view(2)]}, house.store.browser_key)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 2, "rejected": []}
    assert [event.source for event in house.events()] == ["browser", "browser"]


async def test_a_key_may_come_in_three_ways(house: House) -> None:
    key = house.store.browser_key
    first = await house.call("track", view(1), key)
    second = await house.post("/v1/track", json=view(2), auth=(key, ""))
    third = await house.call("track", {**view(3), "writeKey": key})
    assert [one.status_code for one in (first, second, third)] == [202, 202, 202]
    assert len(house.events()) == 3


@pytest.mark.parametrize("key", ["", "pk_nobody", "sk_nobody", "something"])
async def test_an_unknown_key_is_refused_and_not_repeated(house: House, key: str) -> None:
    answer = await house.call("track", view(), key)
    assert answer.status_code == 401
    assert not key or key not in answer.text
    assert house.kit.redis.dbsize() == 0


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("identify", identify()),
        ("alias", {"userId": "c1", "previousId": "c2"}),
        ("track", view(event="Order Completed", properties={"order_id": "o1", "total": 9})),
        ("track", view(event="Order Refunded", properties={"order_id": "o1"})),
        ("track", view(event="Something of our own")),
        ("track", view(event="Email Opened")),
    ],
)
@pytest.mark.invariant("I11")
async def test_a_browser_key_does_nothing_but_browse(
    house: House, verb: str, said: dict[str, Any]
) -> None:
    alone = await house.call(verb, said, house.store.browser_key)
    kind = {"type": verb, **said}
    together = await house.call("batch", {"batch": [kind]}, house.store.browser_key)
    assert alone.status_code == 400
    assert together.json()["accepted"] == 0
    assert house.events() == []
    assert house.letters() == []


@pytest.mark.invariant("I11")
async def test_whom_a_browser_names_is_not_believed(house: House) -> None:
    said = view(userId="c1", context={"traits": {"email": SEEDED}})
    await house.call("track", said, house.store.browser_key)
    (event,) = house.events()
    assert event.identities == (("anonymous_id", "visitor"),)
    assert (event.sealed, event.personal) == (b"", {})


async def test_a_server_key_may_identify_and_the_address_is_sealed(house: House) -> None:
    answer = await house.call("identify", identify(), house.store.server_key)
    assert answer.status_code == 202
    (event,) = house.events()
    assert ("email", house.kit.sealer.blind("shop", SEEDED)) in event.identities
    assert not house.redis_holds(SEEDED)


async def test_one_wrong_message_stops_no_other_and_a_servers_is_kept(house: House) -> None:
    wrong = identify(userId=None, anonymousId=None, traits={"first_name": SEEDED})
    answer = await house.call("batch", {"batch": [view(1), wrong, view(2)]}, house.store.server_key)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], [one["index"] for one in told["rejected"]]) == (2, [1])
    (letter,) = house.letters()
    assert (letter.kind, letter.store) == ("track", "shop")
    assert SEEDED not in letter.reason + answer.text
    assert not house.redis_holds(SEEDED)


async def test_a_browsers_mistakes_are_only_counted(house: House) -> None:
    await house.call("batch", {"batch": [{"type": "track"}]}, house.store.browser_key)
    assert house.letters() == []
    counted = house.desk.counters.registry.get_sample_value
    assert counted("shoal_rejected_total", {"reason": "event"}) == 1


async def test_an_event_has_32_kilobytes(house: House) -> None:
    room = 32_768 - len(msgspec.json.encode(view(properties={"product_id": "p", "x": ""})))
    fits = view(properties={"product_id": "p", "x": "a" * room})
    large = view(properties={"product_id": "p", "x": "a" * (room + 1)})
    assert len(msgspec.json.encode(fits)) == 32_768
    answer = await house.call("batch", {"batch": [fits, large]}, house.store.browser_key)
    assert (answer.json()["accepted"], len(answer.json()["rejected"])) == (1, 1)


async def test_a_batch_has_500_kilobytes_packed_or_not(house: House) -> None:
    body = msgspec.json.encode({"batch": [view()]})
    key = house.store.browser_key
    fits = await house.call("batch", body.ljust(512_000), key)
    large = await house.call("batch", body.ljust(512_001), key)
    bomb = gzip.compress(b" " * 50_000_000)
    packed = await house.call("batch", bomb, key, **{"content-encoding": "gzip"})
    assert (fits.status_code, large.status_code, packed.status_code) == (202, 413, 413)


async def test_gzip_is_read_and_other_or_broken_encodings_are_named(house: House) -> None:
    body = gzip.compress(msgspec.json.encode({"batch": [view()]}))
    key = house.store.browser_key
    whole = await house.call("batch", body, key, **{"content-encoding": "gzip"})
    half = await house.call("batch", body[:-4], key, **{"content-encoding": "gzip"})
    other = await house.call("batch", body, key, **{"content-encoding": "br"})
    assert (whole.status_code, half.status_code, other.status_code) == (202, 400, 415)


async def test_a_body_that_is_no_json_is_refused_with_the_place(house: House) -> None:
    answer = await house.call("batch", {"batch": 3}, house.store.server_key)
    assert (answer.status_code, answer.json()["error"]["where"]) == (400, "batch")


async def test_a_key_may_not_ask_too_often(house: House) -> None:
    desk = replace(house.desk, keys=Limiter(rate=1))
    slow = House(house.kit, desk, house.store)
    answers = [await slow.call("track", view(n), house.store.server_key) for n in range(3)]
    assert [one.status_code for one in answers] == [202, 202, 429]
    assert int(answers[2].headers["retry-after"]) == 1


async def test_an_address_may_not_ask_too_often_but_a_server_may(house: House) -> None:
    desk = replace(house.desk, addresses=Limiter(rate=1))
    slow = House(house.kit, desk, house.store)
    pages = [await slow.call("track", view(n), house.store.browser_key) for n in range(3)]
    servers = [await slow.call("track", view(n), house.store.server_key) for n in range(3)]
    assert [one.status_code for one in pages] == [202, 202, 429]
    assert {one.status_code for one in servers} == {202}


async def test_a_page_of_the_store_may_read_the_answer(house: House) -> None:
    asked = await house.post("/v1/batch", method="OPTIONS", headers={"origin": PAGE})
    answer = await house.call("track", view(), house.store.browser_key, origin=PAGE)
    for one in (asked, answer):
        assert one.headers["access-control-allow-origin"] == PAGE
        assert one.headers["vary"] == "Origin"
    assert asked.status_code == 204
    assert "authorization" in asked.headers["access-control-allow-headers"]


async def test_a_page_of_somebody_else_may_not_send(house: House) -> None:
    other = {"origin": "https://evil.example"}
    asked = await house.post("/v1/batch", method="OPTIONS", headers=other)
    answer = await house.call("track", view(), house.store.browser_key, **other)
    for one in (asked, answer):
        assert one.status_code == 403
        assert "access-control-allow-origin" not in one.headers
    assert house.events() == []


async def test_a_renewed_key_shuts_the_old_one_out_at_the_next_refresh(house: House) -> None:
    with transaction(house.kit.engine) as connection:
        server = stores.renew_server_key(connection, house.id)
        browser = stores.renew_browser_key(connection, house.id)
    house.desk.directory.read()
    answers = [
        await house.call("track", view(number), key)
        for number, key in enumerate(
            (house.store.server_key, house.store.browser_key, server, browser)
        )
    ]
    assert [one.status_code for one in answers] == [401, 401, 202, 202]


async def test_pages_that_are_named_later_are_the_only_ones(house: House) -> None:
    with transaction(house.kit.engine) as connection:
        stores.change_origins(connection, house.id, "https://new.example")
    house.desk.directory.read()
    for origin, status in ((PAGE, 403), ("https://new.example", 202)):
        answer = await house.call("track", view(), house.store.browser_key, origin=origin)
        assert answer.status_code == status


async def test_no_page_may_read_what_a_server_key_is_told(house: House) -> None:
    answer = await house.call("track", view(), house.store.server_key, origin=PAGE)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.invariant("I8")
async def test_nothing_secret_or_personal_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = house.store.server_key
    answers = [
        await house.call("identify", identify(), server),
        await house.call("identify", identify(traits={"consents": {SEEDED: 1}}), server),
        await house.call("track", {"event": 3, "anonymousId": SEEDED}, server),
        await house.call("track", view(type=SEEDED), house.store.browser_key),
        await house.call("batch", f'{{"batch": "{SEEDED}"'.encode(), server),
        await house.call("batch", {"batch": [{"type": SEEDED}]}, server),
    ]
    lines = [JsonLines().format(record) for record in caplog.records if record.name != "httpx"]
    metrics = generate_latest(house.desk.counters.registry).decode()
    for text in (*lines, metrics, *(answer.text for answer in answers)):
        assert SEEDED not in text
        assert server not in text
    assert not house.redis_holds(SEEDED)
