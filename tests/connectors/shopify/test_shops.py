"""Connecting, checking, leaving: who the shop is, what it lets us do, which webhooks it sends."""

from __future__ import annotations

import pytest
from graphql import GraphQLEnumType

from connectors.connecting import Subscription
from connectors.errors import AccessDenied
from connectors.shopify.api import ShopifyConnector
from connectors.shopify.setting import API_VERSION
from connectors.shopify.subscriptions import TOPICS
from connectors.shopify.webhooks import _READERS
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.server import Server

OURS = "https://shoal.example/webhooks/shop"


def test_a_shop_says_who_it_is(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.shelves.add_customer(7001)
    facts = connector.shop_facts()
    assert (facts.name, facts.currency, facts.time_zone) == ("Demo Shop", "EUR", "Europe/Berlin")
    assert (facts.missing, facts.withheld) == ({}, {})
    assert "read_orders" in facts.granted
    assert facts.budget is not None
    assert (facts.budget.maximum, facts.budget.per_second) == (2000.0, 100.0)
    told = " ".join(facts.notes)
    assert "Set the privacy webhooks customers/data_request" in told
    assert "proven against Shopify's published schema" in told
    assert "no real shop" in told
    assert "Without the scope" not in told


def test_missing_scopes_say_what_does_not_work(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.granted = frozenset({"read_orders", "write_customers", "write_products"})
    facts = connector.shop_facts()
    assert facts.missing == {"write_discounts": "coupons"}
    told = " ".join(facts.notes)
    assert "read_all_orders orders older than 60 days are not shown" in told
    assert "Without the scope read_customer_merge" in told


def test_without_read_customers_no_customer_is_asked_for(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.granted = frozenset({"read_orders"})
    facts = connector.shop_facts()
    assert "read_customers" in facts.missing
    assert facts.withheld == {}
    assert shop.count("Sample") == 0


@pytest.mark.parametrize(("says_so", "words"), [(True, "the app is not"), (False, "null for each")])
def test_withheld_fields_are_named_with_their_reason(
    shop: Server, connector: ShopifyConnector, *, says_so: bool, words: str
) -> None:
    shop.shop.is_approved, shop.shop.says_so = False, says_so
    assert connector.shop_facts().withheld == {}  # nobody to look at yet
    shop.shop.shelves.add_customer(7001)
    facts = connector.shop_facts()
    assert sorted(facts.withheld) == ["email", "first_name", "last_name", "phone"]
    assert facts.withheld["email"].startswith(words)
    assert "protected customer data" in facts.withheld["email"]
    shop.shop.is_approved = True
    assert connector.shop_facts().withheld == {}


def test_another_version_and_another_name_are_noted(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.version, shop.shop.domain = "2027-10", "renamed.myshopify.com"
    notes = connector.shop_facts().notes
    assert any("2027-10" in note and API_VERSION in note for note in notes)
    assert any("renamed.myshopify.com" in note for note in notes)


# --- subscriptions


def test_what_is_asked_for_is_read_and_what_is_read_is_asked_for() -> None:
    known = schema().type_map["WebhookSubscriptionTopic"]
    assert isinstance(known, GraphQLEnumType)
    assert not TOPICS.keys() - known.values.keys()
    read = {topic.upper().replace("/", "_") for topic in _READERS}
    # Fulfilment says nothing that an update does not; privacy is set with the app.
    besides = {"ORDERS_FULFILLED", "ORDERS_PARTIALLY_FULFILLED"}
    privacy = {"CUSTOMERS_REDACT", "CUSTOMERS_DATA_REQUEST", "SHOP_REDACT"}
    assert read - besides - privacy == set(TOPICS)


def test_every_topic_is_sent_to_us_once(shop: Server, connector: ShopifyConnector) -> None:
    made = connector.subscribe(OURS)
    assert made == tuple(Subscription(topic, OURS, "2026-10") for topic in TOPICS)
    asked = shop.count("Subscribe")
    assert connector.subscribe(OURS) == made
    assert shop.count("Subscribe") == asked == len(TOPICS)


def test_one_that_was_deleted_after_failures_is_made_again(
    shop: Server, connector: ShopifyConnector
) -> None:
    connector.subscribe(OURS)
    gone = next(iter(shop.shop.shelves.subscriptions))
    del shop.shop.shelves.subscriptions[gone]
    connector.subscribe(OURS)
    assert len(connector.subscriptions()) == len(TOPICS)


def test_a_topic_that_is_refused_is_told_beside_the_others(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.granted -= {"read_customer_merge"}
    made = {each.topic: each for each in connector.subscribe(OURS)}
    assert "needs the scope read_customer_merge" in made["CUSTOMERS_MERGE"].problem
    assert [topic for topic, each in made.items() if each.problem] == ["CUSTOMERS_MERGE"]
    assert len(connector.subscriptions()) == len(TOPICS) - 1


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "undefinedField"])
def test_an_error_about_a_topic_is_told_beside_the_others(
    shop: Server, connector: ShopifyConnector, code: str
) -> None:
    message = "Access denied for webhookSubscriptionCreate. Required access: read_orders"
    shop.fault("errors", operation="Subscribe", times=1, code=code, message=message)
    made = connector.subscribe(OURS)
    assert [bool(each.problem) for each in made] == [True] + [False] * (len(TOPICS) - 1)
    assert "read_orders" in made[0].problem


def test_an_address_that_shopify_does_not_take_is_told(
    connector: ShopifyConnector,
) -> None:
    made = connector.subscribe("http://shoal.example/webhooks/shop")
    assert all("protocol http:// is not supported" in each.problem for each in made)


def test_one_that_was_made_at_the_same_moment_is_as_good(
    shop: Server, connector: ShopifyConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector.subscribe(OURS)
    monkeypatch.setattr("connectors.shopify.subscriptions._found", lambda _: iter(()))
    assert not [each for each in connector.subscribe(OURS) if each.problem]
    assert len(shop.shop.shelves.subscriptions) == len(TOPICS)


def test_leaving_takes_back_ours_alone(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.shelves.add_subscription("ORDERS_CREATE", "https://another.example/hook")
    connector.subscribe(OURS)
    assert connector.unsubscribe(OURS) == len(TOPICS)
    assert [each.address for each in connector.subscriptions()] == ["https://another.example/hook"]


def test_one_that_is_gone_meanwhile_is_taken_back(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.shelves.add_subscription("ORDERS_CREATE", OURS)
    shop.fault("lost_reply", operation="Unsubscribe", times=1)
    with pytest.raises(Exception, match="no readable answer"):
        connector.unsubscribe(OURS)
    assert connector.unsubscribe(OURS) == 0


def test_an_uninstalled_app_is_denied(shop: Server, connector: ShopifyConnector) -> None:
    shop.fault("status", operation="token", status=400)
    with pytest.raises(AccessDenied, match="installed in this shop"):
        connector.shop_facts()


def test_one_of_another_version_or_form_is_made_anew(
    shop: Server, connector: ShopifyConnector
) -> None:
    shelves = shop.shop.shelves
    shelves.add_subscription("ORDERS_CREATE", OURS, "2025-01")
    shelves.add_subscription("ORDERS_PAID", OURS)["format"] = "XML"
    shelves.add_subscription("ORDERS_EDITED", OURS)
    assert not [each for each in connector.subscribe(OURS) if each.problem]
    assert sorted(connector.subscriptions(), key=repr) == sorted(
        connector.wanted_subscriptions(OURS), key=repr
    )
    assert {each["format"] for each in shelves.subscriptions.values()} == {"JSON"}
