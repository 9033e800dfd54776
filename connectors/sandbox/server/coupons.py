"""The store's coupons: made once, for one customer, used once, by the rules they carry."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from connectors.sandbox.server.clock import normalised
from connectors.sandbox.server.shelves import Document, Refused, Shelves

_CENT = Decimal("0.01")
_DATES = ("starts_at", "ends_at")
_AMOUNTS = ("value", "minimum_spend", "maximum_discount")


def create(shelves: Shelves, document: Document) -> Document:
    """Put a new code on the shelf; codes are compared without regard to case.

    Raises
    ------
    Refused
        409 if the code exists, 422 if its terms make no sense or its customer is unknown.
    """
    coupon = _checked(document)
    key = str(coupon["code"]).casefold()
    with shelves.lock:
        if key in shelves.coupons:
            raise Refused(409, "the code exists")
        if coupon["customer_id"] not in shelves.kinds["customers"]:
            raise Refused(422, "customer_id: no such customer")
        shelves.coupons[key] = coupon
    return coupon


def one(shelves: Shelves, code: str) -> Document:
    """A coupon by its code.

    Raises
    ------
    Refused
        404 if there is none.
    """
    found = shelves.coupons.get(code.casefold())
    if found is None:
        raise Refused(404, "no such code")
    return found


def disable(shelves: Shelves, code: str) -> Document:
    """Make a code unusable; it stays on the shelf."""
    coupon = one(shelves, code)
    coupon["is_disabled"] = True
    return coupon


def redeem(shelves: Shelves, code: str, order: Document, gross: Decimal) -> Decimal:
    """Use a code on an order and return what it takes off.

    Raises
    ------
    Refused
        422 with the rule that forbids it.
    """
    coupon = one(shelves, code)
    customer = (order.get("customer") or {}).get("id")
    placed = order["created_at"]
    broken = {
        "is disabled": coupon["is_disabled"],
        "was used": coupon["used"] > 0,
        "belongs to another customer": coupon["customer_id"] != customer,
        "is not valid yet": placed < coupon["starts_at"],
        "has expired": placed >= coupon["ends_at"],
        "needs a larger order": gross < Decimal(coupon["minimum_spend"]),
    }
    for rule, is_broken in broken.items():
        if is_broken:
            raise Refused(422, f"coupon: {rule}")
    coupon["used"] += 1
    coupon["order_id"] = order["id"]
    return _discount(coupon, gross)


def _discount(coupon: Document, gross: Decimal) -> Decimal:
    value = Decimal(coupon["value"])
    off = gross * value / 100 if coupon["type"] == "percentage" else value
    most = coupon["maximum_discount"]
    if most is not None:
        off = min(off, Decimal(most))
    return min(off, gross).quantize(_CENT, ROUND_HALF_EVEN)


def _checked(document: Document) -> Document:
    coupon: Document = {
        "minimum_spend": "0",
        "maximum_discount": None,
        "note": "",
        "title": "",
        **document,
        "used": 0,
        "is_disabled": False,
    }
    for name in ("code", "customer_id", "type", "value", *_DATES):
        if not coupon.get(name):
            raise Refused(422, f"{name}: required")
    if coupon["type"] not in {"percentage", "amount"}:
        raise Refused(422, "type: expected percentage or amount")
    for name in _DATES:
        coupon[name] = _date(name, coupon[name])
    for name in _AMOUNTS:
        _amount(name, coupon[name])
    if coupon["ends_at"] <= coupon["starts_at"]:
        raise Refused(422, "ends_at: expected a time after starts_at")
    return coupon


def _date(name: str, value: Any) -> str:
    try:
        return normalised(str(value))
    except ValueError:
        raise Refused(422, f"{name}: expected a time") from None


def _amount(name: str, value: Any) -> None:
    try:
        is_right = value is None or (Decimal(str(value)).is_finite() and Decimal(str(value)) >= 0)
    except InvalidOperation:
        is_right = False
    if not is_right:
        raise Refused(422, f"{name}: expected an amount")
