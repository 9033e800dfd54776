"""Who a shop is, what it lets us do, and which personal fields it keeps from us."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from connectors.connecting import ShopFacts
from connectors.errors import AccessDenied
from connectors.shopify import queries
from connectors.shopify.admin import Admin
from connectors.shopify.nodes import Connection, Person
from connectors.shopify.setting import API_VERSION, PROVEN, shop_domain
from connectors.shopify.subscriptions import PRIVACY_TOPICS

# Scope -> what does not work without it. A write scope holds its read scope.
SCOPES: Final[dict[str, str]] = {
    "read_orders": "orders, refunds, carts and checkouts",
    "read_customers": "customers and their consent",
    "write_customers": "tags and recommendations",
    "read_products": "the catalogue and its stock",
    "write_discounts": "coupons",
}
# What works without, but less.
MORE_SCOPES: Final[dict[str, str]] = {
    "read_all_orders": "orders older than 60 days are not shown (Shopify gives it on request)",
    "read_customer_merge": "that two customers became one is not told",
}
_PERSONAL: Final = ("email", "phone", "first_name", "last_name")
_APPROVAL: Final = (
    "the app is not approved for protected customer data: request it for name, e-mail and phone "
    "in the app's API access settings"
)


class _Shop(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    currency_code: str
    iana_timezone: str
    myshopify_domain: str


class _Scope(msgspec.Struct, frozen=True):
    handle: str


class _Installation(msgspec.Struct, frozen=True, rename="camel"):
    access_scopes: tuple[_Scope, ...]


class _ShopAnswer(msgspec.Struct, frozen=True, rename="camel"):
    shop: _Shop
    current_app_installation: _Installation


class _Sample(msgspec.Struct, frozen=True):
    customers: Connection[Person]


def shop_facts(admin: Admin) -> ShopFacts:
    """Ask the shop. Wrong credentials raise ``AccessDenied``."""
    answer = admin.run(queries.SHOP, {}, _ShopAnswer)
    granted = sorted(each.handle for each in answer.current_app_installation.access_scopes)
    missing = {name: lost for name, lost in SCOPES.items() if not _has(granted, name)}
    return ShopFacts(
        name=answer.shop.name,
        currency=answer.shop.currency_code,
        time_zone=answer.shop.iana_timezone,
        granted=tuple(granted),
        missing=missing,
        withheld={} if "read_customers" in missing else _withheld(admin),
        budget=admin.bucket.budget(time.monotonic()),
        notes=(*_lesser(granted), *_notes(admin, answer.shop)),
    )


def _has(granted: list[str], scope: str) -> bool:
    return scope in granted or scope.replace("read_", "write_", 1) in granted


def _lesser(granted: list[str]) -> list[str]:
    return [
        f"Without the scope {name} {lost}."
        for name, lost in MORE_SCOPES.items()
        if not _has(granted, name)
    ]


def _withheld(admin: Admin) -> dict[str, str]:
    """Fields that are null for each of the last customers, though some have them surely."""
    admin.heard.withheld.clear()
    try:
        people = admin.run(queries.SAMPLE, {}, _Sample).customers.nodes
    except AccessDenied:
        return dict.fromkeys(_PERSONAL, _APPROVAL)
    if not people or any(_known(each) for each in people):
        return {}
    if admin.heard.withheld:
        return dict.fromkeys(_PERSONAL, _APPROVAL)
    seen = f"null for each of the last {len(people)} customers; if they have one: "
    return dict.fromkeys(_PERSONAL, seen + _APPROVAL)


def _known(person: Person) -> bool:
    told = (
        *(person.first_name, person.last_name),
        *(person.default_email_address, person.default_phone_number),
    )
    return any(told)


def _notes(admin: Admin, shop: _Shop) -> list[str]:
    privacy = (
        f"Set the privacy webhooks {', '.join(PRIVACY_TOPICS)} in the app's own configuration: "
        "Shopify takes them nowhere else."
    )
    notes = [privacy, f"This connector was proven against {PROVEN}."]
    if admin.heard.version != API_VERSION:
        notes.append(
            f"Shopify answers with API version {admin.heard.version[:20]}, this connector was "
            f"written for {API_VERSION}: a newer Shoal is due."
        )
    ours = shop_domain(admin.store)
    if ours and shop.myshopify_domain.lower() != ours:
        notes.append(f"The shop calls itself {shop.myshopify_domain}, not {ours}.")
    return notes
