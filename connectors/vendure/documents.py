"""Vendure's JSON as the Admin API answers it and as the plugin sends it. Amounts are integers.

Both doors use the same names, so that one order is the same order by either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Quantity = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class DiscountDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one promotion took off an order: ``PROMOTION:id`` and a negative amount."""

    adjustment_source: str
    amount_with_tax: int


class AppliedDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A promotion that an order met the conditions of; it need not have discounted anything."""

    id: Name
    coupon_code: str | None = None


class VariantDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The variant of a line; what we follow is its product."""

    product_id: Name


class LineDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line. ``prorated`` prices are after every discount, the others before."""

    updated_at: Time
    quantity: Quantity
    order_placed_quantity: Quantity = 0
    unit_price_with_tax: int
    prorated_unit_price_with_tax: int
    line_price_with_tax: int
    prorated_line_price_with_tax: int
    product_variant: VariantDocument


class RefundDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Money given back of one payment."""

    id: Name
    state: str
    total: int
    shipping: int = 0
    created_at: Time
    updated_at: Time


class PaymentDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A payment. It stays ``Settled`` when it is refunded."""

    state: str
    amount: int
    updated_at: Time
    refunds: tuple[RefundDocument, ...] = ()


class PersonDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whom an order belongs to; a guest has an id here too."""

    id: Name
    email_address: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order, which is a cart as long as it is ``active``."""

    id: Name
    code: Name
    state: str
    active: bool
    created_at: Time
    updated_at: Time
    order_placed_at: Time | None = None
    currency_code: str
    total_with_tax: int
    discounts: tuple[DiscountDocument, ...] = ()
    promotions: tuple[AppliedDocument, ...] = ()
    lines: tuple[LineDocument, ...] = ()
    payments: tuple[PaymentDocument, ...] | None = None
    customer: PersonDocument | None = None


class CustomerDocument(PersonDocument, frozen=True, kw_only=True, rename="camel"):
    """A customer. ``deleted_at`` is said by the plugin alone."""

    updated_at: Time
    deleted_at: Time | None = None
    custom_fields: dict[str, Any] | None = None


class StockDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much of a variant lies in one place, and how much of it is promised."""

    stock_on_hand: int
    stock_allocated: int
    updated_at: Time


class OfferedDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A variant of a product in the catalogue."""

    enabled: bool
    updated_at: Time
    price_with_tax: int
    currency_code: str
    track_inventory: Literal["TRUE", "FALSE", "INHERIT"] = "INHERIT"
    stock_levels: tuple[StockDocument, ...] = ()


class NamedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Anything of which only the name matters."""

    name: str


class ProductDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product with its variants. ``is_tracked`` is the store's own setting, said beside it."""

    id: Name
    name: str
    enabled: bool
    updated_at: Time
    collections: tuple[NamedDocument, ...] = ()
    facet_values: tuple[NamedDocument, ...] = ()
    variants: tuple[OfferedDocument, ...] = ()
    is_tracked: bool = True


class SettingsDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The store's settings: whether stock is kept of variants that do not say so themselves."""

    track_inventory: bool = True


class ChangedVariantDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A variant that changed, and whose it is."""

    id: Name
    updated_at: Time
    product_id: Name


class ChangedDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product that the plugin names and leaves the reading to us, unless it is deleted."""

    id: Name
    name: str = ""
    deleted_at: Time | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook of the plugin: what changed, when it was noticed, and what it is now."""

    type: str
    version: int
    timestamp: Time
    data: msgspec.Raw


class ArgumentDocument(msgspec.Struct, frozen=True):
    """One argument of a promotion's condition or action; ``value`` is JSON, ids are bare."""

    name: str
    value: str


class OperationDocument(msgspec.Struct, frozen=True):
    """A condition or an action of a promotion, as it is read."""

    code: str
    args: tuple[ArgumentDocument, ...] = ()


class PromotionDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A promotion. Our marker stands in its description."""

    id: Name
    enabled: bool
    description: str = ""
    coupon_code: str | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None
    per_customer_usage_limit: int | None = None
    usage_limit: int | None = None
    conditions: tuple[OperationDocument, ...] = ()
    actions: tuple[OperationDocument, ...] = ()


class GroupDocument(msgspec.Struct, frozen=True):
    """A group of customers."""

    id: Name
    name: str = ""


class MemberDocument(msgspec.Struct, frozen=True):
    """A customer and the groups that hold them."""

    id: Name
    groups: tuple[GroupDocument, ...] = ()


class ChannelDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What we need to know of the channel that we speak with."""

    code: str
    default_currency_code: str
    default_language_code: str
    prices_include_tax: bool = False


class Items(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: tuple[T, ...] = ()


class CountDocument(msgspec.Struct, frozen=True, rename="camel"):
    """How long a list is."""

    total_items: int
