"""Every call meets every trouble; each meeting ends in one stated way."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from connectors.errors import (
    AccessDenied,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    RequestRefused,
)
from connectors.protocol import LookUp
from connectors.records import Coupon, Membership, Recommendation
from connectors.shopify.api import ShopifyConnector, shopify_connector
from connectors.shopify.codes import discount_input
from connectors.testing import require_no_secret
from tests.connectors.shopify.codes import create_code
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.server import Server

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
COUPON = Coupon(
    "SHL-1", "shoal:0123", "7001", "EUR", NOW, NOW + timedelta(days=1), percent_off=10.0
)

CALLS: dict[str, tuple[str, Callable[[ShopifyConnector], Any]]] = {
    "look up an order": ("Order", lambda c: c.look_up(LookUp("order", "5001", NOW))),
    "look up a refund": ("Refund", lambda c: c.look_up(LookUp("refund", "88", NOW))),
    "look up a customer": ("Customer", lambda c: c.look_up(LookUp("customer", "7001", NOW))),
    "look up a product": ("Product", lambda c: c.look_up(LookUp("product", "1", NOW))),
    "walk products": ("Products", lambda c: list(c.changes(LONG_AGO))),
    "walk customers": ("Customers", lambda c: list(c.changes(LONG_AGO))),
    "walk orders": ("Orders", lambda c: list(c.changes(LONG_AGO))),
    "walk refunds": ("Refunds", lambda c: list(c.changes(LONG_AGO))),
    "count": ("Counts", lambda c: c.count(LONG_AGO)),
    "push a coupon": ("CreateCode", lambda c: c.push_coupon(COUPON)),
    "find a coupon": ("FindCode", lambda c: c.revoke_coupon("SHL-0", "shoal:0123")),
    "revoke a coupon": ("DeactivateCode", lambda c: c.revoke_coupon("SHL-0", "shoal:0123")),
    "set a tag": ("AddTags", lambda c: c.push_membership(Membership("7001", "vip"))),
    "drop a tag": ("RemoveTags", lambda c: c.push_membership(Membership("7001", "vip", False))),
    "define a metafield": (
        "DefineMetafield",
        lambda c: c.push_recommendation(Recommendation("7001", "x", ("1",))),
    ),
    "recommend": (
        "SetMetafields",
        lambda c: c.push_recommendation(Recommendation("7001", "x", ("1",))),
    ),
    "ask who it is": ("Shop", lambda c: c.shop_facts()),
    "list subscriptions": ("Subscriptions", lambda c: c.subscriptions()),
    "subscribe": ("Subscribe", lambda c: c.subscribe("https://shoal.example/webhooks/shop")),
    "unsubscribe": ("Unsubscribe", lambda c: c.unsubscribe("https://old.example/")),
    "fetch a token": ("token", lambda c: c.shop_facts()),
}


@dataclass(frozen=True)
class Trouble:
    """How a call is spoiled and what it then raises."""

    kind: str
    raises: type[PlatformError]
    said: dict[str, Any] = field(default_factory=dict)
    wait: float | None = None


def status(code: int, raises: type[PlatformError], **headers: str) -> Trouble:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    wait = float(named["retry-after"]) if "retry-after" in named else None
    return Trouble("status", raises, {"status": code, "headers": named}, wait)


def code(name: str, raises: type[PlatformError]) -> Trouble:
    return Trouble("errors", raises, {"code": name})


TROUBLES: dict[str, Trouble] = {
    "400": status(400, RequestRefused),
    "401": status(401, AccessDenied),
    "402": status(402, AccessDenied),
    "403": status(403, AccessDenied),
    "404": status(404, AccessDenied),
    "409": status(409, RequestRefused),
    "422": status(422, RequestRefused),
    "423": status(423, AccessDenied),
    "429": status(429, RateLimited, retry_after="7"),
    "429 without a word": status(429, RateLimited),
    "500": status(500, PlatformUnavailable),
    "503": status(503, PlatformUnavailable, retry_after="9"),
    "302": status(302, PlatformUnavailable, location="https://elsewhere.example/"),
    "301": status(301, RequestRefused, location="https://elsewhere.example/"),
    "slow": Trouble("slow", PlatformUnavailable, {"seconds": 0.3}),
    "half": Trouble("half", PlatformUnavailable),
    "html": Trouble("html", PlatformUnavailable),
    "empty": Trouble("empty", PlatformUnavailable),
    "lost reply": Trouble("lost_reply", PlatformUnavailable),
    "no data": Trouble("no_data", PlatformUnavailable),
    "access denied": code("ACCESS_DENIED", AccessDenied),
    "inactive": code("SHOP_INACTIVE", AccessDenied),
    "internal error": code("INTERNAL_SERVER_ERROR", PlatformUnavailable),
    "too dear": code("MAX_COST_EXCEEDED", RequestRefused),
    "nonsense": code("undefinedField", RequestRefused),
    "without a code": code("", RequestRefused),
}
# A token's answer is no GraphQL; a refusal of any kind means that the credentials do not suffice.
OF_TOKENS = {
    name: Trouble(each.kind, AccessDenied, each.said) if each.raises is RequestRefused else each
    for name, each in TROUBLES.items()
    if each.kind != "errors"
}


@pytest.fixture
def furnished(shop: Server) -> Server:
    shelves = shop.shop.shelves
    shelves.add_product(1)
    order = shelves.add_order(5001, shelves.add_customer(7001))
    shelves.add_refund(88, order, "4.50", (order["lineItems"][0], 1))
    create_code(shelves, discount_input(msgspec.structs.replace(COUPON, code="SHL-0")))
    shelves.add_subscription("ORDERS_CREATE", "https://old.example/")
    shop.till.maximum = shop.till.left = 100_000.0
    return shop


@pytest.fixture(scope="module")
def in_a_hurry() -> Iterator[httpx.Client]:
    schema()
    with httpx.Client(timeout=0.2) as client:
        yield client


@pytest.fixture
def hasty(furnished: Server, in_a_hurry: httpx.Client) -> ShopifyConnector:
    """A connector that waits little."""
    return shopify_connector(furnished.config(), in_a_hurry)


def outcome(shop: Server, connector: ShopifyConnector, call: str, trouble: Trouble) -> Any:
    operation, make = CALLS[call]
    shop.fault(trouble.kind, operation=operation, **trouble.said)
    with pytest.raises(PlatformError) as caught:
        make(connector)
    return caught.value


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", [name for name in CALLS if name != "fetch a token"])
def test_a_call_in_trouble_ends_as_stated(
    furnished: Server, hasty: ShopifyConnector, call: str, trouble: str
) -> None:
    if call == "subscribe" and TROUBLES[trouble].kind == "errors":
        pytest.skip("what concerns one topic is told beside it, see test_shops")
    error = outcome(furnished, hasty, call, TROUBLES[trouble])
    assert type(error).__mro__.index(TROUBLES[trouble].raises) <= 1, error
    assert getattr(error, "retry_after", None) == TROUBLES[trouble].wait
    told = "".join(traceback.format_exception(error)) + repr(vars(error))
    require_no_secret(told, furnished.config())
    assert error.store == "shop"


@pytest.mark.parametrize("trouble", OF_TOKENS)
def test_a_token_in_trouble_ends_as_stated(
    furnished: Server, hasty: ShopifyConnector, trouble: str
) -> None:
    error = outcome(furnished, hasty, "fetch a token", OF_TOKENS[trouble])
    assert isinstance(error, OF_TOKENS[trouble].raises), error
    told = "".join(traceback.format_exception(error)) + repr(vars(error))
    require_no_secret(told, furnished.config())


@pytest.mark.parametrize("call", CALLS)
def test_trouble_that_passes_leaves_nothing_behind(
    furnished: Server, hasty: ShopifyConnector, call: str
) -> None:
    """The same call, made again, is as if nothing had been."""
    operation, make = CALLS[call]
    furnished.fault("lost_reply", operation=operation, times=1)
    try:
        make(hasty)
    except PlatformUnavailable:
        make(hasty)
    codes = [each["code"] for each in furnished.shop.shelves.codes.values()]
    assert sorted(set(codes)) == sorted(codes)
    sent = [(each["topic"], each["uri"]) for each in furnished.shop.shelves.subscriptions.values()]
    assert sorted(set(sent)) == sorted(sent)


def test_what_an_error_quotes_is_not_told(furnished: Server, hasty: ShopifyConnector) -> None:
    message = "Variable $id of value 'mei@example.com' was refused"
    furnished.fault("errors", code="INVALID_VARIABLE", message=message)
    with pytest.raises(RequestRefused) as caught:
        hasty.look_up(LookUp("customer", "7001", NOW))
    assert str(caught.value).startswith(
        "store shop: POST /admin/api/2026-10/graphql.json: Customer: INVALID_VARIABLE"
    )
    assert "mei@" not in str(caught.value)


def test_a_missing_scope_is_named(furnished: Server, hasty: ShopifyConnector) -> None:
    furnished.shop.granted = frozenset({"read_products"})
    with pytest.raises(AccessDenied, match="read_orders"):
        hasty.look_up(LookUp("order", "5001", NOW))
