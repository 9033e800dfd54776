"""The main job against a real Vendure, by the commands and the shop API that people use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest

from connectors.protocol import StoreConfig
from connectors.records import Order
from connectors.vendure import connect
from tests.stores.shoal_stack import Shoal, eventually, shoal_up
from tests.stores.vendure_store import Vendure, real_vendure, written
from worker import models
from worker.demo.vendure.packages import Packages
from worker.demo.vendure.shopping import Api, Shopper
from worker.demo.vendure.store import SECRET
from worker.store_plugin import write_plugin

OUTAGE = 20.0  # seconds
TEA_POT, GREEN_TEA = "3", "4"  # variants; the products are 2 and 3
CAMPAIGN = """
id: second-cup
holdout: 0
when: {segment: new, enters: true}
steps:
  - coupon: {percent_off: 15, maximum_discount: 12, minimum_spend: 20, valid_for: 14d,
             title: Your second cup}
  - tag: newcomer
  - recommend: {strategy: bought_together, count: 2}
"""
CURIOUS = """
id: curious
holdout: 0
when: {event: product_viewed, where: {category: coffee}}
steps: [{tag: curious}]
limits: {per_customer: 1}
"""
PROMOTIONS = """{ promotions(options: {take: 100}) { items {
  id couponCode enabled description usageLimit perCustomerUsageLimit endsAt
  conditions { code args { name value } } } } }"""
GROUPS = """{ customerGroups(options: {take: 100}) { items {
  id name customers(options: {take: 100}) { items { id } } } } }"""
ORDERS = """{ orders(options: {take: 100, filter: {active: {eq: false}}}) { items {
  code state subTotalWithTax discounts { amountWithTax } lines { linePriceWithTax } } } }"""


@dataclass
class Play:
    """Both sides."""

    shoal: Shoal
    store: Vendure
    merchant: Api
    keys: dict[str, str]
    api_key: str

    def coupon_of(self, shopper: Shopper) -> dict[str, Any] | None:
        """The promotion that only this customer may use, as the store has it."""
        wanted = {"name": "customerId", "value": shopper.id}
        for promotion in self.merchant(PROMOTIONS)["promotions"]["items"]:
            if any(wanted in condition["args"] for condition in promotion["conditions"]):
                found: dict[str, Any] = promotion
                return found
        return None

    def groups(self) -> dict[str, set[str]]:
        found = self.merchant(GROUPS)["customerGroups"]["items"]
        return {one["name"]: {each["id"] for each in one["customers"]["items"]} for one in found}

    def knows(self, order: dict[str, Any]) -> bool:
        return bool(self.shoal.rows(models.orders, "status", order_id=order["code"]))

    def redeemed(self) -> list[Any]:
        rows = self.shoal.rows(models.codes, "code", "campaign", "order_id", "redeemed_at")
        return [row[:3] for row in rows if row[3] is not None]

    def person(self, customer: int) -> str:
        """The store's id of a customer; who became one with another is that other."""
        rows = self.shoal.rows(models.customers, "platform_id", "merged_into", id=customer)
        platform_id, merged = rows[0]
        return self.person(merged) if merged is not None else str(platform_id)

    def segment(self, shopper: Shopper) -> str:
        return str(self.shoal.rows(models.customers, "segment", platform_id=shopper.id)[0][0])


@pytest.fixture(scope="module")
def play(vendure: Packages, folder: Path) -> Iterator[Play]:
    """A store with our plugin and a Shoal that knows it."""
    write_plugin("vendure", folder / "shoal-plugin")
    with shoal_up(folder / "shoal") as shoal:
        address = f"{shoal.door}/webhooks/shop"
        with real_vendure(vendure, folder, address) as store:
            key = store.api_key()
            secrets = ("--secret", f"api_key={key}", "--secret", f"webhook_secret={SECRET}")
            option = ("--option", "recommendations=shoalRecommendations")
            named = ("--platform", "vendure", "--url", store.url)
            keys = shoal.run("store", "add", "shop", *named, *secrets, *option)
            yield Play(shoal, store, store.merchant(), keys, key)


def live(play: Play, folder: Path) -> None:
    """Two campaigns, from files."""
    files = [folder / "second-cup.yaml", folder / "curious.yaml"]
    for file, text in zip(files, (CAMPAIGN, CURIOUS), strict=True):
        file.write_text(text)
        play.shoal.run("campaigns", "apply", str(file), "--store", "shop")
        play.shoal.run("campaigns", "start", file.stem, "--store", "shop")


def looked_at(play: Play, visitor: str, cart: str, product: str, category: str) -> None:
    said = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"{visitor}-{product}-{category}",
        "anonymousId": visitor,
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"product_id": product, "category": category, "cart_id": cart},
    }
    play.shoal.browsed(play.keys["browser_key"], said)


@pytest.mark.stores
def test_the_main_job(play: Play, folder: Path, vendure: Packages) -> None:
    """About a minute, twenty seconds of which the store is dead."""
    regulars(play)
    live(play, folder)
    ann, cart = first_purchase(play)
    coupon = given(play, ann)
    stranger(play, coupon)
    outage(play, ann, cart)
    used = redemption(play, ann, coupon)
    refunded(play, used)
    written(vendure.folder / "result.json", reckoned(play))
    left(play)


def regulars(play: Play) -> None:
    """Before any campaign: some who buy two things together, so that one can be recommended."""
    orders = []
    for number in range(3):
        regular = play.store.shopper(f"regular{number}")
        regular.fill(TEA_POT)
        orders.append(regular.buy(GREEN_TEA))
    eventually(lambda: all(map(play.knows, orders)), "the regulars' orders")
    learned = models.models
    eventually(lambda: play.shoal.rows(learned, "version", kind="products"), "learned")


def first_purchase(play: Play) -> tuple[Shopper, str]:
    """Somebody registers, browses, buys; Shoal hears of it, and the segment changes."""
    ann = play.store.shopper("ann")
    cart = ann.fill(TEA_POT)
    looked_at(play, "anns phone", cart, "2", "tea")
    first = ann.pay()
    eventually(lambda: play.knows(first), "Ann's order")
    eventually(lambda: play.segment(ann) == "new", "Ann is new")
    # What was looked at on her phone is hers, by the cart.
    views = play.shoal.rows(models.events, "customer", type="product_viewed")
    assert [play.person(customer) for (customer,) in views] == [ann.id]
    return ann, cart


def given(play: Play, ann: Shopper) -> dict[str, Any]:
    """A coupon appears in the real store, hers alone, and a tag, and what goes with a tea pot."""
    coupon = eventually(lambda: play.coupon_of(ann), "Ann's coupon")
    assert (coupon["usageLimit"], coupon["perCustomerUsageLimit"]) == (1, 1)
    eventually(lambda: ann.id in play.groups().get("newcomer", set()), "Ann's tag")
    assert ann.id in play.groups()["Shoal second-cup"]
    shown = "{ activeCustomer { customFields { shoalRecommendations } } }"
    eventually(
        lambda: ann.api(shown)["activeCustomer"]["customFields"]["shoalRecommendations"] == ["3"],
        "green tea is recommended",
    )
    return coupon


def stranger(play: Play, coupon: dict[str, Any]) -> None:
    """Tries it and gets nothing; Shoal hears of that order, and counts no redemption."""
    bob = play.store.shopper("bob")
    bob.fill(TEA_POT, 2)
    tried = bob.enter(coupon["couponCode"])
    assert (tried["__typename"], tried["discounts"]) == ("Order", [])
    order = bob.pay()
    assert order["couponCodes"] == [coupon["couponCode"]]
    assert order["subTotalWithTax"] == 10800
    eventually(lambda: play.coupon_of(bob), "Bob's own coupon")
    # By his own coupon he is in the campaign's group now, and it helps him as little.
    bob.fill(TEA_POT)
    assert bob.enter(coupon["couponCode"])["discounts"] == []
    second = bob.pay()
    eventually(lambda: play.knows(second), "Bob's second order")
    assert play.redeemed() == []


def redemption(play: Play, ann: Shopper, coupon: dict[str, Any]) -> dict[str, Any]:
    """The coupon is used: the discount is real, and so is the redemption."""
    ann.fill(TEA_POT, 2)
    assert ann.enter(coupon["couponCode"])["discounts"][0]["amountWithTax"] == -1200
    used = ann.pay()
    assert used["subTotalWithTax"] == 10800 - 1200
    eventually(play.redeemed, "the redemption")
    assert play.redeemed() == [(coupon["couponCode"], "second-cup", used["code"])]
    eventually(lambda: play.segment(ann) == "promising", "Ann is promising")
    ann.fill(GREEN_TEA)
    assert ann.enter(coupon["couponCode"])["errorCode"] == "COUPON_CODE_LIMIT_ERROR"
    return used


def outage(play: Play, ann: Shopper, cart: str) -> None:
    """Killed right after an order; meanwhile something is due to be pushed."""
    cid = play.store.shopper("cid")
    paid = cid.buy(GREEN_TEA, 3)
    play.store.kill()
    looked_at(play, "anns phone", cart, "1", "coffee")
    sleep(OUTAGE)
    waiting = play.shoal.rows(models.actions, "state", campaign="curious", kind="tag")
    assert waiting == [("due",)]
    play.store.start()
    play.merchant = play.store.merchant()
    ann.log_in()
    eventually(lambda: play.knows(paid), "the order of the last moment")
    eventually(lambda: play.coupon_of(cid), "Cid's coupon")
    eventually(lambda: ann.id in play.groups().get("curious", set()), "the tag that waited")


def refunded(play: Play, order: dict[str, Any]) -> None:
    """The merchant gives money back."""
    play.merchant(
        """mutation($input: RefundOrderInput!) { refundOrder(input: $input) {
          __typename ... on ErrorResult { message } } }""",
        input={
            "lines": [],
            "shipping": 0,
            "adjustment": 0,
            "amount": 1000,
            "paymentId": order["payments"][0]["id"],
        },
    )
    play.merchant(
        """mutation { settleRefund(input: {id: "1", transactionId: "t"}) { __typename } }"""
    )
    wanted = [(order["code"], 1000)]
    eventually(lambda: play.shoal.rows(models.refunds, "order_id", "value") == wanted, "the refund")


def reckoned(play: Play) -> dict[str, Any]:
    """The store's own ledger beside ours: what one has and the other lacks, or has twice."""
    there = play.merchant(ORDERS)["orders"]["items"]
    here = play.shoal.rows(models.orders, "order_id", "value", "discount")
    theirs = {
        one["code"]: (
            sum(line["linePriceWithTax"] for line in one["lines"]),
            -sum(each["amountWithTax"] for each in one["discounts"]),
        )
        for one in there
    }
    assert {code: (value, discount) for code, value, discount in here} == theirs
    codes = {code for (code,) in play.shoal.rows(models.codes, "code")}
    eventually(
        lambda: len(play.merchant(PROMOTIONS)["promotions"]["items"]) >= len(codes), "all coupons"
    )
    coupons = Counter(one["couponCode"] for one in play.merchant(PROMOTIONS)["promotions"]["items"])
    counted = sum(row[0] for row in play.shoal.rows(models.customers, "orders"))
    names = Counter(one["name"] for one in play.merchant(GROUPS)["customerGroups"]["items"])
    doubled = counted - len(theirs) + sum((coupons + names).values()) - len(coupons + names)
    lost = len(theirs.keys() ^ {row[0] for row in here}) + len(codes ^ coupons.keys())
    assert play.shoal.run("dead-letters", "list", "--store", "shop")["dead_letters"] == []
    assert polled(play) == {row[0] for row in here}
    told = {
        "platform": "vendure 3.7.3",
        "orders": len(theirs),
        "coupons": len(coupons),
        "redemptions": len(play.redeemed()),
        "doubled": doubled,
        "lost": lost,
    }
    assert told == {
        "platform": "vendure 3.7.3",
        "orders": 8,
        "coupons": 3,
        "redemptions": 1,
        "doubled": 0,
        "lost": 0,
    }
    return told


def polled(play: Play) -> set[str]:
    """Ids of the orders that reading the lists brings, each equal to what a webhook brought."""
    store = StoreConfig("shop", "vendure", play.store.url, "USD", secrets={"api_key": play.api_key})
    with httpx.Client(timeout=120) as http:
        events = list(connect(store, http).changes(datetime(2020, 1, 1, tzinfo=UTC)))
    orders = [event.body for event in events if isinstance(event.body, Order)]
    known = dict(play.shoal.rows(models.orders, "order_id", "coupons"))
    assert all(known[one.order_id] == str(list(one.coupons)).replace("'", '"') for one in orders)
    return {one.order_id for one in orders}


def left(play: Play) -> None:
    """`shoal store remove` takes what is open out of the store; what was used stays as it was."""
    play.shoal.run("store", "remove", "shop")
    found = play.merchant(PROMOTIONS)["promotions"]["items"]
    assert sorted(one["enabled"] for one in found) == [False, False, True]
    groups = play.groups()
    assert groups["newcomer"] == groups["curious"] == set()
