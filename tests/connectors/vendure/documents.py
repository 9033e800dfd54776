"""Documents as Vendure writes them, for the stand-in and the tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.protocol import StoreConfig, Webhook
from connectors.signatures import standard_headers
from tests.connectors.vendure.fake import KEY

SECRET = "whsec_c2hvYWwgdGVzdCBzZWNyZXQ="
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
STORE = StoreConfig(
    "shop",
    "vendure",
    "http://x",
    "USD",
    secrets={"api_key": KEY, "webhook_secret": SECRET},
    options={"recommendations": "shoalRecommendations"},
)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "vendure"


def text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def order(number: int, **changes: Any) -> dict[str, Any]:
    """A placed and paid order of two pieces at 54.00."""
    at = text(NOW + timedelta(seconds=number // 200))
    made: dict[str, Any] = {
        "id": str(number),
        "code": f"O{number}",
        "type": "Regular",
        "state": "PaymentSettled",
        "active": False,
        "createdAt": at,
        "updatedAt": at,
        "orderPlacedAt": at,
        "currencyCode": "USD",
        "totalWithTax": 11300,
        "discounts": [],
        "promotions": [],
        "lines": [line()],
        "payments": [{"state": "Settled", "amount": 11300, "updatedAt": at, "refunds": []}],
        "customer": {"id": "1", "emailAddress": "Ann@example.test", "firstName": "Ann"},
    }
    return made | changes


def line(quantity: int = 2, placed: int | None = None, prorated: int = 5400) -> dict[str, Any]:
    return {
        "updatedAt": text(NOW),
        "quantity": quantity,
        "orderPlacedQuantity": quantity if placed is None else placed,
        "unitPriceWithTax": 5400,
        "proratedUnitPriceWithTax": prorated,
        "linePriceWithTax": 5400 * quantity,
        "proratedLinePriceWithTax": prorated * quantity,
        "productVariant": {"productId": "2"},
    }


def customer(number: int, **changes: Any) -> dict[str, Any]:
    made = {"id": str(number), "emailAddress": f"c{number}@example.test", "updatedAt": text(NOW)}
    return made | changes


def product(number: int, **changes: Any) -> dict[str, Any]:
    """A product of two variants, 9 and 4 of which are free to be sold."""
    at = text(NOW)
    variants = [
        {
            "enabled": True,
            "updatedAt": at,
            "priceWithTax": price,
            "currencyCode": "USD",
            "trackInventory": "INHERIT",
            "stockLevels": [{"stockOnHand": 10, "stockAllocated": taken, "updatedAt": at}],
        }
        for price, taken in ((3600, 1), (1080, 6))
    ]
    made: dict[str, Any] = {
        "id": str(number),
        "name": f"P{number}",
        "enabled": True,
        "updatedAt": at,
        "collections": [],
        "facetValues": [{"name": "Tea"}],
        "variants": variants,
    }
    return made | changes


def message(type_: str, data: Any, **changes: Any) -> bytes:
    told = {"type": type_, "version": 1, "timestamp": text(NOW), "data": data}
    return json.dumps(told | changes).encode()


def signed(body: bytes) -> Webhook:
    headers = standard_headers(SECRET, "msg_1", NOW, body)
    return Webhook(headers, body, NOW)
