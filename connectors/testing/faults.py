"""What trouble with the platform becomes."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import pytest

from connectors.errors import (
    AccessDenied,
    Permanent,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Retriable,
)
from connectors.protocol import SupportsCoupons
from connectors.testing.stage import Stage, require_no_secret

_WAIT: Final = 7  # seconds that the suite's store asks for


def _timeout(request: httpx.Request) -> httpx.Response:
    message = "silence"
    raise httpx.ReadTimeout(message, request=request)


def _refused(request: httpx.Request) -> httpx.Response:
    message = "nobody there"
    raise httpx.ConnectError(message, request=request)


def _half(request: httpx.Request) -> httpx.Response:
    message = "peer closed connection"
    raise httpx.RemoteProtocolError(message, request=request)


def _html(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html="<h1>Back soon</h1>", request=request)


def _answering(status: int) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"retry-after": str(_WAIT)}
        return httpx.Response(status, json={"error": "no"}, headers=headers, request=request)

    return answer


FAULTS: Final[dict[str, Callable[[httpx.Request], httpx.Response]]] = {
    "timeout": _timeout,
    "refused": _refused,
    "half": _half,
    "html": _html,
    **{str(status): _answering(status) for status in (401, 403, 429, 500, 503)},
}


class FaultContract:
    """What trouble with the platform becomes."""

    @pytest.mark.parametrize("fault", ["timeout", "refused", "half", "html", "500", "503"])
    def test_silence_and_nonsense_are_unavailable(self, stage: Stage, fault: str) -> None:
        """Each worth another try."""
        assert isinstance(_trouble(stage, FAULTS[fault]), PlatformUnavailable)

    def test_a_rate_limit_says_how_long(self, stage: Stage) -> None:
        """429 with ``Retry-After``."""
        error = _trouble(stage, FAULTS["429"])
        assert isinstance(error, RateLimited)
        assert error.retry_after == _WAIT

    @pytest.mark.parametrize("fault", ["401", "403"])
    def test_a_closed_door_is_access_denied(self, stage: Stage, fault: str) -> None:
        """Which pauses the store."""
        assert isinstance(_trouble(stage, FAULTS[fault]), AccessDenied)

    def test_a_redirect_is_not_followed(self, stage: Stage) -> None:
        """Our credentials go to the store's own host and nowhere else."""
        hosts: set[str] = set()

        def redirect(request: httpx.Request) -> httpx.Response:
            hosts.add(request.url.host)
            return httpx.Response(302, headers={"location": "https://elsewhere.example/"})

        assert isinstance(_trouble(stage, redirect), Retriable | Permanent)
        assert hosts == {httpx.URL(stage.store.url).host}

    @pytest.mark.parametrize("fault", ["timeout", "refused", "half", "html", "500", "429", "401"])
    def test_no_secret_in_any_error(self, stage: Stage, fault: str) -> None:
        """Neither in its words nor in its traceback."""
        error = _trouble(stage, FAULTS[fault])
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        require_no_secret(told, stage.store)

    def test_no_secret_in_a_repr(self, stage: Stage) -> None:
        """Whatever is printed by accident."""
        require_no_secret(repr(stage.connector) + repr(stage.store), stage.store)


def _trouble(stage: Stage, answer: Callable[[httpx.Request], httpx.Response]) -> PlatformError:
    connector = stage.facing(answer)
    with pytest.raises(PlatformError) as caught:
        list(connector.changes(datetime(2020, 1, 1, tzinfo=UTC)))
    if isinstance(connector, SupportsCoupons) and stage.coupon is not None:
        with pytest.raises(type(caught.value)):
            connector.push_coupon(stage.coupon)
    return caught.value
