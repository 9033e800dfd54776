"""Points are counted before they run out, tokens are fetched before they end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import httpx
import pytest

from connectors.errors import AccessDenied, PlatformUnavailable, RateLimited
from connectors.protocol import LookUp, StoreConfig
from connectors.records import Membership
from connectors.shopify import queries
from connectors.shopify.api import ShopifyConnector, shopify_connector
from connectors.shopify.bucket import RESERVE, Bucket, Cost, Throttle
from connectors.shopify.queries import Operation
from tests.connectors.shopify.server import CLIENT_SECRET, Server

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WANTED = LookUp("customer", "7001", LONG_AGO)
TEN = Operation("Ten", "", 10)


def left(points: float, cost: float | None = None, maximum: float = 2000.0) -> Cost:
    return Cost(Throttle(maximum, points, 100.0), cost)


def heard(bucket: Bucket, points: float, now: float, cost: float | None = None) -> None:
    bucket.take(10, now)
    bucket.settle(TEN, 10, left(points, cost), now)


# --- the bucket


def test_nothing_is_known_before_the_first_answer() -> None:
    bucket = Bucket()
    assert bucket.budget(0.0) is None
    assert bucket.take(10, 0.0) == 0


def test_it_refills_with_time_and_never_above_its_maximum() -> None:
    bucket = Bucket()
    heard(bucket, 100, 50.0)
    assert bucket.take(150, 50.0) == pytest.approx(0.5)
    assert bucket.take(150, 50.5) == 0
    budget = bucket.budget(1000.0)
    assert budget is not None
    assert (budget.available, budget.maximum, budget.per_second) == (1850.0, 2000.0, 100.0)


def test_what_is_on_its_way_is_spent() -> None:
    bucket = Bucket()
    heard(bucket, 25, 0.0)
    assert [bucket.take(10, 0.0) for _ in range(3)] == [0, 0, pytest.approx(0.05)]
    bucket.settle(TEN, 10, left(15), 0.0)
    assert bucket.take(10, 0.0) == pytest.approx(0.05)


def test_an_answer_that_never_came_may_have_been_charged() -> None:
    bucket = Bucket()
    heard(bucket, 20, 0.0)
    bucket.take(10, 0.0)
    bucket.settle(TEN, 10, None, 0.0)
    assert bucket.take(20, 0.0) == pytest.approx(0.1)


def test_what_an_answer_says_of_a_cost_replaces_the_estimate() -> None:
    bucket = Bucket()
    assert bucket.points(TEN) == 10
    heard(bucket, 100, 0.0, cost=13)
    assert bucket.points(TEN) == 13


def test_a_long_walk_leaves_points_to_others() -> None:
    bucket = Bucket()
    heard(bucket, 600, 0.0)
    assert bucket.take(500, 0.0, RESERVE) == pytest.approx(1.0)
    assert bucket.take(500, 0.0) == 0
    small = Bucket()  # that could never hold both
    small.settle(TEN, 0, left(600, maximum=600), 0.0)
    assert small.take(500, 0.0, RESERVE) == 0


def test_many_threads_take_no_more_than_there_is() -> None:
    bucket = Bucket()
    heard(bucket, 1000, 0.0)
    taken: list[float] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(bucket.take(10, 0.0) for _ in range(50)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in taken) == 100


# --- before they bite


def test_a_push_waits_before_it_is_refused(shop: Server, connector: ShopifyConnector) -> None:
    """Its points are not there, so nothing is sent and the time until they will be is told."""
    shop.shop.shelves.add_customer(7001)
    shop.till.rate = 20.0
    connector.look_up(WANTED)
    shop.till.left = 5.0
    connector.look_up(WANTED)
    asked = len(shop.asked)
    with pytest.raises(RateLimited) as caught:
        connector.push_membership(Membership("7001", "vip"))
    assert caught.value.retry_after == pytest.approx(0.5, abs=0.2)
    assert (len(shop.asked), shop.throttled) == (asked, 0)


def test_a_walk_on_the_smallest_plan_is_never_throttled(
    shop: Server, connector: ShopifyConnector
) -> None:
    """Twenty times as fast as there: 5,000 products are 20 pages of 145 points."""
    for number in range(1, 5001):
        shop.shop.shelves.add_product(number)
    shop.till.rate, shop.till.left = 2000.0, 700.0
    assert sum(1 for _ in connector.changes(LONG_AGO)) == 5000
    assert (shop.count("Products"), shop.throttled) == (20, 0)


def test_what_others_spent_is_learnt_from_the_answer(
    shop: Server, connector: ShopifyConnector
) -> None:
    """Another process of ours, or another app, may have emptied the bucket."""
    shop.shop.shelves.add_customer(7001)
    connector.look_up(WANTED)
    shop.till.left, shop.till.rate = 0.0, 10.0
    with pytest.raises(RateLimited) as caught:
        connector.look_up(WANTED)
    assert caught.value.retry_after == pytest.approx(0.5, abs=0.2)
    assert shop.throttled == 1
    with pytest.raises(RateLimited):
        connector.look_up(WANTED)
    assert shop.throttled == 1


def test_a_walk_that_is_throttled_waits_and_goes_on(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.shelves.add_product(1)
    connector.count(LONG_AGO)
    shop.till.rate = 1000.0
    shop.fault("throttled", operation="Products", times=1)
    assert len(list(connector.changes(LONG_AGO))) == 1
    assert shop.count("Products") == 2


def test_a_throttled_answer_says_how_long_by_its_points(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.fault("throttled", operation="Customer", times=1)
    with pytest.raises(RateLimited) as caught:
        connector.look_up(WANTED)
    assert caught.value.retry_after == 2.0  # (250 - 50) / 100


def test_a_page_that_costs_too_much_is_asked_for_smaller(
    shop: Server, connector: ShopifyConnector
) -> None:
    for number in range(1, 301):
        shop.shop.shelves.add_product(number)
    shop.fault("errors", operation="Products", times=2, code="MAX_COST_EXCEEDED")
    assert sum(1 for _ in connector.changes(LONG_AGO)) == 300
    sizes = [said["first"] for name, said in shop.asked if name == "Products"]
    assert sizes == [250, 125, 62, 62, 62, 62, 62]


def test_a_page_that_does_not_come_in_time_is_asked_for_smaller(
    shop: Server, connector: ShopifyConnector
) -> None:
    shop.shop.shelves.add_product(1)
    shop.fault("half", operation="Products", times=1)
    assert len(list(connector.changes(LONG_AGO))) == 1
    shop.fault("status", operation="Products", status=503, times=1)
    with pytest.raises(PlatformUnavailable):
        list(connector.changes(LONG_AGO))


# --- tokens


def test_one_token_serves_many_calls(shop: Server, connector: ShopifyConnector) -> None:
    for _ in range(3):
        connector.look_up(WANTED)
    assert shop.count("token") == 1


def test_a_token_is_fetched_anew_before_it_ends(shop: Server, connector: ShopifyConnector) -> None:
    shop.token_seconds = 0.2  # used for half of it
    for _ in range(4):
        connector.look_up(WANTED)
        threading.Event().wait(0.06)
    assert shop.count("token") >= 2
    assert 401 not in shop.statuses


def test_a_token_that_ends_early_is_fetched_anew_once(
    shop: Server, connector: ShopifyConnector
) -> None:
    connector.look_up(WANTED)
    shop.tokens.clear()
    connector.look_up(WANTED)
    assert shop.count("token") == 2
    shop.fault("status", operation="Customer", status=401)
    with pytest.raises(AccessDenied):
        connector.look_up(WANTED)
    assert shop.count("token") == 3


@pytest.mark.parametrize("secrets", [{"client_secret": "wrong"}, {"client_id": "wrong"}])
def test_wrong_credentials_are_access_denied(
    shop: Server, http: httpx.Client, secrets: dict[str, str]
) -> None:
    store = shop.config(secrets=shop.config().secrets | secrets)
    with pytest.raises(AccessDenied, match="expected client id and secret") as caught:
        shopify_connector(store, http).look_up(WANTED)
    assert caught.value.path == "/admin/oauth/access_token"


def test_missing_credentials_are_named_and_nothing_is_sent(
    shop: Server, http: httpx.Client
) -> None:
    store = shop.config(secrets={"client_secret": CLIENT_SECRET})
    with pytest.raises(AccessDenied, match="client_id"):
        shopify_connector(store, http).look_up(WANTED)
    assert shop.asked == []


def test_an_older_apps_lasting_token_is_used_as_it_is(shop: Server, http: httpx.Client) -> None:
    shop.tokens["shpat_lasting"] = float("inf")
    store = shop.config(secrets={"access_token": "shpat_lasting"})
    connector = shopify_connector(store, http)
    connector.look_up(WANTED)
    shop.tokens.clear()
    with pytest.raises(AccessDenied):
        connector.look_up(WANTED)
    assert shop.count("token") == 0


def test_many_threads_fetch_one_token(shop: Server, connector: ShopifyConnector) -> None:
    threads = [threading.Thread(target=connector.look_up, args=(WANTED,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.count("token") == 1


@pytest.mark.parametrize("said", [b"{}", b'{"access_token": ""}', b'["shpat_x"]', b"null"])
def test_a_tokens_answer_that_is_none_is_tried_again(said: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=said))
    store = StoreConfig(
        "s",
        "shopify",
        "https://demo.myshopify.com",
        "EUR",
        secrets={"client_id": "a", "client_secret": "b"},
    )
    with httpx.Client(transport=transport) as http, pytest.raises(PlatformUnavailable):
        shopify_connector(store, http).look_up(WANTED)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "http://demo.myshopify.com",
        "https://demo.myshopify.com.evil.example",
        "https://-demo.myshopify.com",
        "https://myshopify.com",
        "",
    ],
)
def test_secrets_go_to_a_shop_and_nowhere_else(url: str) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        return httpx.Response(200, json={})

    store = StoreConfig(
        "s", "shopify", url, "EUR", secrets={"client_id": "a", "client_secret": "b"}
    )
    transport = httpx.MockTransport(answer)
    with httpx.Client(transport=transport) as http, pytest.raises(AccessDenied, match="expected"):
        shopify_connector(store, http).shop_facts()
    assert sent == []


def test_documents_are_no_dearer_than_they_say(shop: Server, connector: ShopifyConnector) -> None:
    """What the stand-in charges is what we took, so that nothing is owed in the end."""
    shop.shop.shelves.add_customer(7001)
    connector.look_up(WANTED)
    assert connector.admin.bucket.points(queries.CUSTOMER) == queries.CUSTOMER.cost
