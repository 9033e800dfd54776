"""The webhooks we ask for: made where they lack, changed where they differ, taken back at the end.

The privacy topics cannot be asked for here: they are set once, with the app itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from connectors.connecting import Subscription
from connectors.errors import AccessDenied, RequestRefused
from connectors.pagination import Page, by_cursor
from connectors.shopify import mutations, queries
from connectors.shopify.admin import Admin
from connectors.shopify.nodes import Connection, Named, UserError
from connectors.shopify.setting import API_VERSION

# Topic -> the scope it needs. Paid and cancelled orders come as updated ones too; each is asked for
# all the same, since any single delivery may be lost.
TOPICS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID", "ORDERS_CANCELLED"),
            *("ORDERS_EDITED", "REFUNDS_CREATE", "CARTS_CREATE", "CARTS_UPDATE"),
            *("CHECKOUTS_CREATE", "CHECKOUTS_UPDATE"),
        ),
        "read_orders",
    ),
    **dict.fromkeys(
        (
            *("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
            *("CUSTOMERS_ENABLE", "CUSTOMERS_DISABLE"),
            *("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", "CUSTOMERS_MARKETING_CONSENT_UPDATE"),
            "CUSTOMERS_WHATS_APP_MARKETING_CONSENT_UPDATE",
        ),
        "read_customers",
    ),
    "CUSTOMERS_MERGE": "read_customer_merge",
    **dict.fromkeys(
        (
            *("PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE"),
            *("VARIANTS_IN_STOCK", "VARIANTS_OUT_OF_STOCK"),
        ),
        "read_products",
    ),
    "APP_UNINSTALLED": "",
}
PRIVACY_TOPICS: Final = ("customers/data_request", "customers/redact", "shop/redact")
_FORMAT: Final = "JSON"
_PATIENCE: Final = 60.0  # seconds


class _Version(msgspec.Struct, frozen=True):
    handle: str


class _Found(Named, frozen=True, kw_only=True):
    topic: str
    uri: str
    format: str
    api_version: _Version | None = None

    def told(self) -> Subscription:
        version = self.api_version.handle if self.api_version else ""
        return Subscription(self.topic, self.uri, version)


class _List(msgspec.Struct, frozen=True, rename="camel"):
    webhook_subscriptions: Connection[_Found]


class _Made(msgspec.Struct, frozen=True, rename="camel"):
    webhook_subscription: _Found | None = None
    user_errors: tuple[UserError, ...] = ()


class _MadeAnswer(msgspec.Struct, frozen=True):
    made: _Made = msgspec.field(name="webhookSubscriptionCreate")


class _Deleted(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: tuple[UserError, ...] = ()


class _DeletedAnswer(msgspec.Struct, frozen=True):
    deleted: _Deleted = msgspec.field(name="webhookSubscriptionDelete")


def listed(admin: Admin) -> tuple[Subscription, ...]:
    """What the shop sends to this app, to any address."""
    return tuple(each.told() for each in _found(admin))


def wanted(address: str) -> tuple[Subscription, ...]:
    """What ``subscribe`` asks for. The version is the app's own; ours is what we can read."""
    return tuple(Subscription(topic, address, API_VERSION) for topic in TOPICS)


def subscribe(admin: Admin, address: str) -> tuple[Subscription, ...]:
    """Have every topic sent to an address; those that the shop refuses carry their problem.

    Raises
    ------
    PlatformError
        As any call, but not for one topic alone.
    """
    here: dict[str, _Found] = {}
    for each in [one for one in _found(admin) if one.uri == address and one.topic in TOPICS]:
        if each.format != _FORMAT or each.told().version not in {"", API_VERSION}:
            _drop(admin, each)
        else:
            here[each.topic] = each
    return tuple(
        here[topic].told() if topic in here else _made(admin, topic, address) for topic in TOPICS
    )


def unsubscribe(admin: Admin, address: str) -> int:
    """Take back what goes to an address; how many there were."""
    ours = [each for each in _found(admin) if each.uri == address]
    for each in ours:
        _drop(admin, each)
    return len(ours)


def _drop(admin: Admin, one: _Found) -> None:
    answer = admin.run_patiently(mutations.UNSUBSCRIBE, {"id": one.id}, _DeletedAnswer, _PATIENCE)
    errors = answer.deleted.user_errors
    # Gone meanwhile is as good.
    if errors and "exist" not in errors[0].message:
        raise admin.refused(mutations.UNSUBSCRIBE, str(errors[0]))


def _made(admin: Admin, topic: str, address: str) -> Subscription:
    variables = {"topic": topic, "sub": {"uri": address, "format": _FORMAT}}
    scope = TOPICS[topic]
    problem = f" (needs the scope {scope})" if scope else ""
    try:
        made = admin.run_patiently(mutations.SUBSCRIBE, variables, _MadeAnswer, _PATIENCE).made
    except (AccessDenied, RequestRefused) as error:
        if error.status:  # the door itself is closed, not this topic
            raise
        return Subscription(topic, address, problem=error.problem)
    if made.webhook_subscription is not None:
        return made.webhook_subscription.told()
    said = str(made.user_errors[0]) if made.user_errors else "refused without a reason"
    if "already been taken" in said:
        return Subscription(topic, address)  # somebody else made it at the same moment
    return Subscription(topic, address, problem=said + problem)


def _found(admin: Admin) -> Iterator[_Found]:
    def page(cursor: str | None) -> Page[_Found]:
        found = admin.run_patiently(
            queries.SUBSCRIPTIONS, {"after": cursor}, _List, _PATIENCE
        ).webhook_subscriptions
        return Page(found.nodes, found.next)

    return by_cursor(page)
