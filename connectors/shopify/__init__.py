"""Shopify: webhooks in the REST shape, everything else by the Admin GraphQL API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.shopify.setting import NEEDS, PROVEN
from connectors.shopify.setting import problem_of_address as problem_of

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

__all__ = ["NEEDS", "PROVEN", "connect", "problem_of"]


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a Shopify store; ``NEEDS`` lists its secrets and options."""
    from connectors.shopify.api import (  # noqa: PLC0415 - whoever lists platforms needs no httpx
        shopify_connector,
    )

    return shopify_connector(store, http)
