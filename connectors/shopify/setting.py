"""What a Shopify store's configuration says: its shop, its secrets, its options."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from connectors.attributes import NEED as ATTRIBUTES
from connectors.needs import Need
from connectors.protocol import StoreConfig

# As docs/platforms.md and `shoal store check` say it.
PROVEN: Final = "Shopify's published schema, sample payloads and signature vectors, no real shop"
API_VERSION: Final = "2026-10"
GRAPHQL_PATH: Final = f"/admin/api/{API_VERSION}/graphql.json"
TOKEN_PATH: Final = "/admin/oauth/access_token"  # noqa: S105 - a path
_APP: Final = "Dev Dashboard → your app → Settings"
NEEDS: Final = (
    Need(
        "url",
        "url",
        "the shop's own address, https://NAME.myshopify.com",
        "the shop's admin → Settings → Domains",
        is_needed=True,
    ),
    Need(
        "secret",
        "client_id",
        "the app's Client ID; tokens for a day are fetched with it and renewed",
        _APP,
        is_needed=True,
        instead=("access_token",),
    ),
    Need(
        "secret",
        "client_secret",
        "the app's Client secret; it signs the webhooks, too",
        _APP,
        is_needed=True,
    ),
    Need(
        "secret",
        "access_token",
        "in place of client_id, for custom apps made in the admin before 2026",
        "the shop's admin → Settings → Apps → Develop apps → your app → API credentials",
    ),
    Need(
        "secret",
        "previous_client_secret",
        "the one before, while the client secret is rotated: either may sign",
        _APP,
        former_of="client_secret",
    ),
    Need(
        "secret",
        "webhook_secret",
        "only if webhooks are made by hand as well, which are signed with another secret",
        "the shop's admin → Settings → Notifications → Webhooks",
    ),
    ATTRIBUTES,
    Need(
        "option",
        "cash_on_delivery",
        "other names of that payment method, separated by commas: Nachnahme, Contre-remboursement",
        "the shop's admin → Settings → Payments",
    ),
    Need(
        "option",
        "maximum_discount",
        "`ignore` pushes a percentage although Shopify cannot bound what it takes off; else such a "
        "coupon is refused",
    ),
    Need(
        "option",
        "shop_domain",
        "NAME.myshopify.com, where the url is a gateway of your own",
        "the shop's admin → Settings → Domains",
    ),
)
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
# As Shopify names the payment method that it brings along; merchants may rename it.
_CASH_ON_DELIVERY: Final = "cash on delivery"


def shop_domain(store: StoreConfig) -> str:
    """The shop's lasting name, ``NAME.myshopify.com``; empty where nothing says it.

    The option ``shop_domain`` says it for a store whose url is a gateway of one's own.
    """
    stated = store.options.get("shop_domain", "").strip().lower()
    return stated or _named_by(store.url)


def problem_of_address(store: StoreConfig) -> str:
    """Why secrets may not be sent to the store's url; empty if they may."""
    if store.options.get("shop_domain"):
        return ""
    if _named_by(store.url) and urlsplit(store.url).scheme == "https":
        return ""
    return (
        f"url {store.url!r}: expected https://NAME.myshopify.com, as it stands in the shop's admin "
        "under Settings → Domains (the shop's own domain does not answer here)"
    )


def webhook_secrets(store: StoreConfig) -> list[str]:
    """Every secret that may have signed a webhook of this store, the newest first."""
    names = ("client_secret", "previous_client_secret", "webhook_secret")
    return [store.secrets[name] for name in names if store.secrets.get(name)]


def is_cash_on_delivery(gateways: tuple[str, ...], store: StoreConfig) -> bool:
    """Whether one of an order's payment methods is cash on delivery.

    The option ``cash_on_delivery`` lists other names of it, separated by commas.
    """
    listed = store.options.get("cash_on_delivery", "").split(",")
    names = [_CASH_ON_DELIVERY, *(name.strip().casefold() for name in listed if name.strip())]
    return any(name in gateway.casefold() for gateway in gateways for name in names)


def may_exceed_maximum(store: StoreConfig) -> bool:
    """Whether a percentage is pushed although Shopify cannot bound what it takes off.

    The option ``maximum_discount`` is ``refuse`` (unless told otherwise) or ``ignore``.
    """
    return store.options.get("maximum_discount", "refuse").strip().lower() == "ignore"


def _named_by(url: str) -> str:
    host = (urlsplit(url).hostname or "").lower()
    return host if _SHOP.fullmatch(host) else ""
