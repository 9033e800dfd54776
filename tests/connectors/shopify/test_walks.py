"""Reading everything that changed: pages, nested pages, breaks, and things that went away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.errors import PlatformUnavailable
from connectors.events import Event
from connectors.protocol import LookUp
from connectors.records import Customer, Order, Product, Refund
from connectors.shopify.api import ShopifyConnector, shopify_connector
from connectors.shopify.mapping import API_KNOWS_MORE
from connectors.testing import require_well_formed
from tests.connectors.shopify.server import Server
from tests.connectors.shopify.shelves import OPENED, Node, gid, money, stamp
from tests.connectors.shopify.test_webhooks import told

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def rich(shop: Server) -> None:
    shop.till.maximum = shop.till.left = 1e6
    shop.shop.shelves.add_product(1)


@pytest.fixture
def mei(shop: Server) -> Node:
    return shop.shop.shelves.add_customer(7001)


def read(connector: ShopifyConnector, since: datetime = LONG_AGO) -> list[Event]:
    events = list(connector.changes(since))
    for event in events:
        require_well_formed(event, connector.store)
    return events


def of(events: list[Event], kind: type[Any]) -> list[Any]:
    return [each.body for each in events if isinstance(each.body, kind)]


def looked_up(connector: ShopifyConnector, kind: Any, number: int) -> Event:
    (event,) = connector.look_up(LookUp(kind, str(number), OPENED))
    return event


def test_an_order_with_more_lines_than_come_with_it_is_read_whole(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shelves = shop.shop.shelves
    order = shelves.add_order(5001, mei)
    order["lineItems"] = [shelves.line(number, 1, "1.00") for number in range(1, 321)]
    (body,) = of(read(connector), Order)
    assert (len(body.lines), body.value) == (320, 32_000)
    assert shop.count("OrderLines") == 2
    assert looked_up(connector, "order", 5001).body == body


def test_a_refund_with_more_lines_than_come_with_its_order_is_read_whole(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shelves = shop.shop.shelves
    order = shelves.add_order(5001, mei)
    order["lineItems"] = [shelves.line(number, 1, "1.00") for number in range(1, 31)]
    shelves.add_refund(88, order, "30.00", *((line, 1) for line in order["lineItems"]))
    (body,) = of(read(connector), Order)
    assert sum(line.quantity for line in body.lines) == 30
    assert shop.count("RefundLines") == 1


def test_edited_away_is_not_sold_and_given_back_is(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shelves = shop.shop.shelves
    order = shelves.add_order(5001, mei)
    order["lineItems"] = [shelves.line(1, 3, "10.00"), shelves.line(2, 2, "5.00")]
    order["lineItems"][0]["currentQuantity"] = 2
    shelves.add_refund(88, order, "5.00", (order["lineItems"][1], 1))
    events = read(connector)
    (body,) = of(events, Order)
    assert [(line.quantity, line.value) for line in body.lines] == [(2, 2000), (2, 1000)]
    (refund,) = of(events, Refund)
    assert (refund.refund_id, refund.order_id, refund.value) == ("88", "5001", 500)
    assert looked_up(connector, "refund", 88).body == refund


def test_refunds_come_last_and_the_oldest_first(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shelves = shop.shop.shelves
    first, second = (shelves.add_order(number, mei) for number in (5001, 5002))
    shelves.add_refund(90, first, "1.00")
    shelves.add_refund(89, second, "1.00")
    shelves.add_refund(91, second, "0.00")  # goods without money
    events = read(connector)
    assert [each.refund_id for each in of(events, Refund)] == ["89", "90"]
    kinds = [type(each.body) for each in events]
    assert kinds == [Product, Customer, Order, Order, Refund, Refund]


def test_a_buyers_other_currency_is_not_read(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shop.shop.shelves.add_order(5001, mei)
    (body,) = of(read(connector), Order)
    assert (body.currency, body.value) == ("EUR", 900)


def test_an_order_of_a_former_currency_says_so(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    """The core keeps it and adds it to nothing."""
    line = shop.shop.shelves.line(1, 1, "1000") | {"originalUnitPriceSet": money("1000", "JPY")}
    shop.shop.shelves.add_order(5001, mei, currencyCode="JPY", lineItems=[line])
    (body,) = of(read(connector), Order)
    assert (body.currency, body.value) == ("JPY", 1000)


def test_a_code_that_took_nothing_off_is_not_named(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    shelves = shop.shop.shelves

    def taken(amount: str, **application: str) -> Node:
        kind = {"__typename": "DiscountCodeApplication"} | application
        return {"allocatedAmountSet": money(amount), "discountApplication": kind}

    allocations = [
        taken("0.90", code="shl-vip"),
        taken("0.00", code="TYPED"),
        taken("1.00", __typename="AutomaticDiscountApplication"),
    ]
    line = shelves.line(1, 2, "4.50", discountAllocations=allocations)
    shelves.add_order(5001, mei, lineItems=[line])
    assert of(read(connector), Order)[0].coupons == ("SHL-VIP",)


def test_a_guest_is_known_by_the_order(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.shelves.add_order(5001, email="Guest@example.com")
    order = looked_up(connector, "order", 5001)
    assert order.identities[-1] == ("email", "guest@example.com")
    assert order.personal == {"email": "Guest@example.com"}


# --- customers


def test_a_read_customer_is_a_little_newer_than_a_told_one(
    connector: ShopifyConnector, mei: Node
) -> None:
    """Of the same second: only what is read knows the consents."""
    told_body = {"id": 7001, "updated_at": mei["updatedAt"], "email": "mei7001@example.com"}
    store = connector.store
    (heard,) = told("customers/update", told_body, store).events
    body = looked_up(connector, "customer", 7001).body
    assert isinstance(heard.body, Customer)
    assert isinstance(body, Customer)
    assert body.updated_at == heard.body.updated_at + API_KNOWS_MORE
    assert (heard.body.consents, body.consents) == ({}, {"email": True})


def test_a_changed_consent_makes_a_new_version(connector: ShopifyConnector, mei: Node) -> None:
    """Even if nothing else of the customer moved."""
    before = looked_up(connector, "customer", 7001)
    later = datetime.fromisoformat(mei["updatedAt"]) + timedelta(days=1)
    mei["defaultEmailAddress"] |= {
        "marketingState": "UNSUBSCRIBED",
        "marketingUpdatedAt": stamp(later),
    }
    after = looked_up(connector, "customer", 7001)
    assert after.at > before.at
    assert isinstance(after.body, Customer)
    assert after.body.consents == {"email": False}


def test_declared_attributes_are_kept(shop: Server, http: httpx.Client, mei: Node) -> None:
    mei["tags"] = ["gold", "vip"]
    named = "locale:text, country:text, tags:text, state:text, tax_exempt:flag, email:personal"
    options = {"shop_domain": shop.shop.domain, "attributes": named}
    connector = shopify_connector(shop.config(options=options), http)
    event = looked_up(connector, "customer", 7001)
    assert isinstance(event.body, Customer)
    assert event.body.attributes == {
        "locale": "de",
        "country": "DE",
        "tags": "gold, vip",
        "state": "enabled",
        "tax_exempt": False,
    }
    assert event.personal == {
        "email": "mei7001@example.com",
        "first_name": "Mei",
        "last_name": "Li",
    }


@pytest.mark.parametrize("says_so", [True, False])
def test_without_approval_personal_fields_are_null_and_nothing_else_is_missing(
    shop: Server, connector: ShopifyConnector, mei: Node, *, says_so: bool
) -> None:
    shop.shop.shelves.add_order(5001, mei)
    shop.shop.is_approved, shop.shop.says_so = False, says_so
    events = read(connector)
    assert [each.personal for each in events] == [{}] * len(events)
    order = looked_up(connector, "order", 5001)
    assert ("customer_id", "7001") in order.identities
    customer = looked_up(connector, "customer", 7001).body
    assert isinstance(customer, Customer)
    assert customer.consents == {}  # unknown is no


# --- products


@pytest.mark.parametrize(
    ("changes", "stock", "is_available"),
    [
        ({}, 7, True),
        ({"totalInventory": 0, "variants": [{"availableForSale": False}]}, 0, False),
        ({"totalInventory": -2, "variants": [{"availableForSale": False}]}, 0, False),
        ({"totalInventory": 0, "variants": [{"availableForSale": True}]}, None, True),
        ({"tracksInventory": False, "totalInventory": 0}, None, True),
        ({"status": "DRAFT"}, 7, False),
        ({"status": "ARCHIVED"}, 7, False),
        ({"variants": [{"availableForSale": False}] * 120}, 7, True),
        ({"variants": [{"availableForSale": False}] * 90}, 7, False),
    ],
)
def test_stock_is_what_binds(
    shop: Server,
    connector: ShopifyConnector,
    changes: dict[str, Any],
    stock: int | None,
    *,
    is_available: bool,
) -> None:
    shop.shop.shelves.add_product(2, **changes)
    body = looked_up(connector, "product", 2).body
    assert isinstance(body, Product)
    assert (body.stock, body.is_available) == (stock, is_available)
    assert (body.price, body.currency, body.category) == (450, "EUR", "Tea")


def test_a_product_that_vanished_leaves_its_sales(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    line = shop.shop.shelves.line(1, 1, "4.50", product=None)
    shop.shop.shelves.add_order(5001, mei, lineItems=[line])
    (body,) = of(read(connector), Order)
    assert (body.value, body.lines[0].product_id) == (450, "none")


@pytest.mark.parametrize("kind", ["order", "refund", "customer", "product", "cart"])
@pytest.mark.parametrize("key", ["404", "sku-1", "", "0", "1e3"])
def test_what_is_gone_or_never_was_is_nothing(
    connector: ShopifyConnector, kind: Any, key: str
) -> None:
    assert connector.look_up(LookUp(kind, key, OPENED)) == ()


# --- since when, and going on


def test_only_what_changed_is_read_and_the_searchs_lag_is_bridged(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    for number in range(5001, 5011):
        shop.shop.shelves.add_order(number, mei)
    since = OPENED + timedelta(minutes=5006)
    found = [each.order_id for each in of(read(connector, since), Order)]
    assert found == [str(number) for number in range(5004, 5011)]  # two minutes more
    shop.shop.indexed_until = OPENED + timedelta(minutes=5008)
    assert of(read(connector, since), Order)[-1].order_id == "5008"
    shop.shop.indexed_until = None
    again = of(read(connector, OPENED + timedelta(minutes=5010)), Order)
    assert [each.order_id for each in again] == ["5008", "5009", "5010"]


def test_a_time_with_an_offset_is_one_in_utc(shop: Server, connector: ShopifyConnector) -> None:
    there = datetime.fromisoformat("2026-09-01T10:00:00+02:00")
    list(connector.changes(there))
    list(connector.changes(datetime.min.replace(tzinfo=UTC)))
    queries = [said["query"] for name, said in shop.asked if name == "Products"]
    assert queries[0] == "updated_at:>='2026-09-01T07:58:00Z'"


def test_a_walk_broken_off_goes_on_behind_what_was_kept(
    shop: Server, connector: ShopifyConnector, http: httpx.Client, mei: Node
) -> None:
    for number in range(5001, 5601):
        shop.shop.shelves.add_order(number, mei)
    kept: list[Event] = []
    resume = ""
    walk = connector.stretches(LONG_AGO)
    while len(kept) < 500:
        stretch = next(walk)
        kept += stretch.events
        resume = stretch.resume
    shop.fault("status", operation="Orders", status=503, times=1)
    with pytest.raises(PlatformUnavailable):
        next(walk)
    another = shopify_connector(shop.config(), http)
    for stretch in another.stretches(LONG_AGO, resume):
        kept += stretch.events
    orders = [each.order_id for each in of(kept, Order)]
    assert orders == [str(number) for number in range(5001, 5601)]


def test_a_walk_that_goes_on_begins_the_next_list_at_its_beginning(
    shop: Server, connector: ShopifyConnector
) -> None:
    for number in range(2, 302):
        shop.shop.shelves.add_product(number)
        shop.shop.shelves.add_customer(number)
    first = next(connector.stretches(LONG_AGO))
    rest = [each for part in connector.stretches(LONG_AGO, first.resume) for each in part.events]
    assert (len(first.events), len(of(rest, Product)), len(of(rest, Customer))) == (250, 51, 300)


def test_the_same_place_twice_ends_a_walk(
    shop: Server, connector: ShopifyConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some proxies answer a list from memory, whatever is asked for."""
    for number in range(2, 400):
        shop.shop.shelves.add_product(number)
    node = {"hasNextPage": True, "endCursor": "MjUw"}
    stuck = [{"nodes": [], "pageInfo": node}]
    monkeypatch.setattr("tests.connectors.shopify.resolvers._connection", lambda *_: stuck[0])
    assert list(connector.changes(LONG_AGO)) == []
    assert shop.count("Products") == 2


def test_a_count_says_what_a_walk_will_bring(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    order = shop.shop.shelves.add_order(5001, mei)
    shop.shop.shelves.add_order(5002, mei)
    shop.shop.shelves.add_refund(88, order, "1.00")
    wanted = {"products": 1, "customers": 1, "orders": 2, "refunds": 1}
    assert connector.count(LONG_AGO) == wanted


@pytest.mark.parametrize("resume", ["nonsense", "orders", "carts|", "|", "end|x"])
def test_a_strange_word_resumes_nothing(connector: ShopifyConnector, resume: str) -> None:
    with pytest.raises(ValueError, match="resume"):
        list(connector.stretches(LONG_AGO, resume))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("products", {"title": None}),
        ("customers", {"id": "nonsense"}),
        ("orders", {"currencyCode": None}),
        ("orders", {"totalDiscountsSet": money("1e99")}),
    ],
)
def test_an_answer_that_cannot_be_read_is_tried_again(
    shop: Server, connector: ShopifyConnector, mei: Node, kind: str, changes: dict[str, Any]
) -> None:
    shop.shop.shelves.add_order(5001, mei)
    for node in getattr(shop.shop.shelves, kind).values():
        node.update(changes)
    with pytest.raises(PlatformUnavailable) as caught:
        read(connector)
    assert "mei" not in str(caught.value)


def test_an_answer_of_another_version_says_so_when_it_cannot_be_read(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.version = "2027-10"
    assert looked_up(connector, "product", 1)
    shop.shop.shelves.products[gid("Product", 1)]["variants"] = None
    shop.fault("no_data", operation="Product")
    with pytest.raises(PlatformUnavailable, match="API version 2027-10, this reads 2026-10"):
        connector.look_up(LookUp("product", "1", OPENED))


def test_events_are_made_as_they_are_read(
    shop: Server, connector: ShopifyConnector, mei: Node
) -> None:
    """A walk of days holds one page at a time."""
    for number in range(5001, 5601):
        shop.shop.shelves.add_order(number, mei)
    walk: Iterator[Event] = iter(connector.changes(LONG_AGO))
    for _ in range(10):
        next(walk)
    assert shop.count("Orders") == 1
