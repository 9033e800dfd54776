from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.events import Event, event_id
from connectors.records import Cart
from worker.tracking import is_claim

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLAIM = Event(
    id=event_id("shop", "page_viewed", NOW, "1"),
    store="shop",
    type="page_viewed",
    at=NOW,
    received_at=NOW,
    source="browser",
    identities=(("anonymous_id", "visitor"), ("cart", "cart-1")),
)


def test_somebody_unnamed_who_looks_around_is_a_claim() -> None:
    assert is_claim(CLAIM)


@pytest.mark.parametrize(
    "more",
    [
        {"source": "server"},
        {"type": "order_updated"},
        {"type": "customer_erased"},
        {"type": "clock_ticked"},
        {"identities": (("customer_id", "c1"),)},
        {"identities": (("email", "a@example.org"),)},
        {"personal": {"email": "a@example.org"}},
        {"body": Cart(token="cart-1", updated_at=NOW)},
    ],
)
@pytest.mark.invariant("I11")
def test_whatever_says_more_is_none(more: dict[str, Any]) -> None:
    assert not is_claim(msgspec.structs.replace(CLAIM, **more))
