"""One call to a platform: every outcome becomes an answer or an error of :mod:`connectors.errors`.

Nothing leaves for another host than the store's own, redirects are not followed, and no error
carries a query, a header or a body: secrets and addresses live there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, TypedDict
from urllib.parse import unquote, urlencode

import httpx
import msgspec

from connectors.addresses import STRICT, Guard, NoSuchHost, PrivateHost
from connectors.errors import (
    AccessDenied,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    RequestRefused,
)
from connectors.pinning import pin
from connectors.protocol import StoreConfig

LONGEST_ANSWER: Final = 32 * 1024 * 1024  # bytes
DEADLINE: Final = 30.0  # seconds for one whole call, trickling bodies included
LONGEST_WAIT: Final = 3600.0  # seconds of Retry-After that we believe
LEFT_TO_CALLER: Final = frozenset({409, 422})
_TRY_AGAIN: Final = frozenset({302, 303, 307, 408, 425})


class Answer(msgspec.Struct, frozen=True):
    """What a platform answered: its status (2xx, 409 or 422), JSON (None: empty) and headers."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class PlatformClient:
    """The calls to one store, through the ``httpx.Client`` that was handed in.

    Attributes
    ----------
    store
        Whose host every call goes to.
    http
        Shared by many stores; holds the connections.
    headers
        Sent with every call (credentials). Never shown.
    """

    store: StoreConfig
    http: httpx.Client = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and read its JSON answer.

        Parameters
        ----------
        method, path
            The path is joined to the store's url and begins with one slash.
        params
            The query.
        json
            The body, encoded as JSON; None sends none.
        form
            The body in its stead, encoded as a web form (RFC 6749 asks for tokens so).

        Raises
        ------
        PlatformUnavailable
            Network, time-out, 5xx, a body that stops half-way or is not JSON.
        RateLimited
            429, with the wait it asks for.
        AccessDenied
            401 or 403, or a store in a private network that the client does not allow.
        RequestRefused
            Any other 4xx except 409 and 422, which come back as an answer.
        """
        place = _Place(store=self.store.id, method=method, path=path)
        kind, content = _encoded(json, form)
        request = self.http.build_request(
            method,
            _address(self.store.url, place),
            params=dict(params) if params else None,
            content=content,
            headers={**self.headers, "accept": "application/json", **kind},
        )
        status, answered, raw = _send(self.http, request, place)
        return Answer(status, _decoded(raw, place, status), answered)


def _encoded(json: Any, form: Mapping[str, str] | None) -> tuple[dict[str, str], bytes | None]:
    """A body with the header that names its kind; neither where nothing is sent."""
    if form is not None:
        return {"content-type": "application/x-www-form-urlencoded"}, urlencode(form).encode()
    if json is not None:
        return {"content-type": "application/json"}, msgspec.json.encode(json)
    return {}, None


class Message(NamedTuple):
    """A body for somebody else's address."""

    url: str
    content: bytes
    headers: Mapping[str, str]


def post_message(
    http: httpx.Client, message: Message, *, store: str, guard: Guard = STRICT
) -> None:
    """Post a message, expecting no more than a 2xx.

    Errors name the host only: the rest of such an address is often a secret. Redirects are refused.

    Raises
    ------
    PlatformError
        As :meth:`PlatformClient.request`; 409, 422 and 3xx are ``RequestRefused`` here, and so is
        a host in a private network that the guard does not allow.
    """
    place = _Place(store=store, method="POST", path=_host(message.url, store))
    request = _pinned(http, message, guard, place)
    try:
        status, _, _ = _send(http, request, place)
    except PlatformUnavailable as error:
        if httpx.codes.is_redirect(error.status):
            raise _redirected(error.status, place) from None
        raise
    if status in LEFT_TO_CALLER:
        raise _failure(status, {}, place)


def _pinned(http: httpx.Client, message: Message, guard: Guard, place: _Place) -> httpx.Request:
    request = http.build_request(
        "POST",
        message.url,
        content=message.content,
        # Its connection is nobody else's: another name at this address is another machine to TLS.
        headers={**message.headers, "connection": "close"},
    )
    try:
        pin(request, guard)
    except PrivateHost as error:
        raise RequestRefused(str(error), **place) from None
    except NoSuchHost as error:
        raise PlatformUnavailable(str(error), **place) from None
    return request


class _Place(TypedDict):
    store: str
    method: str
    path: str


def _host(url: str, store: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        problem = "address: expected http(s)://host/…"
        raise RequestRefused(problem, store=store, method="POST")
    return parsed.host


def _address(base: str, place: _Place) -> httpx.URL:
    host = _host(base, place["store"])
    path = place["path"]
    is_plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    # Looked at before httpx resolves such steps silently.
    if not is_plain or "?" in path or ".." in unquote(path).split("/"):
        problem = "path: expected one leading slash, no query, and to stay in the store"
        raise RequestRefused(problem, **place)
    url = httpx.URL(base.rstrip("/") + path)
    if url.host != host:
        problem = "path leads away from the store"
        raise RequestRefused(problem, **place)
    return url


def _send(
    http: httpx.Client, request: httpx.Request, place: _Place
) -> tuple[int, Mapping[str, str], bytes]:
    problem = ""
    try:
        response = http.send(request, stream=True, follow_redirects=False)
        try:
            raw = _whole_body(response)
        finally:
            response.close()
    except PrivateHost as error:  # of a client that pins
        raise AccessDenied(str(error), **place) from None
    except NoSuchHost as error:
        problem = str(error)
    except httpx.TimeoutException:
        problem = "no answer in time"
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        problem = f"no readable answer ({type(error).__name__})"
    # Raised outside the handler: what httpx says may quote an address with its query.
    if problem:
        raise PlatformUnavailable(problem, **place)
    _raise_for(response, place)
    return response.status_code, response.headers, raw


def _whole_body(response: httpx.Response) -> bytes:
    started = time.monotonic()
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            problem = "answer too long"
            raise httpx.DecodingError(problem)
        if time.monotonic() - started > DEADLINE:
            problem = "answer took too long"
            raise httpx.ReadTimeout(problem)
    return b"".join(parts)


def _raise_for(response: httpx.Response, place: _Place) -> None:
    status = response.status_code
    if response.is_success or status in LEFT_TO_CALLER:
        return
    raise _failure(status, response.headers, place)


def _failure(status: int, headers: Mapping[str, str], place: _Place) -> PlatformError:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited(retry_after(headers), **place)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN or status < 200:  # noqa: PLR2004 - 1xx has no name of its own
        error = PlatformUnavailable("the store is not answering", **place, status=status)
        error.retry_after = retry_after(headers)
        return error
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return AccessDenied("credentials or scopes do not suffice", **place, status=status)
    if httpx.codes.is_redirect(status):
        return _redirected(status, place)
    return RequestRefused("refused", **place, status=status)


def _redirected(status: int, place: _Place) -> RequestRefused:
    problem = "redirects are not followed: expected the final address"
    return RequestRefused(problem, **place, status=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After``: a number, or a date read against the answer's ``Date``.

    At most ``LONGEST_WAIT``; None where the header lacks or cannot be read. RFC 9110, 10.2.3.
    """
    said = headers.get("retry-after", "").strip()
    try:
        wait = float(said)
    except ValueError:
        try:
            until, now = (parsedate_to_datetime(each) for each in (said, headers.get("date", "")))
            wait = (until - now).total_seconds()
        except (ValueError, TypeError):
            return None
    # A NaN compares false with everything.
    return min(max(wait, 0.0), LONGEST_WAIT) if wait == wait else None  # noqa: PLR0124 - see above


def _decoded(raw: bytes, place: _Place, status: int) -> Any:
    if not raw.strip():
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = "answer is not JSON"
    raise PlatformUnavailable(problem, **place, status=status)
