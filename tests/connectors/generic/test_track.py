"""Segment's messages become our events; what a browser may say, and what it may not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import MalformedPayload
from connectors.events import BROWSER_TYPES, LOGGED_PROPERTIES, Event
from connectors.generic.messages import Rejection, Sender, Translated
from connectors.generic.names import EVENT_NAMES
from connectors.generic.track import read_batch, read_call
from connectors.records import Cart, Customer, Line, Order, Refund

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
SERVER = Sender("shop", "EUR", is_server=True, time_zone="Europe/Berlin", declared={"size": "text"})
BROWSER = Sender("shop", "EUR", is_server=False)
PRODUCT = {"product_id": "p", "order_id": "o", "total": 10, "cart_id": "c"} | {
    "rating": 4,
    "survey": "nps",
    "score": 9,
}


def batch(sender: Sender, *messages: Any, **more: Any) -> Translated:
    return read_batch(json.dumps({"batch": messages, **more}).encode(), sender, NOW)


def track(name: str, properties: Any, **more: Any) -> dict[str, Any]:
    who = {"anonymousId": "a", "messageId": "m", "timestamp": "2026-09-01T07:59:00Z"}
    return {"type": "track", "event": name, "properties": properties, **who, **more}


def one(sender: Sender, message: dict[str, Any]) -> Event:
    result = batch(sender, message)
    assert result.rejections == ()
    return result.events[0]


def refusal(sender: Sender, message: Any) -> Rejection:
    result = batch(sender, message)
    assert result.events == ()
    return result.rejections[0]


@pytest.mark.parametrize("name", EVENT_NAMES)
@pytest.mark.parametrize("spelling", [str, str.lower, lambda name: name.replace(" ", "_").lower()])
def test_every_name_means_its_type(name: str, spelling: Any) -> None:
    event = one(SERVER, track(spelling(name), PRODUCT))
    assert event.type == EVENT_NAMES[name].type
    assert event.source == "server"
    assert set(event.properties) <= LOGGED_PROPERTIES


@pytest.mark.parametrize("name", [*EVENT_NAMES, "Sofa Sat Upon"])
@pytest.mark.invariant("I11")
def test_a_browser_browses_and_no_more(name: str) -> None:
    message = track(name, PRODUCT, userId="victim", context={"traits": {"email": "v@x.y"}})
    result = batch(BROWSER, message)
    kind = EVENT_NAMES[name].type if name in EVENT_NAMES else "custom"
    if kind in BROWSER_TYPES:
        event = result.events[0]
        assert {each for each, _ in event.identities} <= {"anonymous_id", "cart"}
        assert (event.body, event.personal, event.source) == (None, {}, "browser")
        assert "victim" not in repr(event)
    else:
        assert result.events == ()
        assert "server key" in result.rejections[0].reason


@pytest.mark.parametrize("kind", ["identify", "alias"])
@pytest.mark.invariant("I11")
def test_a_browser_cannot_say_who_it_is(kind: str) -> None:
    message = {"type": kind, "userId": "victim", "anonymousId": "a", "previousId": "b"}
    assert refusal(BROWSER, message).place == "batch[0].type"


def test_a_product_view_keeps_what_the_log_keeps() -> None:
    said = {"product_id": 5, "category": "tea", "price": "2.50", "quantity": 2, "title": "x"}
    event = one(BROWSER, track("Product Viewed", said))
    kept = {"product_id": "5", "category": "tea", "value": 500, "quantity": 2}
    assert event.properties == kept


def test_an_order_is_a_fact() -> None:
    said = {
        "order_id": 7,
        "checkout_id": "ch",
        "products": [{"product_id": "a", "price": 1.5, "quantity": 2}, {"sku": "b", "price": "3"}],
        "discount": "0.60",
        "coupon": "VIP",
        "email": " Mei@Example.com",
        "total": 5.4,
    }
    event = one(SERVER, track("Order Completed", said, userId=42))
    at = datetime(2026, 9, 1, 7, 59, tzinfo=UTC)
    lines = (Line("a", 2, 300), Line("b", 1, 300))
    assert event.body == Order(
        "7", "paid", "EUR", at, at, 600, lines, discount=60, coupons=("VIP",), cart="ch"
    )
    assert event.identities == (
        ("customer_id", "42"),
        ("order", "7"),
        ("cart", "ch"),
        ("anonymous_id", "a"),
        ("email", "mei@example.com"),
    )


def test_cancelled_updated_and_refunded() -> None:
    cancelled = one(SERVER, track("Order Cancelled", {"order_id": "1"})).body
    assert isinstance(cancelled, Order)
    assert (cancelled.status, cancelled.value) == ("cancelled", 0)
    said = {"order_id": "1", "total": 2, "status": "pending", "updated_at": "2026-08-31T10:00:00"}
    updated = one(SERVER, track("Order Updated", said)).body
    assert isinstance(updated, Order)
    # The store's own zone reads a naive time.
    assert (updated.status, updated.updated_at.hour) == ("pending", 8)
    refund = one(SERVER, track("Order Refunded", {"order_id": "1", "total": "2.00"})).body
    again = one(SERVER, track("Order Refunded", {"order_id": "1", "total": "2.00"})).body
    assert isinstance(refund, Refund)
    assert (refund, refund.value, refund.order_id) == (again, 200, "1")


@pytest.mark.parametrize(
    ("said", "reason"),
    [("Not as described", "not_as_described"), ("LATE", "late"), ("the cat", "other"), (" ", None)],
)
def test_a_refund_says_why_in_words_of_a_list(said: str, reason: str | None) -> None:
    body = one(SERVER, track("Order Refunded", {"order_id": "1", "total": 2, "reason": said})).body
    assert isinstance(body, Refund)
    assert body.reason == reason


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        (
            "Product Reviewed",
            {"sku": 5, "rating": "4.5", "review_body": "Ann, Ulm"},
            {"product_id": "5", "rating": 4.5},
        ),
        ("Survey Answered", {"survey": "NPS", "score": 0}, {"survey": "nps", "score": 0}),
        ("Complaint Opened", {"text": "Ann, Ulm"}, {}),
        (
            "Ticket Closed",
            {"hours_open": 3.5, "satisfaction": 1},
            {"hours_open": 3.5} | {"satisfaction": 1},
        ),
        ("Ticket Closed", {}, {}),
    ],
)
@pytest.mark.invariant("I9")
def test_of_what_customers_say_numbers_are_kept_and_no_words(
    name: str, said: dict[str, Any], kept: dict[str, Any]
) -> None:
    event = one(SERVER, track(name, said, userId="7"))
    assert event.properties == kept
    assert "Ulm" not in repr(event)


def test_a_servers_checkout_carries_the_cart() -> None:
    said = {"cart_id": "c", "products": [{"product_id": "a", "price": 2}]}
    body = one(SERVER, track("Checkout Started", said)).body
    assert isinstance(body, Cart)
    assert (body.token, body.value, body.is_checkout) == ("c", 200, True)
    assert one(BROWSER, track("Checkout Started", said)).body is None


def test_identify_parts_the_open_from_the_personal() -> None:
    traits = {
        "email": "A@b.c",
        "firstName": "Mei",
        "birthday": "1990-05-01",
        "address": {"city": "Ulm", "zip": 89073},
        "gender": "f",
        "size": "M",
        "shoe": 40,
        "consents": {"email": True, "sms": False},
        "timezone": "Asia/Tokyo",
    }
    message = {"type": "identify", "userId": "C1", "anonymousId": "a", "traits": traits}
    event = one(SERVER, message)
    assert event.body == Customer(
        "C1",
        NOW,
        attributes={"birth_year": 1990, "gender": "f", "size": "M"},
        consents={"email": True, "sms": False},
        time_zone="Asia/Tokyo",
    )
    expected = {"email": "A@b.c", "first_name": "Mei", "birthday": "1990-05-01"}
    assert event.personal == {**expected, "address": "Ulm, 89073"}
    assert ("email", "a@b.c") in event.identities


def test_alias_names_both() -> None:
    event = one(SERVER, {"type": "alias", "userId": "C1", "previousId": "C0"})
    assert event.type == "customers_merged"
    assert event.properties == {"customer_id": "C1", "previous_id": "C0"}


@pytest.mark.invariant("I9")
def test_an_id_that_is_an_address_is_an_e_mail() -> None:
    who = {"userId": " Ann@B.c ", "anonymousId": "ann@b.c"}
    event = one(SERVER, track("Order Completed", PRODUCT, **who))
    assert event.identities == (("email", "ann@b.c"), ("order", "o"), ("cart", "c"))
    assert event.personal == {"email": "ann@b.c"}
    known = one(SERVER, {"type": "identify", **who, "traits": {"email": "new@b.c", "gender": "f"}})
    assert isinstance(known.body, Customer)
    assert (known.body.customer_id, known.body.attributes) == ("", {"gender": "f"})
    assert known.identities == (("email", "ann@b.c"), ("email", "new@b.c"))
    assert known.personal["email"] == "new@b.c"
    alias = one(SERVER, {"type": "alias", "userId": "C1", "previousId": "ann@b.c"})
    assert alias.identities == (("customer_id", "C1"), ("email", "ann@b.c"))
    assert (alias.properties, alias.personal) == ({}, {})
    claim = refusal(BROWSER, track("Page Viewed", {}, anonymousId="ann@b.c"))
    assert (claim.place, claim.reason) == (
        "batch[0].anonymousId",
        "expected an id that is no e-mail address",
    )


@pytest.mark.parametrize(
    ("message", "place", "reason"),
    [
        (3, "batch[0]", "expected object"),
        ({"type": "tarck"}, "batch[0].type", "expected one of track, page"),
        ({"type": "track"}, "batch[0].event", "required"),
        (track("Product Viewed", {}), "batch[0].properties.product_id", "required"),
        (track("Product Viewed", 5), "batch[0].properties", "expected object"),
        (
            track("Order Completed", {}),
            "batch[0].properties",
            "object missing required field order_id",
        ),
        (track("Order Completed", {"order_id": []}), "batch[0].properties.order_id", "expected"),
        (track("Order Completed", {"order_id": "1"}), "batch[0].properties.products", "expected"),
        (
            track("Order Completed", {"order_id": "1", "products": [{}], "total": 1}),
            "batch[0].properties.products[0].product_id",
            "required",
        ),
        (
            track("Order Completed", {"order_id": "1", "total": "1e999999"}),
            "batch[0].properties.total",
            "expected an amount",
        ),
        (
            track("Order Completed", {"order_id": "1", "total": 1, "currency": "€"}),
            "batch[0].properties.currency",
            "expected three letters",
        ),
        (
            track("Product Added", {"product_id": "p", "quantity": -1}),
            "batch[0].properties.quantity",
            "expected a number from 0",
        ),
        (track("Product Reviewed", {"rating": 3}), "batch[0].properties.product_id", "required"),
        (
            track("Product Reviewed", {"product_id": 1, "rating": 5.5}),
            "batch[0].properties.rating",
            "expected a number from 1 to 5",
        ),
        (
            track("Survey Answered", {"survey": "mood", "score": 3}),
            "batch[0].properties.survey",
            "expected one of nps, csat, ces",
        ),
        (track("Survey Answered", {"survey": "ces"}), "batch[0].properties.score", "required"),
        (
            track("Ticket Closed", {"hours_open": "NaN"}),
            "batch[0].properties.hours_open",
            "expected a number from 0",
        ),
        (track("Page Viewed", {}, anonymousId=None), "batch[0].anonymousId", "expected userId"),
        (track("Page Viewed", {}, timestamp="soon"), "batch[0].timestamp", "invalid RFC3339"),
        (
            track("x", {}, messageId="m" * 201),
            "batch[0].messageId",
            "expected str of length <= 200",
        ),
        (track("x", {"filler": "f" * 33_000}), "batch[0]", "expected at most 32768 bytes"),
        (
            {"type": "identify", "userId": "1", "traits": {"consents": {"email": "yes"}}},
            "batch[0].traits.consents.email",
            "expected true or false",
        ),
        ({"type": "alias", "userId": "1"}, "batch[0].previousId", "required"),
    ],
)
def test_a_mistake_is_named_by_its_place(message: Any, place: str, reason: str) -> None:
    rejected = refusal(SERVER, message)
    assert rejected.place == place
    assert rejected.reason.startswith(reason)


def test_one_wrong_message_stops_no_other() -> None:
    result = batch(SERVER, track("Page Viewed", {}), None, track("Page Viewed", {}))
    assert (len(result.events), len(result.rejections)) == (2, 1)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"batch": 5}', b"\xff", b'{"batch": [}'])
def test_a_request_that_is_no_batch_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read_batch(raw, SERVER, NOW)


@pytest.mark.parametrize("call", ["track", "identify", "page", "screen", "alias"])
def test_the_address_decides_the_type(call: Any) -> None:
    message = track("Page Viewed", {}, type="identify", userId="u", previousId="p")
    result = read_call(json.dumps(message).encode(), call, SERVER, NOW)
    assert len(result.events) == 1


def test_a_redelivery_has_the_same_id_however_late_it_is_sent() -> None:
    first = batch(SERVER, track("Page Viewed", {}), sentAt="2026-09-01T07:59:01Z").events[0]
    again = read_batch(
        json.dumps(
            {"batch": [track("Page Viewed", {})], "sentAt": "2026-09-01T09:00:00Z"}
        ).encode(),
        SERVER,
        NOW + timedelta(hours=1, seconds=30),
    ).events[0]
    assert first.id == again.id
    assert batch(SERVER, track("Page Viewed", {}, messageId="n")).events[0].id != first.id


@given(st.integers(-10_000_000, 10_000_000), st.integers(0, 86_400))
def test_a_wrong_clock_is_corrected(skew: int, age: int) -> None:
    happened = NOW - timedelta(seconds=age)
    wrong = timedelta(seconds=skew)
    message = track("Page Viewed", {}, timestamp=(happened + wrong).isoformat())
    event = batch(SERVER, message, sentAt=(NOW + wrong).isoformat()).events[0]
    assert abs(event.at - happened) <= timedelta(seconds=5)
    assert event.at <= NOW


@pytest.mark.parametrize(
    ("stamp", "zone", "offset"),
    [
        ("2026-09-01T09:59:00+02:00", None, 7200),
        ("2026-09-01T07:59:00Z", "America/New_York", -14400),
        ("2026-09-01T07:59:00Z", "../etc/passwd", None),
        ("2026-09-01T07:59:00Z", "Mars/Base", None),
        ("2026-09-01T07:59:00Z", None, None),
    ],
)
def test_the_visitors_clock(stamp: str, zone: str | None, offset: int | None) -> None:
    event = one(BROWSER, track("Page Viewed", {}, timestamp=stamp, context={"timezone": zone}))
    assert event.at == datetime(2026, 9, 1, 7, 59, tzinfo=UTC)
    assert event.properties.get("utc_offset") == offset


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PARTS = [
    *("product_id", "order_id", "cart_id", "quantity", "price", "products", "currency", "total"),
    *("discount", "coupon", "status", "updated_at", "email", "consents", "timezone", "traits"),
    *("rating", "survey", "score", "satisfaction", "hours_open", "reason"),
]
sensible = st.sampled_from(["paid", "EUR", "1.5", "2026-09-01T08:00:00", "0001-01-01T00:00:00"])
parts = st.dictionaries(st.sampled_from(PARTS), json_values | sensible, max_size=6)
FIELDS = ["type", "event", "userId", "anonymousId", "timestamp", "sentAt", "messageId"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values | sensible, max_size=5),
    parts,
    st.sampled_from(sorted(EVENT_NAMES)),
)
def test_nothing_a_stranger_sends_breaks_the_translation(
    said: dict[str, Any], inner: dict[str, Any], name: str
) -> None:
    bags = dict.fromkeys(("properties", "traits", "context"), inner)
    products = {"products": [inner], "order_id": "o", "product_id": "p", "cart_id": "c"}
    rich = {"type": "track", "event": name, "userId": "u", "properties": {**inner, **products}}
    identify = {"type": "identify", "userId": "u", **bags}
    for message in (said, rich, {**rich, **said}, identify, {**said, **bags}):
        for sender in (SERVER, BROWSER):
            result = batch(sender, message)
            assert len(result.events) + len(result.rejections) == 1
            assert all(event.type in BROWSER_TYPES for event in result.events if sender is BROWSER)
            assert msgspec.msgpack.encode(result)
