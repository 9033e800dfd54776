"""What a real Vendure 3.7.3 with our plugin sent, and what that means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.errors import MalformedPayload, SignatureMismatch
from connectors.events import Event
from connectors.facts import Heard
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Cart, Customer, Order, Product, Refund
from connectors.signatures import standard_headers
from connectors.vendure.documents import OrderDocument, ProductDocument
from connectors.vendure.mapping import order_events, product_event
from connectors.vendure.webhooks import read
from tests.connectors.vendure.documents import (
    FIXTURES,
    NOW,
    STORE,
    line,
    message,
    order,
    product,
    signed,
    text,
)

RECORDED = json.loads((FIXTURES / "webhooks.json").read_text())
REAL = msgspec.structs.replace(STORE, secrets={"webhook_secret": "sss"})


def recorded(name: str) -> Received:
    """What was received, at the time it was sent."""
    sent = RECORDED[name]
    at = datetime.fromtimestamp(int(sent["headers"]["webhook-timestamp"]), UTC)
    return read(REAL, Webhook(sent["headers"], sent["body"].encode(), at))


def said(document: dict[str, Any], store: StoreConfig = STORE) -> tuple[Event, ...]:
    heard = Heard("shop", NOW)
    return order_events(msgspec.convert(document, OrderDocument), heard, store)


def only_order(document: dict[str, Any], store: StoreConfig = STORE) -> Order:
    body = said(document, store)[0].body
    assert isinstance(body, Order)
    return body


def test_a_paid_order() -> None:
    (event,) = recorded("order paid").events
    assert isinstance(event.body, Order)
    told = (event.body.status, event.body.value, event.body.discount, event.body.currency)
    assert told == ("paid", 10800, 0, "USD")
    assert [(each.product_id, each.quantity, each.value) for each in event.body.lines] == [
        ("2", 2, 10800)
    ]
    assert dict(event.identities)["customer_id"] == "1"
    assert dict(event.identities)["order"] == event.body.order_id == event.body.cart
    assert event.personal["email"] == "ann@example.test"
    assert event.at == event.body.updated_at >= event.body.placed_at - timedelta(seconds=1)


def test_the_discount_is_read_and_its_code() -> None:
    (event,) = recorded("order discounted").events
    assert isinstance(event.body, Order)
    assert (event.body.value, event.body.discount) == (10800, 500)
    assert event.body.coupons == ("SHL-AMT2345ABCDE",)


def test_a_code_that_a_stranger_typed_says_nothing() -> None:
    (event,) = recorded("order of a stranger").events
    assert isinstance(event.body, Order)
    assert (event.body.discount, event.body.coupons) == (0, ())


def test_a_promotion_that_took_nothing_off_redeems_nothing() -> None:
    applied = [{"id": "7", "couponCode": "SHL-X"}, {"id": "8", "couponCode": None}]
    discounts = [
        {"adjustmentSource": "PROMOTION:7", "amountWithTax": 0},
        {"adjustmentSource": "PROMOTION:8", "amountWithTax": -100},
    ]
    assert only_order(order(1, promotions=applied, discounts=discounts)).coupons == ()


def test_a_cancelled_order_keeps_what_was_bought_and_its_refund() -> None:
    cancelled, refunded = recorded("order cancelled").events
    assert isinstance(cancelled.body, Order)
    assert isinstance(refunded.body, Refund)
    assert (cancelled.body.status, cancelled.body.value) == ("cancelled", 10800)
    told = (refunded.body.value, refunded.body.order_id, refunded.body.is_void)
    assert told == (1000, cancelled.body.order_id, False)


def test_a_cart_and_a_customer_and_who_is_deleted() -> None:
    cart = recorded("cart").events[0].body
    assert isinstance(cart, Cart)
    assert (cart.value, cart.is_checkout) == (10800, False)
    known = recorded("customer changed").events[0]
    assert isinstance(known.body, Customer)
    assert not known.body.is_suppressed
    gone = recorded("customer deleted").events[0].body
    assert isinstance(gone, Customer)
    assert gone.is_suppressed


def test_a_product_is_looked_up_unless_it_is_gone() -> None:
    changed = recorded("product changed")
    assert [type(each) for each in changed.look_ups] == [LookUp]
    gone = recorded("product deleted")
    assert isinstance(gone.events[0].body, Product)
    assert not gone.events[0].body.is_available
    assert not gone.look_ups


@pytest.mark.parametrize(
    ("state", "paid", "status"),
    [
        ("PaymentSettled", [("Settled", 11300)], "paid"),
        ("Shipped", [("Settled", 11300)], "paid"),
        ("OwnStateOfAShop", [("Settled", 11300)], "paid"),
        ("PaymentAuthorized", [("Authorized", 11300)], "authorized"),
        ("ArrangingAdditionalPayment", [("Settled", 5000)], "partly_paid"),
        ("OwnStateOfAShop", [("Declined", 11300)], "pending"),
        ("Draft", [], "draft"),
        ("Cancelled", [("Settled", 11300)], "cancelled"),
    ],
)
def test_the_status_is_judged_by_payments(
    state: str, paid: list[tuple[str, int]], status: str
) -> None:
    payments = [{"state": s, "amount": a, "updatedAt": text(NOW), "refunds": []} for s, a in paid]
    assert only_order(order(1, state=state, payments=payments)).status == status


def test_an_order_for_nothing_is_paid() -> None:
    assert only_order(order(1, totalWithTax=0, payments=[])).status == "paid"


def test_what_was_sent_back_is_a_refund_and_no_smaller_order() -> None:
    body = only_order(order(1, lines=[line(1, placed=3, prorated=5000)]))
    assert (body.lines[0].quantity, body.value, body.discount) == (3, 16200, 1200)


def test_the_share_of_shipping_is_no_refund_of_goods() -> None:
    at = text(NOW)
    refunds = [
        {"id": "1", "state": "Settled", "total": 1500, "shipping": 500},
        {"id": "2", "state": "Pending", "total": 900},
        {"id": "3", "state": "Failed", "total": 800},
    ]
    dated = [each | {"createdAt": at, "updatedAt": at} for each in refunds]
    payment = {"state": "Settled", "amount": 11300, "updatedAt": at, "refunds": dated}
    bodies = [event.body for event in said(order(1, payments=[payment]))[1:]]
    told = [(e.refund_id, e.value, e.is_void) for e in bodies if isinstance(e, Refund)]
    assert told == [("1", 1000, False), ("3", 800, True)]


def test_the_version_is_of_what_changed_last() -> None:
    later = NOW + timedelta(hours=3)
    assert only_order(order(1, orderPlacedAt=text(later))).updated_at == later


def test_money_follows_the_stores_precision() -> None:
    # Vendure keeps two places of every currency: ¥108 are 10800.
    assert only_order(order(1, currencyCode="JPY")).value == 108
    fine = msgspec.structs.replace(STORE, options={"money_precision": "3"})
    assert only_order(order(1, currencyCode="USD"), fine).value == 1080
    assert only_order(order(1, currencyCode="KWD"), fine).value == 10800


def test_another_currency_stays_itself() -> None:
    assert only_order(order(1, currencyCode="CHF")).currency == "CHF"


def catalogue(**changes: Any) -> Product:
    document = msgspec.convert(product(2, **changes), ProductDocument)
    body = product_event(document, Heard("shop", NOW), STORE).body
    assert isinstance(body, Product)
    return body


def test_a_product_is_its_variants() -> None:
    body = catalogue()
    assert (body.price, body.stock, body.category, body.is_available) == (1080, 13, "Tea", True)
    assert not catalogue(enabled=False).is_available
    assert catalogue(collections=[{"name": "Drinks"}]).category == "Drinks"
    assert catalogue(variants=[]).stock == 0
    assert not catalogue(variants=[]).is_available


def test_an_untracked_variant_has_no_stock() -> None:
    variants = product(2)["variants"]
    assert (
        catalogue(variants=[variants[0], variants[1] | {"trackInventory": "FALSE"}]).stock is None
    )
    assert catalogue(isTracked=False).stock is None


def test_declared_fields_are_kept_and_consents_read() -> None:
    options = {"attributes": "size:text, nick:personal", "consents": "email:news, sms:texts"}
    store = msgspec.structs.replace(STORE, options=options)
    fields = {"size": "XL", "nick": "Annie", "news": True, "texts": None, "other": 1}
    data = {"id": "1", "updatedAt": text(NOW), "customFields": fields}
    event = read(store, signed(message("customer.changed", data))).events[0]
    assert isinstance(event.body, Customer)
    assert (event.body.attributes, event.body.consents) == ({"size": "XL"}, {"email": True})
    assert event.personal == {"nick": "Annie"}


def test_an_unknown_type_is_not_for_us() -> None:
    assert read(STORE, signed(message("promotion.changed", {"id": "1"}))) == Received()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (message("order.changed", order(1), version=2), "message.version: expected 1"),
        (message("order.changed", order(1) | {"updatedAt": "2026-09-01T08:00:00"}), "updatedAt"),
        (message("order.changed", order(1) | {"totalWithTax": "4711"}), "order.totalWithTax"),
        (message("order.changed", order(1, lines=[line(2, prorated=10**15)])), "order.discounts"),
        (message("customer.changed", {"id": 4711}), "customer"),
        (message("product.changed", {}), "product"),
    ],
)
def test_another_shape_is_malformed_and_says_where(body: bytes, place: str) -> None:
    with pytest.raises(MalformedPayload, match=place) as caught:
        read(STORE, signed(body))
    assert "4711" not in str(caught.value)


def test_an_old_delivery_is_refused_and_a_rotated_secret_is_not() -> None:
    body = message("order.changed", order(1))
    late = msgspec.structs.replace(signed(body), received_at=NOW + timedelta(minutes=6))
    with pytest.raises(SignatureMismatch):
        read(STORE, late)
    secrets = {"webhook_secret": "new", "previous_webhook_secret": "old"}
    store = msgspec.structs.replace(STORE, secrets=secrets)
    headers = standard_headers("old", "msg_1", NOW, body)
    assert read(store, Webhook(headers, body, NOW)).events
