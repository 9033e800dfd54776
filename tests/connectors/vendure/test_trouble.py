"""Each trouble with the Admin API has one stated outcome."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
from connectors.records import Coupon
from connectors.vendure.api import RecommendingVendureConnector, vendure_connector
from tests.connectors.vendure.documents import NOW, STORE
from tests.connectors.vendure.fake import Fault, Shop

_numbers = itertools.count(1)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def coupon() -> Coupon:
    code = f"SHL-{next(_numbers)}"
    until = NOW + timedelta(days=3)
    return Coupon(code, code, "1", "USD", NOW, until, percent_off=15.0, campaign="win-back")


FAULTS = [
    (Fault("status", status=500), PlatformUnavailable),
    (Fault("status", status=502), PlatformUnavailable),
    (Fault("status", status=408), PlatformUnavailable),
    (Fault("status", status=429), RateLimited),
    (Fault("status", status=401), AccessDenied),
    (Fault("status", status=403), AccessDenied),
    (Fault("status", status=400), RequestRefused),
    (Fault("status", status=404), RequestRefused),
    (Fault("status", status=409), RequestRefused),
    (Fault("status", status=422), RequestRefused),
    (Fault("status", status=301), RequestRefused),
    (Fault("timeout"), PlatformUnavailable),
    (Fault("half_body"), PlatformUnavailable),
    (Fault("html"), PlatformUnavailable),
    (Fault("lost_reply"), PlatformUnavailable),
    (Fault("body", code=""), PlatformUnavailable),
    (Fault("body", code="{}"), PlatformUnavailable),
    (Fault("body", code='{"data": 7}'), PlatformUnavailable),
    (Fault("body", code='{"data": {}}'), PlatformUnavailable),
    (Fault("graphql", code="FORBIDDEN"), AccessDenied),
    (Fault("graphql", code="UNAUTHORIZED"), AccessDenied),
    (Fault("graphql", code="USER_INPUT_ERROR"), RequestRefused),
    (Fault("graphql", code="ENTITY_NOT_FOUND"), RequestRefused),
    (Fault("graphql", code="GRAPHQL_VALIDATION_FAILED"), RequestRefused),
    (Fault("graphql", code="INTERNAL_SERVER_ERROR"), PlatformUnavailable),
    (Fault("graphql", code=""), PlatformUnavailable),
]


# What these do is read back, so of an answer without errors nothing is read.
_UNREAD = {"CreateGroup", "Join", "CreatePromotion"}
CASES = [
    pytest.param(
        operation, fault, outcome, id=f"{operation} {fault.kind} {fault.status}{fault.code}"
    )
    for operation in ("Promotions", "Membership", "CreateGroup", "Join", "CreatePromotion")
    for fault, outcome in FAULTS
    if operation not in _UNREAD or fault.code != '{"data": {}}'
]


def facing(
    connector: RecommendingVendureConnector, fault: Fault, impatient: httpx.Client
) -> RecommendingVendureConnector:
    """The connector, or one that gives up soon where there will be silence."""
    if fault.kind != "timeout":
        return connector
    return replace(connector, admin=replace(connector.admin, http=impatient))


@pytest.mark.parametrize(("operation", "fault", "outcome"), CASES)
def test_a_fault_has_its_outcome_and_the_next_try_makes_one_coupon(  # noqa: PLR0913, PLR0917 - three parameters are the case, four fixtures
    shop: Shop,
    connector: RecommendingVendureConnector,
    impatient: httpx.Client,
    coupon: Coupon,
    operation: str,
    fault: Fault,
    outcome: type[PlatformError],
) -> None:
    shop.faults.append(replace(fault, operation=operation))
    with pytest.raises(outcome) as caught:
        facing(connector, fault, impatient).push_coupon(coupon)
    assert type(caught.value) is outcome
    assert "shop: POST /admin-api: " in str(caught.value)
    connector.push_coupon(coupon)
    connector.push_coupon(coupon)
    assert [each["couponCode"] for each in shop.promotions] == [coupon.code]
    assert {each["name"] for each in shop.groups} == {"Shoal win-back"}
    assert shop.members == {"1": {"1"}}


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=lambda one: str(one)[:60])
@pytest.mark.parametrize("operation", ["Products", "Variants", "Customers", "Orders"])
def test_reading_has_the_same_outcomes(  # noqa: PLR0913, PLR0917 - same
    shop: Shop,
    connector: RecommendingVendureConnector,
    impatient: httpx.Client,
    operation: str,
    fault: Fault,
    outcome: type[PlatformError],
) -> None:
    shop.faults.append(replace(fault, operation=operation))
    with pytest.raises(outcome):
        list(facing(connector, fault, impatient).changes(SINCE))
    assert list(connector.changes(SINCE))


def test_an_answer_of_another_shape_is_unavailable_and_says_where(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    shop.orders.append({"id": "1", "code": 4711})
    with pytest.raises(PlatformUnavailable, match=r"orders\.items\[") as caught:
        connector.look_up(LookUp("order", 4711, NOW))  # type: ignore[arg-type] # what it holds
    assert "4711" not in str(caught.value)


def test_nobody_listens(coupon: Coupon, http: httpx.Client) -> None:
    store = msgspec.structs.replace(STORE, url="http://127.0.0.1:1")
    with pytest.raises(PlatformUnavailable):
        vendure_connector(store, http).push_coupon(coupon)  # type: ignore[attr-defined] # it has coupons


def test_the_wrong_path_says_which_option(url: str, http: httpx.Client) -> None:
    store = msgspec.structs.replace(STORE, url=url, options={"admin_path": "/wrong"})
    with pytest.raises(RequestRefused, match="admin_path"):
        list(vendure_connector(store, http).changes(SINCE))


def test_a_schema_without_a_field_says_which_options(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    shop.faults.append(Fault("status", "Customers", 400))
    with pytest.raises(RequestRefused, match="attributes, consents and recommendations"):
        list(connector.changes(SINCE))


def test_a_wrong_key_is_denied_without_being_shown(url: str, http: httpx.Client) -> None:
    secrets = {"api_key": "a wrong key"}
    store = msgspec.structs.replace(STORE, url=url, secrets=secrets)
    with pytest.raises(AccessDenied) as caught:
        list(vendure_connector(store, http).changes(SINCE))
    assert "a wrong key" not in str(caught.value)


class TestLogin:
    """Without an API key, by a session."""

    @pytest.fixture
    def logged_in(self, url: str, http: httpx.Client) -> RecommendingVendureConnector:
        secrets = {"username": "shoal", "password": "secret"}
        made = vendure_connector(msgspec.structs.replace(STORE, url=url, secrets=secrets), http)
        assert isinstance(made, RecommendingVendureConnector)
        return made

    def test_one_login_serves_many_calls_and_an_ended_session_is_renewed(
        self, shop: Shop, logged_in: RecommendingVendureConnector
    ) -> None:
        list(logged_in.changes(SINCE))
        list(logged_in.changes(SINCE))
        assert [name for name, _ in shop.calls].count("Login") == 1
        shop.keys = set()
        assert list(logged_in.changes(SINCE))
        assert [name for name, _ in shop.calls].count("Login") == 2

    def test_a_missing_permission_is_not_mended_by_logging_in(
        self, shop: Shop, logged_in: RecommendingVendureConnector
    ) -> None:
        shop.denied = {"Products"}
        with pytest.raises(AccessDenied):
            list(logged_in.changes(SINCE))
        assert [name for name, _ in shop.calls].count("Login") == 2

    @pytest.mark.parametrize(
        ("secrets", "words"),
        [
            ({"username": "shoal", "password": "wrong"}, "INVALID_CREDENTIALS"),
            ({"username": "shoal"}, "api_key, or username and password"),
            ({}, "api_key, or username and password"),
        ],
    )
    def test_wrong_credentials_are_denied(
        self, url: str, http: httpx.Client, secrets: dict[str, str], words: str
    ) -> None:
        store = msgspec.structs.replace(STORE, url=url, secrets=secrets)
        with pytest.raises(AccessDenied, match=words):
            list(vendure_connector(store, http).changes(SINCE))

    def test_a_store_without_bearer_tokens_is_told_so(
        self, shop: Shop, logged_in: RecommendingVendureConnector
    ) -> None:
        told = '{"data": {"login": {"__typename": "CurrentUser"}}}'
        shop.faults.append(Fault("body", "Login", code=told))
        with pytest.raises(AccessDenied, match="bearer"):
            list(logged_in.changes(SINCE))
