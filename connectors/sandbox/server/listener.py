"""The store's HTTP side: keys, rate limit, faults, and the ledger beside every admin write."""

from __future__ import annotations

import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.sandbox.server.faults import Fault
from connectors.sandbox.server.limits import Bucket
from connectors.sandbox.server.routes import Call, House, handler
from connectors.sandbox.server.shelves import Document, Refused

_RESULTS: Final = {200: "done", 201: "created", 202: "done", 409: "exists"}


class StoreServer(ThreadingHTTPServer):
    """Listens for one store.

    Parameters
    ----------
    address
        Host and port; port 0 takes a free one.
    house
        The store.
    key
        The admin API's bearer token.
    bucket
        Its rate limit.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], house: House, key: str, bucket: Bucket) -> None:
        super().__init__(address, StoreHandler)
        self.house = house
        self.key = key
        self.bucket = bucket

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about callers that hang up."""


class StoreHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: StoreServer
    protocol_version = "HTTP/1.1"
    wbufsize: ClassVar[int] = -1
    disable_nagle_algorithm: ClassVar[bool] = True
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: the ledger remembers."""

    def handle_one(self) -> None:
        """Answer a request of any method."""
        parts = urlsplit(self.path)
        body = self._body()
        fault = self.server.house.faults.take(self.command, parts.path)
        if fault is not None and fault.kind != "lost_reply":
            self._write_down(parts.path, body, 0)
            self._misbehave(fault)
            return
        status, answer, headers = self._answer(parts.path, dict(parse_qsl(parts.query)), body)
        self._write_down(parts.path, body, status)
        if fault is not None:
            self.close_connection = True
            return
        self._reply(status, json.dumps(answer).encode(), headers)

    do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - the base class names them

    def _answer(
        self, path: str, query: dict[str, str], body: Document | None
    ) -> tuple[int, Any, dict[str, str]]:
        headers: dict[str, str] = {}
        try:
            if path.startswith("/admin/"):
                self._require_key()
                left, wait = self.server.bucket.take()
                headers["x-ratelimit-remaining"] = str(left)
                if wait:
                    return 429, {"error": "slow down"}, {**headers, "retry-after": f"{wait:.3f}"}
            found, keys = handler(self.command, path)
            call = Call(tuple(unquote(each) for each in keys), query, _required(body))
            status, answer = found(self.server.house, call)
        except Refused as refusal:
            return refusal.status, {"error": refusal.reason}, headers
        except (KeyError, TypeError, ValueError, AttributeError):
            return 422, {"error": "the document is not what this address takes"}, headers
        return status, answer, headers

    def _require_key(self) -> None:
        claimed = self.headers.get("authorization", "").encode()
        if not hmac.compare_digest(claimed, f"Bearer {self.server.key}".encode()):
            raise Refused(401, "a bearer token of this store is required")

    def _body(self) -> Document | None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        try:
            document = json.loads(raw) if raw else {}
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def _write_down(self, path: str, body: Document | None, status: int) -> None:
        if self.command == "GET" or not path.startswith("/admin/"):
            return
        kind, key = _named(self.command, path, body or {})
        result = _RESULTS.get(status, "refused") if status else "faulted"
        details: Document = {"status": status}
        if kind == "coupon":
            details["marker"] = (body or {}).get("note", "")
            details["customer"] = (body or {}).get("customer_id", "")
        self.server.house.ledger.write(kind, key, result, details)

    def _misbehave(self, fault: Fault) -> None:
        if fault.kind == "status":
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            self._reply(fault.status, b'{"error": "as ordered"}', headers)
        elif fault.kind == "timeout":
            time.sleep(fault.seconds)
            self.close_connection = True
        elif fault.kind == "html":
            self._reply(200, b"<html><h1>Be back soon</h1></html>", {"content-type": "text/html"})
        else:
            self.close_connection = True
            self._reply(200, b'{"half": ', {"content-length": "1000"})

    def _reply(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        given = {"content-type": "application/json", "content-length": str(len(raw)), **headers}
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


def _required(body: Document | None) -> Document:
    if body is None:
        raise Refused(400, "body: expected a JSON object")
    return body


def _named(method: str, path: str, body: Document) -> tuple[str, str]:
    parts = [unquote(each) for each in path.split("/")[2:]]
    kind = parts[0].removesuffix("s")
    if kind == "coupon":
        return ("revoke", parts[1]) if method == "DELETE" else ("coupon", str(body.get("code", "")))
    if len(parts) > 2:  # noqa: PLR2004 - /admin/customers/ID/tags/NAME and its like
        return parts[2].removesuffix("s"), "/".join([parts[1], *parts[3:]])
    return kind, str(body.get("id") or body.get("token") or body.get("url") or "")
