"""A stand-in shop, one a test, and the connector that speaks with it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from connectors.shopify.api import ShopifyConnector, shopify_connector
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.server import Server, serving


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """One for all: making one costs more than most of these tests."""
    schema()  # built by the first question else, which would then be a slow one
    with httpx.Client(timeout=5.0) as client:
        yield client


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def connector(shop: Server, http: httpx.Client) -> ShopifyConnector:
    return shopify_connector(shop.config(), http)
