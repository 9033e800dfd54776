"""What we write into a shop: personal codes, tags, and recommendations as a metafield.

Every push can be repeated: a code that exists is read back and compared, tags ignore what is there
already, a metafield is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from connectors.errors import Conflict, PlatformUnavailable
from connectors.protocol import StoreConfig
from connectors.records import Coupon, Membership, Recommendation
from connectors.shopify import mutations, queries
from connectors.shopify.admin import Admin
from connectors.shopify.codes import FoundCode, discount_input, is_marked, is_number, is_same
from connectors.shopify.faults import NotThere
from connectors.shopify.nodes import UserError
from connectors.shopify.queries import Operation
from connectors.shopify.setting import may_exceed_maximum

NAMESPACE: Final = "$app:shoal"
KEY: Final = "recommendations"
_LONGEST_TAG: Final = 255
_MOST_PRODUCTS: Final = 128
# The definition stands already, or the metafields came before it.
_DEFINED: Final = frozenset({"TAKEN", "UNSTRUCTURED_ALREADY_EXISTS"})


class _Outcome(msgspec.Struct, frozen=True, rename="camel"):
    user_errors: tuple[UserError, ...] = ()


class _CodeAnswer(msgspec.Struct, frozen=True):
    found: FoundCode | None = msgspec.field(name="codeDiscountNodeByCode")


@dataclass(slots=True)
class Shelf:
    """Whether this process has seen to it that storefronts may show our metafield."""

    is_defined: bool = False


def push_coupon(admin: Admin, coupon: Coupon) -> None:
    """Make the code; if it is taken, see whether it is ours and the same.

    Raises
    ------
    Conflict
        If the code exists with other terms or without our marker.
    RequestRefused
        If the shop refuses it, or cannot do what the coupon asks.
    PlatformError
        As any call.
    """
    _require_customer(admin, coupon.customer_id, mutations.CREATE_CODE)
    problem = unfit(admin.store, coupon)
    if problem:
        raise admin.refused(mutations.CREATE_CODE, problem)
    errors = _written(admin, mutations.CREATE_CODE, {"input": discount_input(coupon)})
    if not errors:
        return
    if all(each.code != "TAKEN" for each in errors):
        raise admin.refused(mutations.CREATE_CODE, str(errors[0]))
    found = _found(admin, coupon.code)
    if found is None:
        problem = f"coupon {coupon.code!r} is taken and yet not to be found"
        raise PlatformUnavailable(problem, **admin.place())
    if not is_same(found.code_discount, coupon):
        problem = f"coupon {coupon.code!r} exists with other terms or without our marker"
        raise Conflict(problem, **admin.place())


def revoke_coupon(admin: Admin, code: str, marker: str) -> None:
    """Deactivate our code. It stays on record, so a late push cannot make it anew.

    Raises
    ------
    Conflict
        If it does not carry our marker.
    PlatformError
        As any call.
    """
    found = _found(admin, code)
    if found is None:
        return
    if not is_marked(found.code_discount, marker):
        problem = f"coupon {code!r} does not carry our marker"
        raise Conflict(problem, **admin.place())
    if found.code_discount.status == "EXPIRED":
        return
    errors = _written(admin, mutations.DEACTIVATE_CODE, {"id": found.id})
    if errors and "does not exist" not in errors[0].message:
        raise admin.refused(mutations.DEACTIVATE_CODE, str(errors[0]))


def push_membership(admin: Admin, membership: Membership) -> None:
    """Set or drop one tag. Whoever is gone has no tags, so dropping one of theirs is done.

    Raises
    ------
    RequestRefused
        If it cannot be a tag, the customer has 250 already, or there is no such customer.
    PlatformError
        As any call.
    """
    operation = mutations.ADD_TAGS if membership.is_member else mutations.REMOVE_TAGS
    _require_customer(admin, membership.customer_id, operation)
    name = membership.name.strip()
    if not name or len(name) > _LONGEST_TAG or "," in name:
        problem = f"tag {name[:40]!r}: expected 1 to {_LONGEST_TAG} characters and no comma"
        raise admin.refused(operation, problem)
    variables = {"id": _customer(membership.customer_id), "tags": [name]}
    try:
        errors = _written(admin, operation, variables)
    except NotThere:
        if membership.is_member:
            raise
        return
    if errors and (membership.is_member or "exist" not in errors[0].message):
        raise admin.refused(operation, str(errors[0]))


def push_recommendation(admin: Admin, shelf: Shelf, recommendation: Recommendation) -> None:
    """Put products into the customer's metafield, best first, in the place of what was there.

    Raises
    ------
    RequestRefused
        If there is no such customer or one of the products.
    PlatformError
        As any call.
    """
    _require_customer(admin, recommendation.customer_id, mutations.SET_METAFIELDS)
    strange = [each for each in recommendation.products if not is_number(each)]
    if strange:
        problem = f"product {strange[0][:40]!r}: expected Shopify's number"
        raise admin.refused(mutations.SET_METAFIELDS, problem)
    if not shelf.is_defined:
        _define(admin)
        shelf.is_defined = True
    wanted = [_metafield(recommendation, KEY, "list.product_reference", _products(recommendation))]
    if recommendation.campaign:
        text = recommendation.campaign
        wanted.append(_metafield(recommendation, "campaign", "single_line_text_field", text))
    errors = _written(admin, mutations.SET_METAFIELDS, {"metafields": wanted})
    if errors:
        raise admin.refused(mutations.SET_METAFIELDS, str(errors[0]))


def _define(admin: Admin) -> None:
    definition = {
        "ownerType": "CUSTOMER",
        "namespace": NAMESPACE,
        "key": KEY,
        "name": "Recommended products",
        "type": "list.product_reference",
        "access": {"storefront": "PUBLIC_READ"},
    }
    errors = _written(admin, mutations.DEFINE_METAFIELD, {"definition": definition})
    refused = [each for each in errors if each.code not in _DEFINED]
    if refused:
        raise admin.refused(mutations.DEFINE_METAFIELD, str(refused[0]))


def _metafield(recommendation: Recommendation, key: str, kind: str, value: str) -> dict[str, str]:
    owner = _customer(recommendation.customer_id)
    return {"ownerId": owner, "namespace": NAMESPACE, "key": key, "type": kind, "value": value}


def _products(recommendation: Recommendation) -> str:
    shown = recommendation.products[:_MOST_PRODUCTS]
    return msgspec.json.encode([f"gid://shopify/Product/{each}" for each in shown]).decode()


def _written(
    admin: Admin, operation: Operation, variables: Mapping[str, Any]
) -> tuple[UserError, ...]:
    """Run a mutation with one root field; what the shop has against it."""
    outcomes = admin.run(operation, variables, dict[str, _Outcome])
    if not outcomes:
        problem = f"{operation.name}: unreadable answer: data: expected an outcome"
        raise PlatformUnavailable(problem, **admin.place())
    return next(iter(outcomes.values())).user_errors


def _found(admin: Admin, code: str) -> FoundCode | None:
    return admin.run(queries.FIND_CODE, {"code": code}, _CodeAnswer).found


def unfit(store: StoreConfig, coupon: Coupon) -> str:
    """Why Shopify cannot keep a coupon's terms; empty if it can."""
    is_bounded = coupon.percent_off is not None and coupon.maximum_discount is not None
    if not is_bounded or may_exceed_maximum(store):
        return ""
    return (
        "Shopify cannot bound what a percentage takes off: give the coupon amount_off, or no "
        "maximum_discount, or the store the option maximum_discount=ignore"
    )


def _require_customer(admin: Admin, customer_id: str, operation: Operation) -> None:
    if not is_number(customer_id):
        raise admin.refused(operation, "customer: expected Shopify's number as id")


def _customer(customer_id: str) -> str:
    return f"gid://shopify/Customer/{customer_id}"
