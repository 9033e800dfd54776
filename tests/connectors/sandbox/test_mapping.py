"""What is written as a sandbox document reads back as the same record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import MalformedPayload
from connectors.protocol import LookUp, StoreConfig, Webhook
from connectors.records import Coupon, Customer, Line, Order, Product
from connectors.sandbox.documents import CouponDocument, OrderDocument, PersonDocument
from connectors.sandbox.mapping import coupon_document, order_document
from connectors.sandbox.webhooks import read, signed_headers

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
STORE = StoreConfig(
    "shop",
    "sandbox",
    "http://x",
    "EUR",
    options={"attributes": "size:text, points:number, nick:personal"},
    secrets={"webhook_secret": "new", "previous_webhook_secret": "old"},
)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added by the strategy
names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
amounts = st.integers(0, 1_000_000)


def told(topic: str, document: Any, key: str = "new", store: StoreConfig = STORE) -> Any:
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return read(store, Webhook(signed_headers(key, topic, body, "h"), body, NOW))


@st.composite
def orders(draw: st.DrawFn) -> Order:
    pieces = draw(st.lists(st.tuples(names, st.integers(1, 50), st.integers(0, 9999)), max_size=4))
    lines = tuple(Line(product, many, many * price) for product, many, price in pieces)
    return Order(
        order_id=draw(names),
        status=draw(st.sampled_from(["draft", "pending", "authorized", "paid", "cancelled"])),
        currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        placed_at=draw(times),
        updated_at=draw(times),
        value=sum(line.value for line in lines),
        lines=lines,
        discount=draw(amounts),
        coupons=tuple(draw(st.lists(names, max_size=2))),
        cart=draw(st.none() | names),
        is_cash_on_delivery=draw(st.booleans()),
        is_test=draw(st.booleans()),
    )


@given(orders())
@pytest.mark.invariant("I10")
def test_an_order_comes_back(order: Order) -> None:
    document = order_document(order, PersonDocument(id="C1", email=" A@B.c "))
    event = told("order.updated", document).events[0]
    assert event.body == order
    assert ("email", "a@b.c") in event.identities
    assert event.personal == {"email": " A@B.c "}


@given(st.none() | st.floats(0.1, 100), amounts, amounts, st.none() | amounts, times)
def test_a_coupons_terms_come_back(
    percent: float | None, off: int, least: int, most: int | None, at: datetime
) -> None:
    coupon = Coupon(
        code="C",
        marker="m",
        customer_id="c",
        currency="EUR",
        valid_from=at,
        valid_until=at + timedelta(days=1),
        percent_off=percent,
        amount_off=None if percent else off,
        minimum_spend=least,
        maximum_discount=most,
    )
    document = coupon_document(coupon)
    assert msgspec.json.decode(msgspec.json.encode(document), type=CouponDocument) == document


def test_a_customer_keeps_what_is_declared() -> None:
    document = {
        "id": "C1",
        "updated_at": "2026-09-01T08:00:00Z",
        "email": "Mei@Example.com",
        "birthday": "1990-05-01",
        "accepts": {"email": True},
        "fields": {"size": "M", "points": "many", "nick": "Em", "shoe": 40, "gender": "f"},
    }
    event = told("customer.updated", document).events[0]
    attributes: dict[str, str | float | bool] = {"size": "M", "gender": "f"}
    assert event.body == Customer("C1", NOW, attributes=attributes, consents={"email": True})
    assert event.personal == {"email": "Mei@Example.com", "birthday": "1990-05-01", "nick": "Em"}


def test_products_carts_and_checkouts() -> None:
    stamp = "2026-09-01T08:00:00Z"
    product = {"id": "P", "updated_at": stamp, "price": "9.99", "currency": "EUR", "stock": 3}
    body = told("product.updated", product).events[0].body
    assert body == Product("P", NOW, price=999, currency="EUR", stock=3)
    cart = {"token": "T", "updated_at": stamp, "visitor": "v", "is_checkout": True}
    event = told("checkout.created", cart).events[0]
    assert event.type == "checkout_started"
    assert event.identities == (("cart", "T"), ("anonymous_id", "v"))


def test_merges_redactions_look_ups_and_strange_topics() -> None:
    stamp = "2026-09-01T08:00:00Z"
    merge = told("customer.merged", {"id": "A", "previous_id": "B", "updated_at": stamp}).events[0]
    assert merge.properties == {"customer_id": "A", "previous_id": "B"}
    gone = told("customer.redacted", {"email": "X@y.z", "requested_at": stamp}).events[0]
    assert (gone.type, gone.identities) == ("customer_erased", (("email", "x@y.z"),))
    short = {"resource": "cart", "id": "T", "updated_at": stamp}
    assert told("resource.changed", short).look_ups == (LookUp("cart", "T", NOW),)
    assert not told("theme.published", {}).events


def test_a_rotated_secret_still_opens() -> None:
    assert told("theme.published", {}, key="old").reply is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": 5}, "order.id: expected str, got int"),
        ({"id": ""}, "order.id: expected str of length >= 1"),
        ({"status": "stolen"}, "order.status: invalid enum value"),
        ({"updated_at": "2026-09-01T08:00:00"}, "order.updated_at: expected datetime with a time"),
        ({"discount": "1e999999999"}, "order.discount: expected an amount"),
        ({"discount": "NaN"}, "order.discount: expected an amount"),
        (
            {"lines": [{"product_id": "p", "quantity": -1, "price": "1"}]},
            "order.lines[0].quantity",
        ),
        (
            {"lines": [{"product_id": "p", "quantity": 9, "price": "1e99"}]},
            "lines[0].price: expected",
        ),
    ],
)
def test_a_mistake_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    order = {
        "id": "O",
        "status": "paid",
        "currency": "EUR",
        "created_at": "2026-09-01T08:00:00Z",
        "updated_at": "2026-09-01T08:00:00Z",
    }
    with pytest.raises(MalformedPayload) as caught:
        told("order.created", json.dumps(order | changes).encode())
    assert str(caught.value).startswith(place)
    assert "stolen" not in str(caught.value)


def test_an_order_document_is_what_the_store_sends() -> None:
    assert set(OrderDocument.__struct_fields__) >= {"id", "lines", "coupons", "cart_token"}
