"""One call to the Admin API: a GraphQL document in, a typed answer or one of our errors out."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

import httpx
import msgspec

from connectors.client import Answer, PlatformClient
from connectors.decoding import joined, mistake
from connectors.errors import AccessDenied, PlatformError, PlatformUnavailable, RequestRefused
from connectors.protocol import StoreConfig
from connectors.vendure.queries import LOGIN

T = TypeVar("T")
PATH: Final = "/admin-api"
_TOKEN: Final = "vendure-auth-token"  # noqa: S105 - the header's name
_DENIED: Final = frozenset({"FORBIDDEN", "UNAUTHORIZED", "UNAUTHENTICATED"})
# What our own words caused; everything else that the server says of itself may pass.
_REFUSED: Final = frozenset(
    {
        "BAD_USER_INPUT",
        "CHANNEL_NOT_FOUND",
        "ENTITY_NOT_FOUND",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "ILLEGAL_OPERATION",
        "USER_INPUT_ERROR",
    }
)


class _Problem(msgspec.Struct, frozen=True):
    message: str = ""
    extensions: dict[str, Any] = {}


class _Body(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    errors: tuple[_Problem, ...] = ()


@dataclass
class Session:
    """The bearer token of a login, shared by the calls to one store."""

    token: str = field(default="", repr=False)
    lock: Lock = field(default_factory=Lock, repr=False)


@dataclass(frozen=True)
class Admin:
    """The Admin API of one store: by its API key, else by logging in."""

    store: StoreConfig
    http: httpx.Client = field(repr=False)
    session: Session = field(default_factory=Session, repr=False)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a document and return its ``data``.

        Raises
        ------
        AccessDenied
            The key, the login or a permission does not suffice.
        RequestRefused
            The store understood and said no, with its reason.
        PlatformUnavailable, RateLimited
            As :meth:`connectors.client.PlatformClient.request`; an error of the server itself and
            an answer that is no GraphQL answer are ``PlatformUnavailable``.
        """
        if self.store.secrets.get("api_key"):
            headers = {"vendure-api-key": self.store.secrets["api_key"]}
            return self._data(self._send(query, variables, headers))
        token = self.session.token or self._login("")
        try:
            return self._data(self._send(query, variables, _bearer(token)))
        except AccessDenied:
            # A session ends without a word; if the new one is denied too, it is the permission.
            renewed = self._login(token)
        return self._data(self._send(query, variables, _bearer(renewed)))

    def one(self, data: dict[str, Any], name: str, kind: type[T]) -> T:
        """A field of an answer, typed.

        Raises
        ------
        PlatformUnavailable
            If it is something else; says where.
        """
        try:
            return msgspec.convert(data.get(name), type=kind)
        except msgspec.ValidationError as error:
            place, reason = mistake(error)
        problem = f"unreadable answer: {joined(name, place)}: {reason}"
        raise PlatformUnavailable(problem, **self.place)

    def done(self, data: dict[str, Any], name: str) -> None:
        """Let a mutation's answer pass unless it is one of Vendure's ``ErrorResult``.

        Raises
        ------
        RequestRefused
            With the code and the words of the store.
        """
        result = data.get(name)
        if isinstance(result, dict) and result.get("errorCode"):
            reason = f"{result['errorCode']}: {result.get('message', '')}"
            raise self.refusal(reason)

    def refusal(self, reason: str) -> RequestRefused:
        """An error that says what the store, or we in its place, refused."""
        return RequestRefused(f"the store refused: {reason[:300]}", **self.place)

    @property
    def place(self) -> dict[str, Any]:
        """Where calls go, for errors."""
        return {"store": self.store.id, "method": "POST", "path": self._path}

    @property
    def _path(self) -> str:
        return self.store.options.get("admin_path") or PATH

    def _send(self, query: str, variables: dict[str, Any], headers: dict[str, str]) -> Answer:
        channel = self.store.options.get("channel_token")
        given = {**headers, **({"vendure-token": channel} if channel else {})}
        document = {"query": query, "variables": variables, "operationName": _operation(query)}
        try:
            answer = PlatformClient(self.store, self.http, given).request(
                "POST", self._path, json=document
            )
        except RequestRefused as refusal:
            raise _explained(refusal) from None
        if answer.status >= httpx.codes.BAD_REQUEST:
            problem = "refused"
            raise RequestRefused(problem, **self.place, status=answer.status)
        return answer

    def _data(self, answer: Answer) -> dict[str, Any]:
        try:
            body = msgspec.convert(answer.body, type=_Body)
        except msgspec.ValidationError:
            body = _Body()
        if body.errors:
            raise self._failure(body.errors[0])
        if body.data is None:
            problem = "unreadable answer: expected data of GraphQL"
            raise PlatformUnavailable(problem, **self.place)
        return body.data

    def _failure(self, problem: _Problem) -> PlatformError:
        code = str(problem.extensions.get("code", ""))
        if code in _DENIED:
            reason = "the API key, its role's permissions or the login do not suffice"
            return AccessDenied(reason, **self.place)
        if code in _REFUSED:
            return self.refusal(f"{code}: {problem.message}")
        return PlatformUnavailable(f"the store failed ({code or 'no code'})", **self.place)

    def _login(self, stale: str) -> str:
        with self.session.lock:
            if self.session.token and self.session.token != stale:
                return self.session.token
            names = ("username", "password")
            given = {name: self.store.secrets.get(name, "") for name in names}
            if not all(given.values()):
                problem = "expected the secret api_key, or username and password"
                raise AccessDenied(problem, **self.place)
            answer = self._send(LOGIN, given, {})
            result = self._data(answer).get("login")
            if isinstance(result, dict) and result.get("errorCode"):
                problem = f"login: {result['errorCode']}"
                raise AccessDenied(problem, **self.place)
            token = answer.headers.get(_TOKEN, "")
            if not token:
                problem = f"no {_TOKEN} header: tokenMethod of the store lacks 'bearer'"
                raise AccessDenied(problem, **self.place)
            self.session.token = token
            return token


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _operation(query: str) -> str:
    return query.split(None, 2)[1].partition("(")[0]


def _explained(refusal: RequestRefused) -> RequestRefused:
    hints = {
        httpx.codes.BAD_REQUEST: (
            "not of this store's schema: expected Vendure 3, and custom fields of customers "
            "that have the names in the options attributes, consents and recommendations"
        ),
        httpx.codes.NOT_FOUND: "no Admin API there: see the url and the option admin_path",
    }
    hint = hints.get(httpx.codes(refusal.status)) if refusal.status else None
    if hint is None:
        return refusal
    return RequestRefused(
        hint,
        store=refusal.store,
        method=refusal.method,
        path=refusal.path,
        status=refusal.status,
    )
