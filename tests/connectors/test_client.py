"""One call: where it may go, and what of it may be told."""

from __future__ import annotations

import httpx
import pytest

from connectors.client import PlatformClient, retry_after
from connectors.errors import PlatformError, PlatformUnavailable, RequestRefused
from connectors.protocol import StoreConfig

STORE = StoreConfig("s", "x", "https://shop.example/base/", "EUR", secrets={"token": "hush"})


def client(response: httpx.Response) -> PlatformClient:
    transport = httpx.MockTransport(lambda _: response)
    return PlatformClient(STORE, httpx.Client(transport=transport), {"x-token": "hush"})


def test_an_answer_comes_with_status_and_headers() -> None:
    answer = client(httpx.Response(409, json={"a": 1}, headers={"x-left": "3"})).request(
        "GET", "/a"
    )
    assert (answer.status, answer.body, answer.headers["x-left"]) == (409, {"a": 1}, "3")
    assert client(httpx.Response(204)).request("DELETE", "/a").body is None


@pytest.mark.parametrize(
    "path", ["a", "//evil.example/a", "/../a", "/a/%2e%2e/b", "/\\evil", "/a?token=1", ""]
)
def test_a_path_stays_in_the_store(path: str) -> None:
    with pytest.raises(RequestRefused):
        client(httpx.Response(200)).request("GET", path)


@pytest.mark.parametrize("path", ["@evil.example/", ":1@evil.example/"])
def test_a_path_is_not_a_host(path: str) -> None:
    store = StoreConfig("s", "x", "https://shop.example", "EUR")
    there = PlatformClient(
        store, httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    )
    with pytest.raises(RequestRefused):
        there.request("GET", path)


@pytest.mark.parametrize(
    "url", ["", "shop.example", "ftp://shop.example", "http://", "file:///etc"]
)
def test_a_store_has_an_address(url: str) -> None:
    store = StoreConfig("s", "x", url, "EUR")
    with httpx.Client() as http, pytest.raises(RequestRefused, match="expected http"):
        PlatformClient(store, http).request("GET", "/a")


@pytest.mark.invariant("I8")
def test_nothing_secret_is_told() -> None:
    failing = client(httpx.Response(500, text="hush"))
    with pytest.raises(PlatformError) as caught:
        failing.request("GET", "/a", params={"token": "hush"}, json={"t": "hush"})
    assert str(caught.value) == "store s: GET /a: the store is not answering (status 500)"
    assert "hush" not in repr(failing) + repr(vars(caught.value))


def test_an_answer_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.client.LONGEST_ANSWER", 10)
    with pytest.raises(PlatformUnavailable):
        client(httpx.Response(200, json=["x" * 20])).request("GET", "/a")


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", 120.0),
        ("-5", 0.0),
        ("nan", None),
        ("inf", 3600.0),
        ("soon", None),
        ("", None),
        ("Tue, 01 Sep 2026 08:01:00 GMT", 60.0),
        ("Tue, 01 Sep 2026 07:00:00 GMT", 0.0),
    ],
)
def test_the_wait_is_seconds_or_a_date(said: str, wait: float | None) -> None:
    headers = httpx.Headers({"retry-after": said, "date": "Tue, 01 Sep 2026 08:00:00 GMT"})
    assert retry_after(headers) == wait


def test_a_date_without_a_clock_is_no_wait() -> None:
    assert retry_after({"retry-after": "Tue, 01 Sep 2026 08:01:00 GMT"}) is None
