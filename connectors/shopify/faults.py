"""What the ``errors`` of an answer say, without repeating what they quote."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from connectors.errors import RateLimited, RequestRefused

THROTTLED: Final = "THROTTLED"
DENIED: Final = frozenset({"ACCESS_DENIED", "UNAUTHORIZED", "FORBIDDEN", "SHOP_INACTIVE"})
PASSING: Final = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})
# Statuses that concern the whole shop, not one request.
CLOSED: Final = {
    402: "the shop is frozen: its owner has a bill to pay",
    404: "nothing answers there: expected the shop's own NAME.myshopify.com",
    423: "the shop is locked by Shopify",
}
# Level 2 of Shopify's protected customer data: null until the app is approved for them.
PERSONAL: Final = frozenset(
    {
        "email",
        "phone",
        "firstName",
        "lastName",
        "emailAddress",
        "phoneNumber",
        "defaultEmailAddress",
        "defaultPhoneNumber",
        "defaultAddress",
    }
)
_SCOPE: Final = re.compile(r"\b(?:read|write)_[a-z_]+\b")


class OutOfPoints(RateLimited):
    """The points for a document are not there yet; ``retry_after`` says when they will be."""


class NotThere(RequestRefused):
    """What a call names does not exist in the shop."""


class TooMuch(RequestRefused):
    """A document costs more than the shop answers at once."""


REFUSALS: Final[dict[str, type[RequestRefused]]] = {
    "RESOURCE_NOT_FOUND": NotThere,
    "MAX_COST_EXCEEDED": TooMuch,
}


class Fault(msgspec.Struct, frozen=True):
    """One error: its code in capitals (empty: none was given) and what may be told of it."""

    code: str
    text: str


def first_fault(body: dict[str, Any], withheld: dict[str, str]) -> Fault | None:
    """The first error that spoils an answer; None if there is none.

    Personal fields that are refused alone spoil nothing: they are null, and noted in ``withheld``.
    """
    errors = body.get("errors")
    if not errors:
        return None
    listed = errors if isinstance(errors, list) else [errors]
    for error in listed:
        if not isinstance(error, dict):
            return Fault("", "refused without a code")
        fault = _fault(error)
        name = _last_of(error)
        if body.get("data") and fault.code == "ACCESS_DENIED" and name in PERSONAL:
            withheld[name] = "the app is not approved for protected customer data"
            continue
        return fault
    return None


def _fault(error: dict[str, Any]) -> Fault:
    extensions = error.get("extensions")
    code = str(extensions.get("code", "")) if isinstance(extensions, dict) else ""
    message = str(error.get("message", ""))
    path = error.get("path")
    steps = [str(step) for step in path if isinstance(step, str)] if isinstance(path, list) else []
    told = [code[:60] or "refused", ".".join(steps)[:200]]
    scopes = ", ".join(dict.fromkeys(_SCOPE.findall(message)))
    if scopes:
        told.append(f"needs the scope {scopes}")
    elif "protected" in message.lower() or "not approved" in message.lower():
        told.append("needs Shopify's approval for protected customer data")
    return Fault(code.upper(), ": ".join(each for each in told if each))


def _last_of(error: dict[str, Any]) -> str:
    path = error.get("path")
    names = [step for step in path if isinstance(step, str)] if isinstance(path, list) else []
    return names[-1] if names else ""
