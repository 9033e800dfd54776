"""A small stand-in for Vendure's Admin API, with the traps and the trouble that were seen live.

It knows operations by name, not GraphQL: what it answers has the shape of what a real Vendure 3.7.3
answered (``tests/fixtures/vendure/conversation.json``), and `make test-stores` asks the real one.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

KEY = "the API key"
_numbers = itertools.count()
CHANNEL = {
    "code": "__default_channel__",
    "defaultCurrencyCode": "USD",
    "defaultLanguageCode": "en",
    "pricesIncludeTax": False,
}
CONDITIONS = ["minimum_order_amount", "customer_group"]
ACTIONS = ["order_fixed_discount", "order_percentage_discount"]
Document = dict[str, Any]


FORBIDDEN = "FORBIDDEN"
UNKNOWN = "GRAPHQL_VALIDATION_FAILED"
NO_MEMBER = "USER_INPUT_ERROR"


class Refused(Exception):
    """An error of GraphQL by its code, which Vendure answers with status 200."""


@dataclass(frozen=True)
class Fault:
    """Trouble for the next call of an operation (empty: of any)."""

    kind: str
    operation: str = ""
    status: int = 500
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Shop:
    """What the store holds. Lists are sorted by nothing until they are asked for."""

    orders: list[Document] = field(default_factory=list)
    customers: list[Document] = field(default_factory=list)
    products: list[Document] = field(default_factory=list)
    groups: list[Document] = field(default_factory=list)
    members: dict[str, set[str]] = field(default_factory=dict)
    promotions: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, Document]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=lambda: {KEY})
    has_plugin: bool = True
    between: Callable[[str], None] = lambda _: None

    def answer(self, operation: str, given: Document, *, is_known: bool) -> Document:
        self.calls.append((operation, given))
        handler: Callable[[Document], Document] | None = getattr(self, f"on_{operation}", None)
        if handler is None:
            raise Refused(UNKNOWN)
        if operation in self.denied or not (is_known or operation == "Login"):
            raise Refused(FORBIDDEN)
        answered = handler(given)
        self.between(operation)
        return answered

    def on_Orders(self, given: Document) -> Document:  # noqa: N802 - named after the operation
        return {"orders": {"items": _page(self.orders, given["options"])}}

    def on_Customers(self, given: Document) -> Document:  # noqa: N802 - same
        return {"customers": {"items": _page(self.customers, given["options"])}}

    def on_Products(self, given: Document) -> Document:  # noqa: N802 - same
        found = _page(self.products, given["options"])
        return {"globalSettings": {"trackInventory": True}, "products": {"items": found}}

    def on_Variants(self, given: Document) -> Document:  # noqa: N802 - same
        all_ = [
            {"id": f"{p['id']}{n}", "updatedAt": v["updatedAt"], "productId": p["id"]}
            for p in self.products
            for n, v in enumerate(p["variants"])
        ]
        return {"productVariants": {"items": _page(all_, given["options"])}}

    def on_Counts(self, given: Document) -> Document:  # noqa: N802 - same
        lists = {"products": self.products, "customers": self.customers}
        lists |= {"orders": self.orders, "carts": self.orders}
        return {
            name: {"totalItems": len(_page(lists[name], options | {"take": 10_000}))}
            for name, options in given.items()
        }

    def on_Shop(self, _given: Document) -> Document:  # noqa: N802 - same
        return {"activeChannel": CHANNEL}

    def on_Probe(self, _given: Document) -> Document:  # noqa: N802 - same
        return {}

    def on_Login(self, given: Document) -> Document:  # noqa: N802 - same
        if given != {"username": "shoal", "password": "secret"}:
            wrong = {"errorCode": "INVALID_CREDENTIALS_ERROR", "message": "no"}
            return {"login": {"__typename": "InvalidCredentialsError", **wrong}}
        return {"login": {"__typename": "CurrentUser"}}

    def on_Membership(self, given: Document) -> Document:  # noqa: N802 - same
        named = [each for each in self.groups if each["name"] == given["group"]]
        is_there = any(each["id"] == given["customer"] for each in self.customers)
        of = self.members.get(given["customer"], set())
        groups = [each for each in self.groups if each["id"] in of]
        member = {"id": given["customer"], "groups": groups} if is_there else None
        return {"customerGroups": {"items": named}, "customer": member}

    def on_CreateGroup(self, given: Document) -> Document:  # noqa: N802 - same
        self.groups.append({"id": str(len(self.groups) + 1), "name": given["name"]})
        return {"createCustomerGroup": self.groups[-1]}

    def on_Join(self, given: Document) -> Document:  # noqa: N802 - same
        # Vendure says nothing of a customer who is not there.
        self.members.setdefault(given["customer"], set()).add(given["group"])
        return {"addCustomersToGroup": {"id": given["group"]}}

    def on_Leave(self, given: Document) -> Document:  # noqa: N802 - same
        if given["group"] not in self.members.get(given["customer"], set()):
            raise Refused(NO_MEMBER)
        self.members[given["customer"]].remove(given["group"])
        return {"removeCustomersFromGroup": {"id": given["group"]}}

    def on_Promotions(self, given: Document) -> Document:  # noqa: N802 - same
        ours = ["shoal_customer"] if self.has_plugin else []
        actions = [*ACTIONS, *(["shoal_discount"] if self.has_plugin else [])]
        return {
            "promotions": {
                "items": [each for each in self.promotions if each["couponCode"] == given["code"]]
            },
            "promotionConditions": [{"code": each} for each in (*CONDITIONS, *ours)],
            "promotionActions": [{"code": each} for each in actions],
            "activeChannel": CHANNEL,
        }

    def on_CreatePromotion(self, given: Document) -> Document:  # noqa: N802 - same
        # A code that is taken is taken again.
        wanted = given["input"]
        if not wanted["conditions"] and not wanted.get("couponCode"):
            error = {"errorCode": "MISSING_CONDITIONS_ERROR", "message": "no"}
            return {"createPromotion": {"__typename": "MissingConditionsError", **error}}
        kept = ("enabled", "couponCode", "perCustomerUsageLimit", "usageLimit")
        promotion = {name: wanted[name] for name in kept}
        promotion |= {name: wanted[name] for name in ("startsAt", "endsAt")}
        promotion |= {
            name: [{"code": one["code"], "args": one["arguments"]} for one in wanted[name]]
            for name in ("conditions", "actions")
        }
        promotion["description"] = wanted["translations"][0]["description"]
        promotion["id"] = str(len(self.promotions) + 1)
        self.promotions.append(promotion)
        return {"createPromotion": {"__typename": "Promotion", "id": promotion["id"]}}

    def on_DisablePromotion(self, given: Document) -> Document:  # noqa: N802 - same
        for each in self.promotions:
            if each["id"] == given["id"]:
                each["enabled"] = False
        return {"updatePromotion": {"__typename": "Promotion", "id": given["id"]}}

    def on_DeletePromotion(self, given: Document) -> Document:  # noqa: N802 - same
        self.promotions = [each for each in self.promotions if each["id"] != given["id"]]
        return {"deletePromotion": {"result": "DELETED", "message": None}}

    def on_UpdateCustomer(self, given: Document) -> Document:  # noqa: N802 - same
        for each in self.customers:
            if each["id"] == given["input"]["id"]:
                each["customFields"] = given["input"]["customFields"]
        return {"updateCustomer": {"__typename": "Customer", "id": given["input"]["id"]}}


def _page(entries: list[Document], options: Document) -> list[Document]:
    """Filter, sort and cut as Vendure does: ``after`` and ``before`` leave out what is equal."""
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "eq": lambda value, wanted: value == wanted,
        "notEq": lambda value, wanted: value != wanted,
        "in": lambda value, wanted: value in wanted,
        "after": lambda value, wanted: value is not None and value > wanted,
        "between": lambda value, span: value is not None and span["start"] <= value <= span["end"],
        "before": lambda value, wanted: value is not None and value < wanted,
    }
    found = [
        each
        for each in entries
        if all(
            tests[name](each.get(field_), wanted)
            for field_, operators in options.get("filter", {}).items()
            for name, wanted in operators.items()
        )
    ]
    # Vendure sorts by the schema's first field of several; what is equal stands in any order.
    found.sort(key=lambda each: hash((next(_numbers), each["id"])))
    for field_ in sorted(options.get("sort", {}), key=lambda name: name != "id")[:1]:
        found.sort(key=lambda each: int(each[field_]) if field_ == "id" else each[field_])
    skip = options.get("skip", 0)
    return found[skip : skip + options["take"]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    server: Server

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/admin-api":
            self._reply(404, b"Cannot POST")
            return
        request = json.loads(raw)
        fault = self._fault(request["operationName"])
        if fault is not None and fault.kind != "lost_reply":
            self._misbehave(fault)
            return
        body, headers = self._answer(request["operationName"], request["variables"])
        if fault is not None:
            self.close_connection = True
            return
        self._reply(200, json.dumps(body).encode(), headers)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass

    def _answer(self, operation: str, given: Document) -> tuple[Document, dict[str, str]]:
        try:
            body = {"data": self.server.shop.answer(operation, given, is_known=self._is_known())}
        except Refused as refusal:
            error = {"message": "as Vendure says it", "extensions": {"code": str(refusal)}}
            return {"errors": [error], "data": None}, {}
        if operation == "Login" and body["data"]["login"]["__typename"] == "CurrentUser":
            token = f"session {len(self.server.shop.calls)}"
            self.server.shop.keys = {KEY, token}
            return body, {"vendure-auth-token": token}
        return body, {}

    def _is_known(self) -> bool:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return bool({self.headers.get("vendure-api-key"), bearer} & self.server.shop.keys)

    def _fault(self, operation: str) -> Fault | None:
        for fault in self.server.shop.faults:
            if fault.operation in {"", operation}:
                self.server.shop.faults.remove(fault)
                return fault
        return None

    def _misbehave(self, fault: Fault) -> None:
        if fault.kind == "timeout":
            time.sleep(0.6)
            self.close_connection = True
        elif fault.kind == "html":
            self._reply(200, b"<h1>Be back soon</h1>", {"content-type": "text/html"})
        elif fault.kind == "half_body":
            self.close_connection = True
            self._reply(200, b'{"data": ', {"content-length": "1000"})
        elif fault.kind == "graphql":
            error = {"message": "as ordered", "extensions": {"code": fault.code}}
            self._reply(200, json.dumps({"errors": [error], "data": None}).encode())
        elif fault.kind == "body":
            self._reply(200, fault.code.encode())
        else:
            self._reply(fault.status, b'{"errors": []}', fault.headers)

    def _reply(self, status: int, raw: bytes, headers: dict[str, str] | None = None) -> None:
        given = {"content-type": "application/json", "content-length": str(len(raw))}
        self.send_response(status)
        for name, value in (given | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


class Server(ThreadingHTTPServer):
    """Answers for one shop, or for one after the other."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, shop: Shop) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shop = shop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(shop: Shop) -> Iterator[Server]:
    """A stand-in that answers until the end of the block."""
    server = Server(shop)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
