"""A webhook out is signed so that its receiver can prove it, and its address is not told."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from connectors.errors import PlatformError, RequestRefused
from connectors.generic.outgoing import Outgoing, Target, outgoing_body, post_webhook
from connectors.signatures import require_standard

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
TARGET = Target("s", "https://hooks.example/T0K3N?x=hush", "whsec_c2VjcmV0")
MESSAGE = Outgoing("msg_1", "coupon.pushed", NOW, {"code": "A"})


def test_the_receiver_can_prove_it() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        post_webhook(http, TARGET, MESSAGE, NOW)
    assert seen[0].content == outgoing_body(MESSAGE)
    require_standard([TARGET.secret], seen[0].headers, seen[0].content, NOW)


@pytest.mark.parametrize("status", [302, 400, 409, 410, 422, 500, 429])
def test_a_failure_tells_the_host_only(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    with httpx.Client(transport=transport) as http, pytest.raises(PlatformError) as caught:
        post_webhook(http, TARGET, MESSAGE, NOW)
    assert "POST hooks.example: " in str(caught.value)
    assert "hush" not in str(caught.value) + repr(TARGET)
    assert "T0K3N" not in str(caught.value) + repr(TARGET)


def test_an_address_must_be_one() -> None:
    with httpx.Client() as http, pytest.raises(RequestRefused):
        post_webhook(http, Target("s", "javascript:alert(1)", "k"), MESSAGE, NOW)
