"""What we write into a shop, and what becomes of writing it twice."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Conflict, PlatformUnavailable, RequestRefused
from connectors.protocol import LookUp
from connectors.records import Coupon, Customer, Membership, Recommendation
from connectors.shopify.api import ShopifyConnector, shopify_connector
from connectors.shopify.codes import Discount, discount_input, is_marked, is_same
from tests.connectors.shopify.codes import create_code
from tests.connectors.shopify.server import Server
from tests.connectors.shopify.shelves import Shelves, find_number, gid

NOW = datetime(2026, 9, 1, 8, 0, 0, 987654, tzinfo=UTC)
MARKER = "shoal:0123456789abcdef"
TAGS = [f"tag {number}" for number in range(250)]
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def stocked(shop: Server) -> None:
    shop.shop.shelves.add_customer(7001)
    shop.shop.shelves.add_product(1)
    shop.shop.shelves.add_product(2)


def coupon(**changes: Any) -> Coupon:
    plain: dict[str, Any] = {
        "code": f"SHL-{next(_numbers)}",
        "marker": MARKER,
        "customer_id": "7001",
        "currency": "EUR",
        "valid_from": NOW,
        "valid_until": NOW + timedelta(days=14),
        "percent_off": 15.0,
        "title": "Come back",
    }
    return Coupon(**plain | changes)


def discount(shop: Server, code: str) -> dict[str, Any]:
    (found,) = (each for each in shop.shop.shelves.codes.values() if each["code"] == code)
    said: dict[str, Any] = found["codeDiscount"]
    return said


# --- coupons


def test_a_coupon_is_bound_to_one_customer_and_one_use(
    shop: Server, connector: ShopifyConnector
) -> None:
    wanted = coupon(minimum_spend=2000)
    connector.push_coupon(wanted)
    made = discount(shop, wanted.code)
    assert [each["id"] for each in made["context"]["customers"]] == [gid("Customer", 7001)]
    assert (made["usageLimit"], made["appliesOncePerCustomer"]) == (1, True)
    assert made["customerGets"]["value"]["percentage"] == 0.15
    assert made["minimumRequirement"]["greaterThanOrEqualToSubtotal"]["amount"] == "20.0"
    assert (made["startsAt"], made["endsAt"]) == ("2026-09-01T08:00:00Z", "2026-09-15T08:00:00Z")
    assert made["title"] == f"Come back [{MARKER}]"


def test_an_amount_is_taken_off_once_and_in_the_shops_money(
    shop: Server, connector: ShopifyConnector
) -> None:
    wanted = coupon(percent_off=None, amount_off=1250, minimum_spend=5000)
    connector.push_coupon(wanted)
    value = discount(shop, wanted.code)["customerGets"]["value"]
    assert value["amount"] == {"amount": "12.5", "currencyCode": "EUR"}
    assert not value["appliesOnEachItem"]
    connector.push_coupon(wanted)
    with pytest.raises(Conflict):
        connector.push_coupon(msgspec.structs.replace(wanted, amount_off=1300))


def test_a_lost_reply_ends_in_exactly_one_code(shop: Server, connector: ShopifyConnector) -> None:
    wanted = coupon()
    shop.fault("lost_reply", operation="CreateCode", times=1)
    with pytest.raises(PlatformUnavailable):
        connector.push_coupon(wanted)
    connector.push_coupon(wanted)
    assert find_number(shop.shop.shelves, wanted.code) == 1
    assert (shop.count("CreateCode"), shop.count("FindCode")) == (2, 1)


def test_a_new_code_takes_one_call(shop: Server, connector: ShopifyConnector) -> None:
    connector.push_coupon(coupon())
    assert [name for name, _ in shop.asked] == ["token", "CreateCode"]


@pytest.mark.parametrize(
    "changes",
    [
        {"marker": "shoal:ffffffffffffffff"},
        {"percent_off": 20.0},
        {"percent_off": None, "amount_off": 500},
        {"minimum_spend": 100},
        {"valid_from": NOW + timedelta(seconds=1)},
        {"valid_until": NOW + timedelta(days=15)},
        {"customer_id": "7002"},
        {"currency": "USD", "minimum_spend": 1},
    ],
)
def test_a_code_with_other_terms_is_a_conflict(
    shop: Server, connector: ShopifyConnector, changes: dict[str, Any]
) -> None:
    shop.shop.shelves.add_customer(7002)
    wanted = coupon()
    connector.push_coupon(wanted)
    connector.push_coupon(msgspec.structs.replace(wanted, title="Said otherwise"))
    with pytest.raises(Conflict):
        connector.push_coupon(msgspec.structs.replace(wanted, **changes))


@pytest.mark.parametrize(
    "edited",
    [
        {"usageLimit": None},
        {"usageLimit": 2},
        {"appliesOncePerCustomer": False},
        {"codesCount": {"count": 2, "precision": "EXACT"}},
        {"context": {"__typename": "DiscountBuyerSelectionAll"}},
        {"endsAt": None},
        {"title": "Come back"},
        {"__typename": "DiscountCodeFreeShipping", "title": f"[{MARKER}]"},
    ],
)
def test_a_code_that_was_edited_in_the_shop_is_a_conflict(
    shop: Server, connector: ShopifyConnector, edited: dict[str, Any]
) -> None:
    wanted = coupon()
    connector.push_coupon(wanted)
    discount(shop, wanted.code).update(edited)
    with pytest.raises(Conflict):
        connector.push_coupon(wanted)


def test_a_code_in_another_case_is_the_same_code(shop: Server, connector: ShopifyConnector) -> None:
    strange = coupon(marker="shoal:of somebody else", code="SHL-case")
    connector.push_coupon(strange)
    with pytest.raises(Conflict):
        connector.push_coupon(coupon(code="SHL-CASE"))
    assert find_number(shop.shop.shelves, "SHL-CASE") == 1


def test_a_code_that_is_taken_and_not_found_is_tried_again(
    shop: Server, connector: ShopifyConnector
) -> None:
    wanted = coupon()
    connector.push_coupon(wanted)
    shop.fault("no_data", operation="FindCode", times=1)
    with pytest.raises(PlatformUnavailable):
        connector.push_coupon(wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"customer_id": "7999"}, "Customer is invalid"),
        ({"customer_id": "C1"}, "expected Shopify's number"),
        ({"customer_id": ""}, "expected Shopify's number"),
        ({"valid_until": NOW}, "Ends at needs to be after starts_at"),
        ({"percent_off": 115.0}, "between 0.0 and 1.0"),
        ({"code": " "}, "BLANK"),
        ({"code": "X" * 256}, "TOO_LONG"),
    ],
)
def test_what_the_shop_refuses_is_refused(
    connector: ShopifyConnector, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestRefused, match=said) as caught:
        connector.push_coupon(coupon(**changes))
    assert not isinstance(caught.value, Conflict)


def test_a_percentage_with_a_maximum_needs_leave(shop: Server, http: httpx.Client) -> None:
    wanted = coupon(maximum_discount=2000)
    with pytest.raises(RequestRefused, match="maximum_discount=ignore"):
        shopify_connector(shop.config(), http).push_coupon(wanted)
    assert shop.asked == []
    options = {"shop_domain": shop.shop.domain, "maximum_discount": "ignore"}
    shopify_connector(shop.config(options=options), http).push_coupon(wanted)
    assert find_number(shop.shop.shelves, wanted.code) == 1


@given(st.sampled_from([0.1, 7.0, 12.5, 15.0, 33.3, 99.9, 100.0]), st.integers(0, 10**6))
def test_terms_come_back_as_they_went(percent: float, least: int) -> None:
    shelves = Shelves()
    shelves.add_customer(7001)
    wanted = coupon(percent_off=percent, minimum_spend=least)
    made = create_code(shelves, discount_input(wanted))["codeDiscountNode"]
    found = msgspec.convert(made["codeDiscount"], Discount)
    assert is_same(found, wanted)


def test_a_long_title_keeps_its_marker() -> None:
    title = discount_input(coupon(title="x" * 300))["title"]
    assert len(title) == 255
    assert is_marked(Discount("DiscountCodeBasic", title=title), MARKER)
    assert not is_marked(Discount("DiscountCodeBasic", title="[]"), "")


def test_a_revoked_code_stays_on_record(shop: Server, connector: ShopifyConnector) -> None:
    wanted = coupon()
    connector.push_coupon(wanted)
    with pytest.raises(Conflict):
        connector.revoke_coupon(wanted.code, "shoal:ffffffffffffffff")
    connector.revoke_coupon(wanted.code, MARKER)
    assert discount(shop, wanted.code)["status"] == "EXPIRED"
    connector.revoke_coupon(wanted.code, MARKER)
    assert shop.count("DeactivateCode") == 1
    connector.revoke_coupon("NEVER-WAS", MARKER)
    with pytest.raises(Conflict):  # a late push makes it no second time
        connector.push_coupon(wanted)


def test_revoking_survives_a_lost_reply(shop: Server, connector: ShopifyConnector) -> None:
    wanted = coupon()
    connector.push_coupon(wanted)
    shop.fault("lost_reply", operation="DeactivateCode", times=1)
    with pytest.raises(PlatformUnavailable):
        connector.revoke_coupon(wanted.code, MARKER)
    connector.revoke_coupon(wanted.code, MARKER)
    assert discount(shop, wanted.code)["status"] == "EXPIRED"


# --- tags


def test_a_tag_is_set_once_whatever_its_case(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.shelves.tags(7001).append("merchant's own")
    for name in ("shoal:vip", "Shoal:VIP", " shoal:vip "):
        connector.push_membership(Membership("7001", name))
    assert shop.shop.shelves.tags(7001) == ["merchant's own", "shoal:vip"]
    for _ in range(2):
        connector.push_membership(Membership("7001", "shoal:vip", is_member=False))
    assert shop.shop.shelves.tags(7001) == ["merchant's own"]


@pytest.mark.parametrize("name", ["", "a,b", "x" * 256])
def test_what_cannot_be_one_tag_is_refused(
    shop: Server, connector: ShopifyConnector, name: str
) -> None:
    with pytest.raises(RequestRefused, match="no comma"):
        connector.push_membership(Membership("7001", name))
    assert shop.asked == []


def test_a_tag_too_many_is_refused(shop: Server, connector: ShopifyConnector) -> None:
    shop.shop.shelves.tags(7001).extend(TAGS)
    with pytest.raises(RequestRefused, match="more than 250"):
        connector.push_membership(Membership("7001", "shoal:vip"))


def test_whoever_is_gone_has_no_tags(connector: ShopifyConnector) -> None:
    connector.push_membership(Membership("7999", "shoal:vip", is_member=False))
    for customer in ("7999", "C1"):
        with pytest.raises(RequestRefused):
            connector.push_membership(Membership(customer, "shoal:vip"))


# --- recommendations and consents


def metafield(shop: Server, key: str) -> Any:
    return shop.shop.shelves.metafields[gid("Customer", 7001), "$app:shoal", key]["value"]


def test_recommendations_replace_each_other(shop: Server, connector: ShopifyConnector) -> None:
    connector.push_recommendation(Recommendation("7001", "win-back", ("2", "1")))
    assert json.loads(metafield(shop, "recommendations")) == [gid("Product", 2), gid("Product", 1)]
    assert metafield(shop, "campaign") == "win-back"
    connector.push_recommendation(Recommendation("7001", "other", ("1",)))
    assert json.loads(metafield(shop, "recommendations")) == [gid("Product", 1)]
    assert shop.count("DefineMetafield") == 1


def test_a_definition_that_stands_already_is_as_good(shop: Server, http: httpx.Client) -> None:
    shop.shop.shelves.definitions.add(("$app:shoal", "recommendations"))
    wanted = Recommendation("7001", "", ("1",))
    shopify_connector(shop.config(), http).push_recommendation(wanted)
    assert metafield(shop, "recommendations")


@pytest.mark.parametrize(
    ("customer", "products"), [("7001", ("1", "404")), ("7999", ("1",)), ("7001", ("sku-1",))]
)
def test_a_product_or_customer_that_vanished_is_refused_whole(
    shop: Server, connector: ShopifyConnector, customer: str, products: tuple[str, ...]
) -> None:
    with pytest.raises(RequestRefused):
        connector.push_recommendation(Recommendation(customer, "x", products))
    assert shop.shop.shelves.metafields == {}


def consents(connector: ShopifyConnector, key: str) -> dict[str, bool] | None:
    """As a customer who is looked up carries them; None: there is nobody."""
    found = [each.body for each in connector.look_up(LookUp("customer", key, NOW))]
    return found[0].consents if found and isinstance(found[0], Customer) else None


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("SUBSCRIBED", True),
        ("PENDING", False),
        ("UNSUBSCRIBED", False),
        ("NOT_SUBSCRIBED", False),
        ("INVALID", False),
    ],
)
def test_only_a_confirmed_yes_is_a_yes(
    shop: Server, connector: ShopifyConnector, state: str, *, said: bool
) -> None:
    node = shop.shop.shelves.add_customer(7003)
    node["defaultEmailAddress"]["marketingState"] = state
    assert consents(connector, "7003") == {"email": said}


def test_every_channel_has_a_consent_of_its_own(shop: Server, connector: ShopifyConnector) -> None:
    phone = {
        "phoneNumber": "+49301234",
        "smsMarketingConsent": {"state": "SUBSCRIBED", "updatedAt": None},
        "whatsAppMarketingConsent": {"state": "UNSUBSCRIBED", "updatedAt": None},
    }
    shop.shop.shelves.add_customer(7004, defaultPhoneNumber=phone, defaultEmailAddress=None)
    assert consents(connector, "7004") == {"sms": True, "whatsapp": False}
    assert consents(connector, "7999") is None
    assert consents(connector, "C1") is None
