"""Shopify's webhooks: signatures, what each topic becomes, and what becomes of the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from connectors.errors import MalformedPayload, SignatureMismatch
from connectors.events import Event
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Cart, Customer, Order, Product, Refund
from connectors.shopify.setting import shop_domain
from connectors.shopify.webhooks import read
from connectors.signatures import base64_signature
from connectors.testing import require_well_formed
from tests.connectors.shopify.published import payload_schema, sample, topics
from tests.connectors.shopify.shelves import Shelves, order_payload

VECTORS = Path(__file__).parents[2] / "fixtures" / "signature_vectors.json"
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
TRIGGERED = datetime(2026, 9, 1, 7, 59, 58, 123456, tzinfo=UTC)
SECRET = "shpss_test_client_secret"
SHOP = "demo-shop.myshopify.com"


def config(**changes: Any) -> StoreConfig:
    given: dict[str, Any] = {
        "id": "shop",
        "platform": "shopify",
        "url": f"https://{SHOP}",
        "currency": "USD",
        "secrets": {"client_secret": SECRET, "previous_client_secret": "before"},
    }
    return StoreConfig(**(given | changes))


def webhook(topic: str, body: Any, secret: str = SECRET, **headers: str) -> Webhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": base64_signature(secret, raw),
        "x-shopify-shop-domain": SHOP,
        "x-shopify-api-version": "2026-10",
        "x-shopify-triggered-at": "2026-09-01T07:59:58.123456789Z",
    }
    return Webhook(given | {k.replace("_", "-"): v for k, v in headers.items()}, raw, NOW)


def told(topic: str, body: Any, store: StoreConfig | None = None) -> Received:
    return read(store or config(), webhook(topic, body))


def event(topic: str, body: Any, store: StoreConfig | None = None) -> Event:
    (found,) = told(topic, body, store).events
    require_well_formed(found, store or config())
    return found


def order(**changes: Any) -> dict[str, Any]:
    return sample("orders/updated") | {"test": False, "cancelled_at": None} | changes


def sale(**changes: Any) -> Order:
    body = event("orders/updated", order(**changes)).body
    assert isinstance(body, Order)
    return body


# --- signatures


def vector() -> tuple[str, dict[str, str], bytes]:
    (found,) = (
        each
        for each in json.loads(VECTORS.read_text())["vectors"]
        if (each["platform"], each["kind"]) == ("shopify", "webhook")
    )
    headers = {name.lower(): text for name, text in found["headers"].items()}
    return found["secret"], headers, found["body"].encode()


def test_the_published_vector_is_read() -> None:
    secret, headers, body = vector()
    received = read(
        config(currency="EUR", secrets={"client_secret": secret}), Webhook(headers, body, NOW)
    )
    found = received.events[0]
    assert isinstance(found.body, Order)
    assert (found.body.order_id, found.body.value, found.body.status) == ("5001", 12990, "pending")
    assert found.at == NOW
    assert found.identities == (
        ("customer_id", "7001"),
        ("order", "5001"),
        ("email", "mei@example.com"),
    )


def test_a_body_written_anew_by_a_proxy_is_refused() -> None:
    secret, headers, body = vector()
    anew = json.dumps(json.loads(body)).encode()
    assert json.loads(anew) == json.loads(body)
    with pytest.raises(SignatureMismatch):
        read(config(secrets={"client_secret": secret}), Webhook(headers, anew, NOW))


def test_the_newer_names_of_the_headers_are_known() -> None:
    secret, headers, body = vector()
    newer = {name.removeprefix("x-"): text for name, text in headers.items()}
    received = read(config(secrets={"client_secret": secret}), Webhook(newer, body, NOW))
    assert received.events


@pytest.mark.parametrize("secret", ["before", "of the shop's admin"])
def test_a_secret_that_rotates_and_one_of_the_admin_are_taken_if_configured(secret: str) -> None:
    request = webhook("orders/updated", order(), secret)
    given = {"client_secret": SECRET, "previous_client_secret": "before"}
    with_both = config(secrets=given | {"webhook_secret": "of the shop's admin"})
    assert read(with_both, request).events
    with pytest.raises(SignatureMismatch):
        read(config(secrets={"client_secret": SECRET}), request)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(SignatureMismatch):
        read(config(secrets={}), webhook("orders/updated", order(), ""))


def test_another_shop_of_the_same_app_is_not_this_one() -> None:
    request = webhook("orders/updated", order(), x_shopify_shop_domain="other.myshopify.com")
    with pytest.raises(MalformedPayload, match="this is another shop's"):
        read(config(), request)


def test_a_gateway_says_whose_shop_it_is() -> None:
    store = config(url="https://gateway.example", options={"shop_domain": "Other.myshopify.com"})
    assert shop_domain(store) == "other.myshopify.com"
    with pytest.raises(MalformedPayload):
        told("orders/updated", order(), store)
    assert shop_domain(config(url="https://shop.example")) == ""


# --- every topic has a stated outcome

NOT_OURS = {
    "app/scopes_update",
    "bulk_operations/finish",
    "checkouts/delete",
    "customers/purchasing_summary",
    "draft_orders/create",
    "orders/delete",
}
OUTCOMES = {
    "app/uninstalled": "store_disconnected",
    "carts/create": "cart_updated",
    "carts/update": "cart_updated",
    "checkouts/create": "checkout_started",
    "checkouts/update": "checkout_started",
    "customers/create": "customer_updated",
    "customers/data_request": "data_requested",
    "customers/delete": "customer_updated",
    "customers/merge": "",  # the sample's has failed
    "customers/redact": "customer_erased",
    "customers/update": "customer_updated",
    "customers_email_marketing_consent/update": "look up customer",
    "customers_marketing_consent/update": "look up customer",
    "customers_whats_app_marketing_consent/update": "look up customer",
    "orders/cancelled": "order_updated",
    "orders/create": "order_updated",
    "orders/edited": "look up order",
    "orders/paid": "order_updated",
    "orders/updated": "order_updated",
    "products/create": "look up product",
    "products/delete": "product_updated",
    "products/update": "look up product",
    "refunds/create": "look up refund",  # the sample's transactions name no currency
    "shop/redact": "store_disconnected",
    "variants/in_stock": "look up product",
    "variants/out_of_stock": "look up product",
}


@pytest.mark.parametrize("topic", topics())
def test_a_published_sample_of_each_topic_has_its_outcome(topic: str) -> None:
    body = sample(topic)
    if "shop_domain" in body:
        body["shop_domain"] = SHOP
    received = told(topic, body)
    for each in received.events:
        require_well_formed(each, config())
    outcomes = [each.type for each in received.events]
    outcomes += [f"look up {each.kind}" for each in received.look_ups]
    assert outcomes == ([] if topic in NOT_OURS else [OUTCOMES[topic]] if OUTCOMES[topic] else [])


def test_an_unknown_topic_is_not_for_us() -> None:
    for topic in ("themes/publish", "", "orders/Updated/x"):
        assert told(topic, {"id": 1}) == Received()
    assert told("ORDERS/UPDATED", order()).events


@pytest.mark.parametrize("topic", sorted(set(OUTCOMES) - {"app/uninstalled"}))
def test_a_topic_that_holds_something_else_is_malformed(topic: str) -> None:
    with pytest.raises(MalformedPayload) as caught:
        told(topic, {"id": "hidden", "customer": "hidden", "token": 5})
    assert "hidden" not in str(caught.value)


def test_a_payload_of_another_version_is_read_as_long_as_it_can_be() -> None:
    newer = {"x_shopify_api_version": "2027-10"}
    assert read(config(), webhook("orders/updated", order(), **newer)).events
    moved = {key: value for key, value in order().items() if key != "updated_at"}
    with pytest.raises(MalformedPayload) as caught:
        read(config(), webhook("orders/updated", moved, **newer))
    assert "version 2027-10, this reads 2026-10" in str(caught.value)
    with pytest.raises(MalformedPayload) as caught:
        told("orders/updated", moved)
    assert "version" not in str(caught.value)


# --- orders


def test_our_own_payloads_are_like_shopifys() -> None:
    shelves = Shelves()
    shelves.add_product(1)
    node = shelves.add_order(5001, shelves.add_customer(7001))
    shelves.add_refund(88, node, "4.50", (node["lineItems"][0], 1))
    body = order_payload(node)
    reference = jsonschema.Draft202012Validator(payload_schema("orders/updated"))
    known = {each.json_path for each in reference.iter_errors(sample("orders/updated"))}
    wrong = {each.json_path for each in reference.iter_errors(body)} - known
    assert {path for path in wrong if "refunds" not in path} <= {"$.presentment_currency"} | known
    assert sale(**body).order_id == "5001"


@pytest.mark.parametrize(
    ("financial", "status", "is_completed"),
    [
        (None, "pending", False),
        ("pending", "pending", False),
        ("authorized", "authorized", True),
        ("partially_paid", "partly_paid", True),
        ("paid", "paid", True),
        ("partially_refunded", "paid", True),
        ("refunded", "paid", True),
        ("voided", "cancelled", False),
        ("expired", "pending", False),
        ("something_new", "pending", False),
    ],
)
def test_when_an_order_is_a_sale(financial: str | None, status: str, is_completed: bool) -> None:  # noqa: FBT001 - a column of the table
    found = sale(financial_status=financial)
    assert (found.status, found.is_completed) == (status, is_completed)


@pytest.mark.parametrize(
    ("gateway", "options"),
    [
        ("Cash on Delivery (COD)", {}),
        ("cash on delivery", {}),
        ("Nachnahme", {"cash_on_delivery": "Nachnahme, Contre-remboursement"}),
    ],
)
def test_cash_on_delivery_is_a_sale_before_it_is_paid(
    gateway: str, options: dict[str, str]
) -> None:
    body = order(financial_status="pending", payment_gateway_names=[gateway])
    found = event("orders/create", body, config(options=options)).body
    assert isinstance(found, Order)
    assert found.is_completed
    assert found.is_cash_on_delivery
    assert not sale(financial_status="pending", payment_gateway_names=["visa"]).is_completed


def test_tests_and_cancelled_orders_are_no_sales() -> None:
    assert not sale(financial_status="paid", test=True).is_completed
    cancelled = sale(financial_status="paid", cancelled_at="2026-09-01T09:00:00+02:00")
    assert (cancelled.status, cancelled.is_completed) == ("cancelled", False)


def test_an_order_is_in_the_shops_money() -> None:
    """The buyer paid in another: it is not read."""
    lines = [{"id": 1, "product_id": 9001, "quantity": 3, "price": "19.99"}]
    found = sale(currency="EUR", presentment_currency="JPY", line_items=lines)
    assert (found.currency, found.value, found.lines[0].value) == ("EUR", 5997, 5997)
    yen = sale(currency="JPY", line_items=[lines[0] | {"price": "1999"}])
    assert (yen.currency, yen.value) == ("JPY", 5997)


@pytest.mark.parametrize(
    ("ordered", "current", "refunded", "sold"),
    [(3, 3, 0, 3), (3, 2, 1, 3), (3, 2, 0, 2), (3, 0, 0, 0), (3, 0, 2, 2), (3, None, 1, 3)],
)
def test_what_an_edit_took_away_was_not_sold_and_what_came_back_was(
    ordered: int, current: int | None, refunded: int, sold: int
) -> None:
    line = {"id": 1, "product_id": 9, "quantity": ordered, "price": "1.00"}
    refunds = [{"refund_line_items": [{"line_item_id": 1, "quantity": refunded}]}]
    found = sale(line_items=[line | {"current_quantity": current}], refunds=refunds)
    assert (found.lines[0].quantity, found.value) == (sold, sold * 100)


def test_codes_that_took_something_off_are_named_in_one_spelling() -> None:
    codes = [
        {"code": "shl-abc", "amount": "3.00", "type": "percentage"},
        {"code": "TYPED", "amount": "0.00", "type": "percentage"},
        {"code": "FREESHIP", "amount": "5.00", "type": "shipping"},
    ]
    assert sale(discount_codes=codes).coupons == ("SHL-ABC",)


def test_an_orders_ids_are_exact_where_javascript_rounded_them() -> None:
    found = event("orders/updated", order())
    assert isinstance(found.body, Order)
    assert found.body.order_id == "820982911946154508"
    assert ("customer_id", "115310627314723954") in found.identities


def test_an_order_without_personal_fields_is_still_somebodys() -> None:
    nobody = {"id": 7001, "email": None, "first_name": None, "last_name": None, "phone": None}
    found = event("orders/updated", order(email=None, phone=None, customer=nobody))
    assert found.personal == {}
    assert ("customer_id", "7001") in found.identities
    guest = event("orders/updated", order(email="A@b.c", customer=None))
    assert [kind for kind, _ in guest.identities] == ["order", "email"]


def test_an_order_closes_its_cart_or_its_checkout() -> None:
    assert sale(cart_token="c", checkout_token="k").cart == "c"
    assert sale(cart_token=None, checkout_token="k").cart == "k"


def test_a_line_without_a_product_has_none() -> None:
    lines = [{"id": 1, "product_id": None, "quantity": 1, "price": "5.00"}]
    assert sale(line_items=lines).lines[0].product_id == "none"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"currency": None}, "order.currency"),
        ({"currency": "euro"}, "order.currency"),
        ({"updated_at": "2026-09-01T08:00:00"}, "order.updated_at"),
        ({"total_discounts": "NaN"}, "order.discount"),
        ({"line_items": [{"quantity": -1, "price": "1"}]}, "order.line_items[0].quantity"),
        ({"line_items": [{"quantity": 9, "price": "1e99"}]}, "order.lines[0].price"),
        ({"admin_graphql_api_id": "5001"}, "order.admin_graphql_api_id"),
    ],
)
def test_a_mistake_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(MalformedPayload) as caught:
        told("orders/updated", order(**changes))
    assert str(caught.value).startswith(place)


def test_the_same_change_by_two_topics_is_one_event() -> None:
    first, second = (event(topic, order()) for topic in ("orders/create", "orders/paid"))
    assert first.id == second.id
    later = event("orders/updated", order(updated_at="2026-09-01T10:00:00+02:00"))
    assert later.id != first.id
    assert later.at == NOW


# --- refunds


def refund(*transactions: dict[str, Any]) -> dict[str, Any]:
    return sample("refunds/create") | {"transactions": list(transactions)}


MONEY = {"kind": "refund", "status": "success", "amount": "75.00", "currency": "USD"}


def test_a_refund_is_what_was_given_back_in_the_shops_money() -> None:
    twice = refund(MONEY, MONEY | {"amount": "10.00"}, MONEY | {"status": "failure"})
    body = event("refunds/create", twice).body
    at = datetime(2022, 1, 1, tzinfo=UTC)
    assert body == Refund("890088186047892319", "USD", 8500, at, at, "820982911946154500")


@pytest.mark.parametrize(
    "changes", [{"currency": "EUR"}, {"currency": None}, {"status": "pending"}]
)
def test_a_refund_that_only_the_api_can_tell_is_looked_up(changes: dict[str, Any]) -> None:
    received = told("refunds/create", refund(MONEY, MONEY | changes))
    at = datetime(2022, 1, 1, tzinfo=UTC)
    assert received == Received(look_ups=(LookUp("refund", "890088186047892319", at),))


def test_goods_that_came_back_without_money_are_no_refund() -> None:
    assert told("refunds/create", refund()) == Received()
    assert told("refunds/create", refund(MONEY | {"kind": "sale"})) == Received()


# --- people


def test_a_customer_keeps_what_is_declared_and_says_nothing_of_consent() -> None:
    store = config(options={"attributes": "country:text, state:text, verified_email:flag"})
    found = event("customers/update", sample("customers/update"), store)
    assert found.body == Customer(
        "706405506930370084",
        datetime(2022, 1, 1, tzinfo=UTC),
        attributes={"country": "CA", "state": "disabled", "verified_email": True},
    )
    assert found.personal == {
        "email": "bob@biller.com",
        "first_name": "Bob",
        "last_name": "Biller",
    }


def test_a_deleted_customer_is_never_contacted_again() -> None:
    body = event("customers/delete", sample("customers/delete")).body
    assert body == Customer("706405506930370084", TRIGGERED, is_suppressed=True)


def test_two_customers_become_one_once_it_is_done() -> None:
    body = sample("customers/merge")
    for status in ("requested", "in_progress", "failed"):
        assert told("customers/merge", body | {"status": status}) == Received()
    found = event("customers/merge", body | {"status": "completed"})
    assert (found.type, found.at) == ("customers_merged", TRIGGERED)
    assert found.properties == {"customer_id": "1", "previous_id": "2"}
    assert found.identities == (("customer_id", "1"),)


def test_a_changed_consent_is_asked_for_where_everything_is_known() -> None:
    body = sample("customers_email_marketing_consent/update") | {"customer_id": 7001}
    received = told("customers_email_marketing_consent/update", body)
    assert received.look_ups == (LookUp("customer", "7001", TRIGGERED),)
    sms = told("customers_marketing_consent/update", {"id": 7001, "phone": None})
    assert sms.look_ups == received.look_ups


def test_without_its_time_a_delivery_happened_when_it_came() -> None:
    for said in ("", "yesterday", "2026-09-01T08:00:00"):
        request = webhook("customers/delete", {"id": 7}, x_shopify_triggered_at=said)
        assert read(config(), request).events[0].at == NOW


# --- carts


def test_a_cart_is_in_the_shops_money() -> None:
    body = event("carts/update", sample("carts/update")).body
    assert isinstance(body, Cart)
    assert (body.currency, body.value, body.lines[0].quantity) == ("USD", 5997, 3)
    plain = {"token": "T", "updated_at": "2026-09-01T08:00:00Z"}
    lines = [{"product_id": 9, "quantity": 2, "price": "4.50"}]
    body = event("carts/create", plain | {"line_items": lines}, config(currency="EUR")).body
    assert isinstance(body, Cart)
    assert (body.currency, body.value) == ("EUR", 900)


def test_a_checkout_stands_under_its_carts_token() -> None:
    found = event("checkouts/update", sample("checkouts/update"))
    assert isinstance(found.body, Cart)
    assert found.body.is_checkout
    assert found.body.token == "eeafa272cebfd4b22385bc4b645e762c"
    assert ("customer_id", "603851970716743426") in found.identities
    assert ("email", "example@email.com") in found.identities
    alone = sample("checkouts/update") | {"cart_token": None}
    body = event("checkouts/update", alone).body
    assert isinstance(body, Cart)
    assert body.token == "123123123"


def test_a_checkout_names_the_buyers_currency() -> None:
    body = event("checkouts/update", sample("checkouts/update") | {"presentment_currency": "EUR"})
    assert isinstance(body.body, Cart)
    assert body.body.currency == "EUR"


def test_a_checkout_that_became_an_order_says_nothing_more() -> None:
    done = sample("checkouts/update") | {"completed_at": "2026-09-01T10:00:00+02:00"}
    assert told("checkouts/update", done) == Received()


# --- products


def test_a_product_is_looked_up_and_a_deleted_one_is_unavailable() -> None:
    """Whether stock is counted, a webhook does not say."""
    at = datetime(2022, 1, 1, tzinfo=UTC)
    received = told("products/update", sample("products/update"))
    assert received.look_ups == (LookUp("product", "788032119674292922", at),)
    body = event("products/delete", {"id": 9}).body
    assert body == Product("9", TRIGGERED, stock=0, is_available=False)


# --- privacy, and goodbye


def privacy(**changes: Any) -> dict[str, Any]:
    return sample("customers/redact") | {"shop_domain": SHOP} | changes


def test_a_redaction_names_all_that_may_be_known() -> None:
    found = event("customers/redact", privacy(orders_to_redact=[299938]))
    assert (found.type, found.at) == ("customer_erased", TRIGGERED)
    assert found.identities == (
        ("customer_id", "191167"),
        ("order", "299938"),
        ("email", "john@example.com"),
    )
    again = webhook("customers/redact", privacy(orders_to_redact=[299938]))
    later = msgspec.structs.replace(again, received_at=NOW + timedelta(days=2))
    assert read(config(), later).events[0].id == found.id


def test_a_request_for_data_is_an_event_of_the_customer() -> None:
    found = event("customers/data_request", privacy())
    assert found.type == "data_requested"
    assert ("customer_id", "191167") in found.identities


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_the_signed_body_says_whose_request_it_is(topic: str) -> None:
    other = privacy(shop_domain="other.myshopify.com")
    with pytest.raises(MalformedPayload, match="another shop"):
        told(topic, other)


@pytest.mark.parametrize("topic", ["app/uninstalled", "shop/redact"])
def test_a_goodbye_disconnects_the_store(topic: str) -> None:
    body = sample(topic) | {"shop_domain": SHOP, "myshopify_domain": SHOP}
    found = event(topic, body)
    assert (found.type, found.properties) == ("store_disconnected", {"event": topic})
