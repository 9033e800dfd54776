"""Which permissions an API key has: Vendure tells that to administrators only, so each is tried."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.errors import AccessDenied, PlatformUnavailable, RequestRefused
from connectors.vendure.admin import Admin

_NOBODY: Final = "-1"  # an id that nothing has: permissions are judged before it is looked for


class Permission(msgspec.Struct, frozen=True):
    """One permission that we need, what fails without it, and a question that changes nothing."""

    name: str
    without: str
    question: str


def _listing(of: str) -> str:
    return f"query Probe {{ {of}(options: {{take: 1}}) {{ totalItems }} }}"


def _writing(field: str) -> str:
    return f"mutation Probe {{ {field} }}"


# CreateCustomerGroup is needed too; trying it would make a group.
PERMISSIONS: Final = (
    Permission("ReadCatalog", "products and stock", _listing("products")),
    Permission("ReadOrder", "orders, carts and refunds", _listing("orders")),
    Permission("ReadCustomer", "customers", _listing("customers")),
    Permission("ReadCustomerGroup", "segments and coupons", _listing("customerGroups")),
    Permission("ReadPromotion", "coupons", _listing("promotions")),
    Permission(
        "UpdateCustomerGroup",
        "segments and coupons",
        _writing(f'updateCustomerGroup(input: {{id: "{_NOBODY}"}}) {{ id }}'),
    ),
    Permission(
        "CreatePromotion",
        "coupons",
        _writing(
            "createPromotion(input: {enabled: false, conditions: [], actions: [], "
            "translations: []}) { __typename }"
        ),
    ),
    Permission(
        "UpdatePromotion",
        "revoking coupons",
        _writing(f'updatePromotion(input: {{id: "{_NOBODY}"}}) {{ __typename }}'),
    ),
    Permission(
        "DeletePromotion",
        "taking back a coupon that was made twice",
        _writing(f'deletePromotion(id: "{_NOBODY}") {{ result }}'),
    ),
    Permission(
        "UpdateCustomer",
        "recommendations",
        _writing(f'updateCustomer(input: {{id: "{_NOBODY}"}}) {{ __typename }}'),
    ),
)


def is_granted(admin: Admin, permission: Permission) -> bool:
    """Whether the credentials have a permission."""
    try:
        admin.ask(permission.question)
    except AccessDenied:
        return False
    except (RequestRefused, PlatformUnavailable):
        # It got as far as looking for what is not there.
        return permission.question.startswith("mutation")
    return True
