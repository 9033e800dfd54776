"""Codes in the stand-in: what Shopify refuses of them, and how it keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.connectors.shopify.shelves import Node, Shelves, stamp


def create_code(shelves: Shelves, wanted: dict[str, Any]) -> Node:
    """``discountCodeBasicCreate``, with the errors that were recorded of it."""
    problem = _problem(shelves, wanted)
    if problem:
        place, message, code = problem
        return _refusal(["basicCodeDiscount", place], message, code)
    number = shelves.number()
    node = {
        "__typename": "DiscountCodeNode",
        "id": f"gid://shopify/DiscountCodeNode/{number}",
        "code": wanted["code"],
        "codeDiscount": _discount(shelves, wanted),
    }
    shelves.codes[node["id"]] = node
    return {"codeDiscountNode": node, "userErrors": []}


def find_code(shelves: Shelves, code: str) -> Node | None:
    """Whatever the case it is typed in."""
    same = (each for each in shelves.codes.values() if each["code"].lower() == code.lower())
    return next(same, None)


def deactivate_code(shelves: Shelves, gid: str, now: datetime) -> Node:
    node = shelves.codes.get(gid)
    if node is None:
        return _refusal(["id"], "Code discount does not exist.", "INVALID")
    node["codeDiscount"] |= {"endsAt": stamp(now), "status": "EXPIRED"}
    return {"codeDiscountNode": node, "userErrors": []}


def _problem(shelves: Shelves, wanted: dict[str, Any]) -> tuple[str, str, str] | None:
    code, percentage = wanted.get("code") or "", wanted["customerGets"]["value"].get("percentage")
    people = wanted["context"]["customers"]["add"]
    checks = [
        (not code.strip(), ("code", "Code can't be blank", "BLANK")),
        (len(code) > 255, ("code", "Code is too long (maximum is 255 characters)", "TOO_LONG")),
        (
            find_code(shelves, code) is not None,
            ("code", "Code must be unique. Please try a different code.", "TAKEN"),
        ),
        (not wanted.get("title"), ("title", "Title can't be blank", "BLANK")),
        (len(wanted.get("title") or "") > 255, ("title", "Title is too long", "TOO_LONG")),
        (not wanted.get("startsAt"), ("startsAt", "Starts at can't be blank", "BLANK")),
        (
            _at(wanted["endsAt"]) <= _at(wanted["startsAt"]),
            ("endsAt", "Ends at needs to be after starts_at", "INVALID"),
        ),
        (
            percentage is not None and not 0 <= percentage <= 1,
            ("customerGets", "Value must be between 0.0 and 1.0", "VALUE_OUTSIDE_RANGE"),
        ),
        (
            any(each not in shelves.customers for each in people),
            ("context", "Customer is invalid", "INVALID"),
        ),
    ]
    return next((told for is_wrong, told in checks if is_wrong), None)


def _discount(shelves: Shelves, wanted: dict[str, Any]) -> Node:
    people = [shelves.customers[each] for each in wanted["context"]["customers"]["add"]]
    least = (wanted.get("minimumRequirement") or {}).get("subtotal")
    return {
        "__typename": "DiscountCodeBasic",
        "title": wanted["title"],
        "status": "ACTIVE",
        "startsAt": stamp(_at(wanted["startsAt"])),
        "endsAt": stamp(_at(wanted["endsAt"])),
        "usageLimit": wanted.get("usageLimit"),
        "appliesOncePerCustomer": wanted["appliesOncePerCustomer"],
        "codesCount": {"count": 1, "precision": "EXACT"},
        "context": {"__typename": "DiscountCustomers", "customers": people},
        "customerGets": {
            "items": {"__typename": "AllDiscountItems", "allItems": True},
            "value": _value(wanted["customerGets"]["value"], shelves.currency),
        },
        "minimumRequirement": least
        and {
            "__typename": "DiscountMinimumSubtotal",
            "greaterThanOrEqualToSubtotal": {
                "amount": _written(least["greaterThanOrEqualToSubtotal"]),
                "currencyCode": shelves.currency,
            },
        },
    }


def _value(wanted: dict[str, Any], currency: str) -> Node:
    if wanted.get("percentage") is not None:
        return {"__typename": "DiscountPercentage", "percentage": wanted["percentage"]}
    amount = {"amount": _written(wanted["discountAmount"]["amount"]), "currencyCode": currency}
    each = wanted["discountAmount"]["appliesOnEachItem"]
    return {"__typename": "DiscountAmount", "amount": amount, "appliesOnEachItem": each}


def _written(amount: str) -> str:
    """As Shopify writes amounts back: 20.00 comes as 20.0."""
    return str(float(amount))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _refusal(place: list[str], message: str, code: str) -> Node:
    error = {
        "__typename": "DiscountUserError",
        "field": place,
        "message": message,
        "code": code,
        "extraInfo": None,
    }
    return {"codeDiscountNode": None, "userErrors": [error]}
