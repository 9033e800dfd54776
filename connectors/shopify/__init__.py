"""Shopify: webhooks in the REST shape, everything else by the Admin GraphQL API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.shopify.setting import PROVEN

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

__all__ = ["PROVEN", "connect"]


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a Shopify store.

    Its secrets are ``client_id`` and ``client_secret`` of the app (or ``access_token``, which older
    custom apps have in their stead), ``previous_client_secret`` while it is rotated, and
    ``webhook_secret`` where webhooks are also made in the shop's own admin. Its options are
    ``attributes`` (:mod:`connectors.attributes`), ``cash_on_delivery``, ``maximum_discount`` and
    ``shop_domain`` (:mod:`connectors.shopify.setting`).
    """
    from connectors.shopify.api import (  # noqa: PLC0415 - whoever lists platforms needs no httpx
        shopify_connector,
    )

    return shopify_connector(store, http)
