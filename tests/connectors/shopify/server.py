"""A stand-in for a Shopify shop: real HTTP, Shopify's own schema, and every trouble on request.

``with serving() as server`` gives one that listens on the loopback; ``server.config()`` is the
configuration of a store that speaks with it.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from connectors.protocol import StoreConfig
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.query_cost import query_cost
from tests.connectors.shopify.resolvers import Shop, answered

CLIENT_ID = "app-client-id"
CLIENT_SECRET = "shpss_test_client_secret"
TOKEN = "token"
_OPERATION = re.compile(r"(?:query|mutation) (\w+)")


@dataclass
class Fault:
    """Trouble with some calls.

    Attributes
    ----------
    operation
        Which document (its name), ``token`` for the access token; empty: any document.
    kind
        ``status``, ``html``, ``empty``, ``half``, ``slow``, ``lost_reply``, ``errors``,
        ``throttled``, ``no_data``.
    times
        How many calls it spoils.
    code, message
        Of an entry of ``errors``.
    """

    kind: str
    operation: str = ""
    times: int = 1_000_000
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    code: str = "INTERNAL_SERVER_ERROR"
    message: str = "Something went wrong"
    seconds: float = 5.0


@dataclass
class Till:
    """The bucket of points, as Shopify keeps it."""

    maximum: float = 2000.0
    rate: float = 100.0
    left: float = 2000.0
    at: float = field(default_factory=time.monotonic)

    def status(self) -> dict[str, float]:
        now = time.monotonic()
        self.left = min(self.left + (now - self.at) * self.rate, self.maximum)
        self.at = now
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": self.left,
            "restoreRate": self.rate,
        }


@dataclass
class Server:
    """The stand-in, its shop and the record of what it was asked."""

    shop: Shop = field(default_factory=Shop)
    till: Till = field(default_factory=Till)
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    throttled: int = 0
    token_seconds: float = 86_399.0
    tokens: dict[str, float] = field(default_factory=dict)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def config(self, **changes: Any) -> StoreConfig:
        given: dict[str, Any] = {
            "id": "shop",
            "platform": "shopify",
            "url": self.url,
            "currency": "EUR",
            "options": {"shop_domain": self.shop.domain},
            "secrets": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        }
        return StoreConfig(**(given | changes))

    def count(self, operation: str) -> int:
        """How often a document (or ``token``) was asked."""
        return sum(name == operation for name, _ in self.asked)

    def fault(self, kind: str, **details: Any) -> None:
        self.faults.append(Fault(kind, **details))

    def next_fault(self, operation: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                fits = fault.operation in {operation, "" if operation != TOKEN else TOKEN}
                if fits and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def token_answer(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        given = tuple(form.get(name, [""])[0] for name in ("client_id", "client_secret"))
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        if given != (CLIENT_ID, CLIENT_SECRET):
            return 400, {"error": "application_cannot_be_found"}
        token = f"shpat_{len(self.tokens):032d}"
        self.tokens[token] = time.monotonic() + self.token_seconds
        scope = ",".join(sorted(self.shop.granted))
        return 200, {
            "access_token": token,
            "scope": scope,
            "expires_in": self.token_seconds,
        }

    def graphql_answer(self, body: dict[str, Any]) -> tuple[int, Any]:
        text, variables = body["query"], body.get("variables") or {}
        with self.lock:
            cost = query_cost(schema(), text, variables)
            status = self.till.status()
            if cost > 1000:
                code = {"code": "MAX_COST_EXCEEDED"}
                return 200, {"errors": [{"message": "Too expensive", "extensions": code}]}
            if cost > status["currentlyAvailable"]:
                self.throttled += 1
                return 200, throttled(cost, status)
            self.till.left -= cost
            said: dict[str, Any] = {"requestedQueryCost": cost, "actualQueryCost": cost}
            said["throttleStatus"] = self.till.status()
            return 200, answered(self.shop, text, variables) | {"extensions": {"cost": said}}


def throttled(cost: float, status: dict[str, float]) -> dict[str, Any]:
    """What Shopify answers, with 200, to what it has no points for."""
    said = {"requestedQueryCost": cost, "actualQueryCost": None, "throttleStatus": status}
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return {"errors": [error], "extensions": {"cost": said}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_POST(self) -> None:
        shop = self.server.standin
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/admin/oauth/access_token":
            self.answer(shop, TOKEN, parse_qs(raw.decode()))
        elif re.fullmatch(r"/admin/api/[0-9]{4}-[0-9]{2}/graphql\.json", self.path):
            self.ask(shop, json.loads(raw))
        else:
            self.send(404, json.dumps({"errors": "Not Found"}).encode())

    def ask(self, shop: Server, body: dict[str, Any]) -> None:
        token = self.headers.get("x-shopify-access-token", "")
        if shop.tokens.get(token, 0.0) < time.monotonic():
            problem = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            self.send(401, json.dumps({"errors": problem}).encode())
            return
        found = _OPERATION.search(body["query"])
        self.answer(shop, found[1] if found else "", body)

    def answer(self, shop: Server, operation: str, body: dict[str, Any]) -> None:
        shop.asked.append((operation, body.get("variables", {})))
        fault = shop.next_fault(operation)
        if fault is not None and fault.kind != "lost_reply":
            self.spoil(shop, fault)
            return
        make = shop.token_answer if operation == TOKEN else shop.graphql_answer
        status, said = make(body)
        if fault is None:
            self.send(status, json.dumps(said).encode())
        else:
            self.close_connection = True

    def spoil(self, shop: Server, fault: Fault) -> None:
        match fault.kind:
            case "status":
                self.send(fault.status, b'{"errors":"no"}', headers=fault.headers)
            case "html":
                self.send(200, b"<h1>Back soon</h1>", "text/html")
            case "empty":
                self.send(200, b"")
            case "no_data":
                self.send(200, b'{"data":null}')
            case "half":
                self.send(200, b'{"data":{"shop":', declared=5_000)
                self.close_connection = True
            case "slow":
                time.sleep(fault.seconds)
                self.close_connection = True
            case "throttled":
                with shop.lock:
                    said = throttled(250, shop.till.status() | {"currentlyAvailable": 50})
                self.send(200, json.dumps(said).encode())
            case "errors":
                error = {"message": fault.message, "extensions": {"code": fault.code}}
                self.send(200, json.dumps({"errors": [error]}).encode())
            case _:
                raise NotImplementedError(fault.kind)

    def send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        *,
        headers: dict[str, str] | None = None,
        declared: int | None = None,
    ) -> None:
        self.server.standin.statuses.append(status)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body) if declared is None else declared))
        self.send_header("x-shopify-api-version", self.server.standin.shop.version)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, standin: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.standin = standin


@contextmanager
def serving(server: Server | None = None) -> Iterator[Server]:
    """A stand-in that answers until the block ends."""
    standin = server or Server()
    listener = _Listener(standin)
    standin.url = f"http://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield standin
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
