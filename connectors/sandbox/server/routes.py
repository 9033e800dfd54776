"""What each address does. Every write of the admin API goes into the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from connectors.sandbox.server import coupons, orders
from connectors.sandbox.server.faults import Faults
from connectors.sandbox.server.ledger import Ledger
from connectors.sandbox.server.outbound import Webhooks
from connectors.sandbox.server.shelves import KINDS, LONGEST_PAGE, Document, Refused, Shelves
from connectors.sandbox.server.storefront import Storefront


@dataclass(frozen=True)
class House:
    """The store's parts."""

    shelves: Shelves
    ledger: Ledger
    faults: Faults
    webhooks: Webhooks
    storefront: Storefront


@dataclass(frozen=True)
class Call:
    """One request: the parts of its path that matter, its query and its JSON."""

    keys: tuple[str, ...]
    query: dict[str, str]
    body: Document


Answer = tuple[int, Any]
Handler = Callable[[House, Call], Answer]


def handler(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """What answers a request, and the variable parts of its path.

    Raises
    ------
    Refused
        404 if nothing does.
    """
    for wanted, pattern, found in _ROUTES:
        match = pattern.fullmatch(path)
        if match and wanted == method:
            return found, match.groups()
    raise Refused(404, "no such address")


def _page(house: House, call: Call) -> Answer:
    limit = int(call.query.get("limit", LONGEST_PAGE))
    since, cursor = call.query.get("updated_since", ""), call.query.get("cursor", "")
    return 200, house.shelves.page(call.keys[0], since, cursor, limit)


def _one(house: House, call: Call) -> Answer:
    return 200, house.shelves.one(call.keys[0], call.keys[1])


def _put(house: House, call: Call) -> Answer:
    kind = call.keys[0]
    if kind == "orders":
        document = orders.place(house.shelves, call.body)
    elif kind == "refunds":
        document = orders.refund(house.shelves, call.body)
    else:
        document = house.shelves.put(kind, call.body)
    topic = "checkout" if document.get("is_checkout") else kind.removesuffix("s")
    verb = "created" if kind in {"orders", "refunds"} else "updated"
    house.webhooks.announce(f"{topic}.{verb}", document)
    return 201, document


def _import(house: House, call: Call) -> Answer:
    count = 0
    for kind in KINDS:
        for document in call.body.get(kind, []):
            house.shelves.put(kind, document)
            count += 1
    return 201, {"imported": count}


def _change_order(house: House, call: Call) -> Answer:
    key, verb = call.keys
    status = {"pay": "paid", "cancel": "cancelled", "authorize": "authorized"}[verb]
    order = orders.change(house.shelves, key, status, call.body.get("updated_at"))
    topic = {"pay": "order.paid", "cancel": "order.cancelled"}.get(verb, "order.updated")
    house.webhooks.announce(topic, order)
    return 200, order


def _touch(house: House, call: Call) -> Answer:
    resource, key = str(call.body.get("resource")), str(call.body.get("id"))
    document = house.shelves.one(f"{resource}s", key)
    short = {"resource": resource, "id": key, "updated_at": document["updated_at"]}
    house.webhooks.announce("resource.changed", short)
    return 202, short


def _create_coupon(house: House, call: Call) -> Answer:
    return 201, coupons.create(house.shelves, call.body)


def _coupon(house: House, call: Call) -> Answer:
    return 200, coupons.one(house.shelves, call.keys[0])


def _disable_coupon(house: House, call: Call) -> Answer:
    return 200, coupons.disable(house.shelves, call.keys[0])


def _tag(house: House, call: Call) -> Answer:
    return 200, {"tags": _tagged(house, call, is_member=True)}


def _untag(house: House, call: Call) -> Answer:
    return 200, {"tags": _tagged(house, call, is_member=False)}


def _tagged(house: House, call: Call, *, is_member: bool) -> list[str]:
    key, name = call.keys
    with house.shelves.lock:
        customer = house.shelves.one("customers", key)
        others = {each for each in customer.get("tags", []) if each != name}
        customer["tags"] = sorted(others | {name} if is_member else others)
        return list(customer["tags"])


def _recommend(house: House, call: Call) -> Answer:
    customer = house.shelves.one("customers", call.keys[0])
    house.shelves.recommendations[customer["id"]] = call.body
    return 200, call.body


def _register(house: House, call: Call) -> Answer:
    url = str(call.body.get("url", ""))
    if not url.startswith(("http://", "https://")):
        raise Refused(422, "url: expected http(s)://…")
    if url not in house.webhooks.targets:
        house.webhooks.targets.append(url)
    return 201, {"url": url}


def _registered(house: House, call: Call) -> Answer:
    del call
    return 200, {"items": [{"url": url} for url in house.webhooks.targets]}


def _unregister(house: House, call: Call) -> Answer:
    url = str(call.body.get("url", ""))
    known = url in house.webhooks.targets
    if known:
        house.webhooks.targets.remove(url)
    return 200, {"removed": int(known)}


def _introduce(house: House, call: Call) -> Answer:
    del call
    told = {"name": "A sandbox", "currency": house.shelves.currency, "time_zone": "Europe/Berlin"}
    return 200, told


def _shown(house: House, call: Call) -> Answer:
    key = call.keys[0]
    with house.shelves.lock:
        mine = [each for each in house.shelves.coupons.values() if each["customer_id"] == key]
    return 200, {
        "coupons": [each["code"] for each in mine if not each["is_disabled"]],
        "recommendations": house.shelves.recommendations.get(key),
    }


def _checkout(house: House, call: Call) -> Answer:
    order = orders.place(house.shelves, {**call.body, "status": "paid"})
    house.webhooks.announce("order.created", order)
    return 201, order


def _browse(house: House, call: Call) -> Answer:
    return 202, {"sent": house.storefront.browse(call.body)}


def _join(house: House, call: Call) -> Answer:
    house.storefront.join(call.body)
    return 200, {"url": house.storefront.url}


def _ledger(house: House, call: Call) -> Answer:
    del call
    return 200, house.ledger.summary()


def _coupons(house: House, call: Call) -> Answer:
    del call
    with house.shelves.lock:
        return 200, {"items": list(house.shelves.coupons.values())}


def _deliveries(house: House, call: Call) -> Answer:
    del call
    return 200, {**dict.fromkeys(("pending", "delivered", "failed"), 0), **house.webhooks.counts}


def _faults(house: House, call: Call) -> Answer:
    house.faults.order(call.body)
    return 201, {}


def _no_faults(house: House, call: Call) -> Answer:
    del call
    house.faults.clear()
    return 200, {}


_KIND: Final = f"({'|'.join(KINDS)})"
_ROUTES: Final[list[tuple[str, re.Pattern[str], Handler]]] = [
    (method, re.compile(pattern), found)
    for method, pattern, found in (
        ("GET", f"/admin/{_KIND}", _page),
        ("GET", f"/admin/{_KIND}/([^/]+)", _one),
        ("POST", f"/admin/{_KIND}", _put),
        ("POST", "/admin/orders/([^/]+)/(pay|cancel|authorize)", _change_order),
        ("POST", "/admin/import", _import),
        ("POST", "/admin/touch", _touch),
        ("POST", "/admin/coupons", _create_coupon),
        ("GET", "/admin/coupons", _coupons),
        ("GET", "/admin/coupons/([^/]+)", _coupon),
        ("DELETE", "/admin/coupons/([^/]+)", _disable_coupon),
        ("PUT", "/admin/customers/([^/]+)/tags/([^/]+)", _tag),
        ("DELETE", "/admin/customers/([^/]+)/tags/([^/]+)", _untag),
        ("PUT", "/admin/customers/([^/]+)/recommendations", _recommend),
        ("GET", "/admin/shop", _introduce),
        ("POST", "/admin/webhooks", _register),
        ("GET", "/admin/webhooks", _registered),
        ("DELETE", "/admin/webhooks", _unregister),
        ("GET", "/storefront/customers/([^/]+)", _shown),
        ("POST", "/storefront/checkout", _checkout),
        ("POST", "/storefront/browse", _browse),
        ("POST", "/_shoal", _join),
        ("GET", "/_ledger", _ledger),
        ("GET", "/_webhooks", _deliveries),
        ("POST", "/_faults", _faults),
        ("DELETE", "/_faults", _no_faults),
    )
]
