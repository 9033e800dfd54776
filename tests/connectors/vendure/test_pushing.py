"""Coupons become promotions, segments become groups; what Vendure does not refuse, we do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.errors import Conflict, RequestRefused
from connectors.records import Coupon, Membership, Recommendation
from connectors.vendure.api import RecommendingVendureConnector
from tests.connectors.vendure.documents import NOW
from tests.connectors.vendure.fake import CHANNEL, Shop

COUPON = Coupon(
    "SHL-A",
    "shoal:mark",
    "1",
    "USD",
    NOW + timedelta(microseconds=1999),
    NOW + timedelta(days=3),
    percent_off=12.5,
    minimum_spend=3000,
    title="For you",
    campaign="win-back",
)


def operations(promotion: dict[str, Any], name: str) -> dict[str, dict[str, str]]:
    return {
        each["code"]: {one["name"]: one["value"] for one in each["args"]}
        for each in promotion[name]
    }


def changed(**changes: Any) -> Coupon:
    return msgspec.structs.replace(COUPON, **changes)


def test_a_coupon_is_bound_to_group_customer_time_and_one_use(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    connector.push_coupon(COUPON)
    (made,) = shop.promotions
    assert operations(made, "conditions") == {
        "customer_group": {"customerGroupId": "1"},
        "shoal_customer": {"customerId": "1"},
        "minimum_order_amount": {"amount": "3000", "taxInclusive": "true"},
    }
    assert operations(made, "actions") == {"order_percentage_discount": {"discount": "12.5"}}
    assert (made["perCustomerUsageLimit"], made["usageLimit"]) == (1, 1)
    assert made["startsAt"] == "2026-09-01T08:00:00.001000Z"
    assert made["description"] == "shoal:mark"
    assert shop.groups == [{"id": "1", "name": "Shoal win-back"}]
    assert shop.members == {"1": {"1"}}


@pytest.mark.parametrize(
    ("terms", "action"),
    [
        (
            {"maximum_discount": 700},
            {"shoal_discount": {"percent": "12.5", "amount": "0", "maximum": "700"}},
        ),
        (
            {"percent_off": None, "amount_off": 500},
            {"shoal_discount": {"percent": "0", "amount": "500", "maximum": "0"}},
        ),
        ({"percent_off": 10.0}, {"order_percentage_discount": {"discount": "10"}}),
    ],
)
def test_terms_become_an_action(
    shop: Shop,
    connector: RecommendingVendureConnector,
    terms: dict[str, Any],
    action: dict[str, dict[str, str]],
) -> None:
    connector.push_coupon(changed(**terms))
    assert operations(shop.promotions[0], "actions") == action


def test_prices_with_tax_need_no_plugin_for_an_amount(
    shop: Shop, connector: RecommendingVendureConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANNEL, "pricesIncludeTax", True)
    shop.has_plugin = False
    connector.push_coupon(changed(percent_off=None, amount_off=500))
    assert operations(shop.promotions[0], "actions") == {
        "order_fixed_discount": {"discount": "500"}
    }


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"maximum_discount": 700}, "know no maximum"),
        ({"percent_off": None, "amount_off": 500}, "before tax"),
        ({"currency": "EUR"}, "amounts in EUR: expected the channel's USD"),
        ({"customer_id": "99"}, "no customer '99'"),
    ],
)
def test_what_the_store_cannot_keep_is_refused_and_nothing_made(
    shop: Shop, connector: RecommendingVendureConnector, terms: dict[str, Any], words: str
) -> None:
    shop.has_plugin = False
    with pytest.raises(RequestRefused, match=words):
        connector.push_coupon(changed(**terms))
    assert shop.promotions == []


def test_without_the_plugin_group_and_single_use_bind_it(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    shop.has_plugin = False
    connector.push_coupon(COUPON)
    assert set(operations(shop.promotions[0], "conditions")) == {
        "customer_group",
        "minimum_order_amount",
    }
    shop.has_plugin = True
    connector.push_coupon(COUPON)
    assert len(shop.promotions) == 1


def test_a_coupon_for_somebody_else_is_a_conflict(
    connector: RecommendingVendureConnector,
) -> None:
    connector.push_coupon(COUPON)
    with pytest.raises(Conflict):
        connector.push_coupon(changed(customer_id="2"))


def test_a_disabled_coupon_is_a_conflict(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    connector.push_coupon(COUPON)
    for _ in range(2):
        connector.revoke_coupon(COUPON.code, COUPON.marker)
    assert [name for name, _ in shop.calls].count("DisablePromotion") == 1
    with pytest.raises(Conflict):
        connector.push_coupon(COUPON)


def test_two_tries_that_cross_leave_one_promotion(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    """The first one's request arrives after the second has looked, and before it reads back."""

    def late_twin(operation: str) -> None:
        if operation == "CreatePromotion" and len(shop.promotions) == 1:
            shop.promotions.append(shop.promotions[0] | {"id": "2"})

    shop.between = late_twin
    connector.push_coupon(COUPON)
    assert [each["id"] for each in shop.promotions] == ["1"]


def test_a_strangers_twin_is_a_conflict(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    connector.push_coupon(COUPON)
    shop.promotions.append(shop.promotions[0] | {"id": "2", "description": "by hand"})
    with pytest.raises(Conflict):
        connector.push_coupon(COUPON)
    connector.revoke_coupon(COUPON.code, COUPON.marker)
    assert [each["enabled"] for each in shop.promotions] == [False, True]


def test_groups_of_one_name_are_one(shop: Shop, connector: RecommendingVendureConnector) -> None:
    shop.groups += [{"id": "1", "name": "vip"}, {"id": "2", "name": "vip"}]
    connector.push_membership(Membership("1", "vip"))
    assert shop.members == {"1": {"1"}}
    shop.members["1"].add("2")
    connector.push_membership(Membership("1", "vip", is_member=False))
    assert shop.members == {"1": set()}


def test_membership_writes_only_what_changes(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    connector.push_membership(Membership("1", "vip", is_member=False))
    connector.push_membership(Membership("9", "vip", is_member=False))
    assert shop.groups == []
    for _ in range(2):
        connector.push_membership(Membership("1", "vip"))
    assert [name for name, _ in shop.calls].count("Join") == 1
    with pytest.raises(RequestRefused, match="no customer '9'"):
        connector.push_membership(Membership("9", "vip"))


def test_recommendations_fill_the_custom_field(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    connector.push_recommendation(Recommendation("1", "x", ("2", "3")))
    assert shop.customers[0]["customFields"] == {"shoalRecommendations": ["2", "3"]}


def test_missing_permissions_are_named(shop: Shop, connector: RecommendingVendureConnector) -> None:
    assert not connector.shop_facts().missing
    shop.denied = {"Probe"}
    facts = connector.shop_facts()
    assert facts.granted == ()
    assert facts.missing["CreatePromotion"] == "coupons"
