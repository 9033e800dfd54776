"""What an answer of another shape becomes: 200 and JSON, but not the JSON that was expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import httpx
import pytest

from connectors.connecting import SupportsResumption, SupportsShopFacts, SupportsSubscriptions
from connectors.errors import PlatformError, PlatformUnavailable
from connectors.protocol import (
    Connector,
    LookUp,
    SupportsCoupons,
    SupportsRecommendations,
    SupportsSegments,
)
from connectors.records import Membership, Recommendation
from connectors.testing.stage import Stage

SHAPES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "object": {"unexpected": {"shape": 1}},
        "list": [{"unexpected": 1}],
        "text": "unexpected",
        "number": 7,
    }
)
_SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
_ADDRESS: Final = "https://shoal.example/webhooks/contract"
_Call = Callable[[], Any]


class ShapeContract:
    """What an answer of another shape becomes."""

    @pytest.mark.parametrize("shape", SHAPES)
    def test_reading_another_shape_is_unavailable(self, stage: Stage, shape: str) -> None:
        """A proxy, a maintenance page in JSON, a newer version: worth another try, no traceback."""
        calls = _readings(stage, _facing(stage, shape))
        met = {verb: _met(call) for verb, call in calls}
        assert not {v: one for v, one in met.items() if not isinstance(one, PlatformUnavailable)}

    @pytest.mark.parametrize("shape", SHAPES)
    def test_writing_meets_another_shape_with_our_errors(self, stage: Stage, shape: str) -> None:
        """Who need not read the answer may be content with a 2xx; nobody raises anything else."""
        calls = _writings(stage, _facing(stage, shape))
        met = {verb: _met(call) for verb, call in calls}
        assert not {v: one for v, one in met.items() if not isinstance(one, PlatformError | None)}


def _met(call: _Call) -> Exception | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which one is what is asked
        return error
    return None


def _facing(stage: Stage, shape: str) -> Connector:
    return stage.facing(lambda request: httpx.Response(200, json=SHAPES[shape], request=request))


def _readings(stage: Stage, connector: Connector) -> Iterator[tuple[str, _Call]]:
    wanted = LookUp("order", stage.order_id, _SINCE)
    yield "changes", lambda: list(connector.changes(_SINCE))
    yield "look_up", lambda: connector.look_up(wanted)
    if isinstance(connector, SupportsShopFacts):
        yield "shop_facts", connector.shop_facts
    if isinstance(connector, SupportsSubscriptions):
        yield "subscriptions", connector.subscriptions
    if isinstance(connector, SupportsResumption):
        yield "stretches", lambda: list(connector.stretches(_SINCE))
        yield "count", lambda: connector.count(_SINCE)


def _writings(stage: Stage, connector: Connector) -> Iterator[tuple[str, _Call]]:
    coupon = stage.coupon
    if isinstance(connector, SupportsSubscriptions):
        yield "subscribe", lambda: connector.subscribe(_ADDRESS)
        yield "unsubscribe", lambda: connector.unsubscribe(_ADDRESS)
    if coupon is None:
        return
    if isinstance(connector, SupportsCoupons):
        yield "push_coupon", lambda: connector.push_coupon(coupon)
        yield "revoke_coupon", lambda: connector.revoke_coupon(coupon.code, coupon.marker)
    if isinstance(connector, SupportsSegments):
        tag = Membership(coupon.customer_id, "shoal:vip")
        yield "push_membership", lambda: connector.push_membership(tag)
    if isinstance(connector, SupportsRecommendations):
        shown = Recommendation(coupon.customer_id, "x", ("1", "2"))
        yield "push_recommendation", lambda: connector.push_recommendation(shown)
