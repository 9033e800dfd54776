"""The sandbox's JSON as it stands on the wire. Amounts are decimal text, times RFC 3339."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from connectors.records import OrderStatus

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Quantity = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class LineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order or cart; ``price`` is of one piece."""

    product_id: Name
    quantity: Quantity
    price: Decimal


class ShopDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says of itself."""

    name: Name
    currency: str
    time_zone: str


class TargetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An address that every webhook goes to."""

    url: Name


class TargetsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All of them."""

    items: tuple[TargetDocument, ...]


class RemovedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many went."""

    removed: int


class PersonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an order or cart belongs to. A guest has no id."""

    id: Name | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An order. ``total`` is what was paid, after the discount."""

    id: Name
    status: OrderStatus
    currency: str
    created_at: Time
    updated_at: Time
    lines: tuple[LineDocument, ...] = ()
    discount: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    coupons: tuple[str, ...] = ()
    cart_token: str | None = None
    payment: Literal["card", "cash_on_delivery"] = "card"
    is_test: bool = False
    customer: PersonDocument | None = None


class RefundDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back for an order."""

    id: Name
    order_id: Name | None = None
    currency: str
    amount: Decimal
    created_at: Time
    updated_at: Time
    is_void: bool = False
    customer: PersonDocument | None = None


class CustomerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's account."""

    id: Name
    updated_at: Time
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birthday: str | None = None
    time_zone: str | None = None
    accepts: dict[str, bool] = {}
    is_suppressed: bool | None = None
    fields: dict[str, Any] = {}
    tags: tuple[str, ...] = ()


class ProductDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue entry."""

    id: Name
    updated_at: Time
    title: str = ""
    price: Decimal = Decimal(0)
    currency: str = ""
    category: str = ""
    stock: int | None = None
    is_available: bool = True


class CartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A cart or a checkout. ``visitor`` is the storefront's anonymous id."""

    token: Name
    updated_at: Time
    currency: str = ""
    lines: tuple[LineDocument, ...] = ()
    is_checkout: bool = False
    visitor: str | None = None
    customer: PersonDocument | None = None


class CouponDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A personal single-use code. ``note`` is free text: our marker stands there."""

    code: Name
    customer_id: Name
    type: Literal["percentage", "amount"]
    value: Decimal
    currency: str
    starts_at: Time
    ends_at: Time
    minimum_spend: Decimal = Decimal(0)
    maximum_discount: Decimal | None = None
    note: str = ""
    title: str = ""
    is_disabled: bool = False


class ChangedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that names what changed and leaves the reading to us."""

    resource: Literal["order", "refund", "customer", "product", "cart"]
    id: Name
    updated_at: Time


class MergeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Two customers became one: ``previous_id`` yields to ``id``."""

    id: Name
    previous_id: Name
    updated_at: Time


class RedactionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The store asks for a person to be forgotten."""

    id: Name | None = None
    email: str | None = None
    requested_at: Time


class PageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list."""

    items: tuple[msgspec.Raw, ...]
    next: str | None = None
