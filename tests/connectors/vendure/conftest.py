"""The stand-in, filled, and a connector before it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec
import pytest

from connectors.vendure.api import RecommendingVendureConnector, vendure_connector
from tests.connectors.vendure.documents import STORE, customer, product
from tests.connectors.vendure.fake import Server, Shop, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving(Shop()) as made:
        yield made


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """One for all: making one takes a tenth of a second."""
    with httpx.Client(timeout=30) as made:
        yield made


@pytest.fixture(scope="session")
def impatient() -> Iterator[httpx.Client]:
    """Gives up before the stand-in stops being silent."""
    with httpx.Client(timeout=0.3) as made:
        yield made


@pytest.fixture
def shop(server: Server) -> Shop:
    server.shop = Shop(customers=[customer(1), customer(2)], products=[product(2)])
    return server.shop


@pytest.fixture
def url(shop: Shop, server: Server) -> str:
    del shop
    return server.url


@pytest.fixture
def connector(url: str, http: httpx.Client) -> RecommendingVendureConnector:
    made = vendure_connector(msgspec.structs.replace(STORE, url=url), http)
    assert isinstance(made, RecommendingVendureConnector)
    return made
