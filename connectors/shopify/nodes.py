"""What the Admin API answers, as far as we ask. Amounts are decimal text, times RFC 3339 in UTC.

Personal fields are null where the app may not read them; nothing here asks for them to be there.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

from connectors.shopify.documents import Currency, Gid, Quantity, number_of

T = TypeVar("T")
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Node(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One object of the API."""


class Named(_Node, frozen=True, kw_only=True):
    """Anything with a global id."""

    id: Gid

    @property
    def key(self) -> str:
        """The number in the id, which webhooks name it by."""
        return number_of(self.id)


class Money(_Node, frozen=True, kw_only=True):
    """An amount; its currency where we ask for it."""

    amount: Decimal
    currency_code: Currency = ""


class MoneyBag(_Node, frozen=True, kw_only=True):
    """An amount in the shop's currency (the buyer's is not asked for)."""

    shop_money: Money


class PageInfo(_Node, frozen=True, kw_only=True):
    """Whether there is more, and behind what."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Connection(msgspec.Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """One page of a list."""

    nodes: tuple[T, ...]
    page_info: PageInfo = PageInfo()

    @property
    def next(self) -> str | None:
        """The cursor of the next page; None: this was the last."""
        return self.page_info.end_cursor if self.page_info.has_next_page else None


class Consent(_Node, frozen=True, kw_only=True):
    """Consent to one channel."""

    state: str
    updated_at: Time | None = None


class EmailAddress(_Node, frozen=True, kw_only=True):
    """A customer's e-mail address and the consent to write to it."""

    email_address: str
    marketing_state: str = ""
    marketing_updated_at: Time | None = None


class PhoneNumber(_Node, frozen=True, kw_only=True):
    """A customer's phone number and the consents to use it."""

    phone_number: str
    sms_marketing_consent: Consent | None = None
    whats_app_marketing_consent: Consent | None = None


class Address(_Node, frozen=True, kw_only=True):
    """Where somebody lives."""

    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")


class Person(Named, frozen=True, kw_only=True):
    """Whom an order belongs to."""

    first_name: str | None = None
    last_name: str | None = None
    default_email_address: EmailAddress | None = None
    default_phone_number: PhoneNumber | None = None


class CustomerNode(Person, frozen=True, kw_only=True):
    """A customer's account."""

    updated_at: Time
    locale: str | None = None
    state: str | None = None
    verified_email: bool | None = None
    tax_exempt: bool | None = None
    tags: tuple[str, ...] = ()
    default_address: Address | None = None


class PriceRange(_Node, frozen=True, kw_only=True):
    """From the cheapest variant on."""

    min_variant_price: Money


class Variant(_Node, frozen=True, kw_only=True):
    """Whether one variant can be bought now."""

    available_for_sale: bool


class ProductNode(Named, frozen=True, kw_only=True):
    """A product with its stock over all places."""

    updated_at: Time
    title: str
    product_type: str = ""
    status: str = ""
    total_inventory: int = 0
    tracks_inventory: bool = False
    price_range_v2: PriceRange = msgspec.field(name="priceRangeV2")
    variants: Connection[Variant]


class Application(_Node, frozen=True, kw_only=True):
    """What a discount came from; only codes have one."""

    code: str = ""


class Allocation(_Node, frozen=True, kw_only=True):
    """What one discount took off one line."""

    allocated_amount_set: MoneyBag
    discount_application: Application


class LineNode(Named, frozen=True, kw_only=True):
    """One line of an order. ``product`` is null once it is deleted."""

    quantity: Quantity
    current_quantity: Quantity
    product: Named | None = None
    original_unit_price_set: MoneyBag
    discount_allocations: tuple[Allocation, ...] = ()


class ReturnedLine(_Node, frozen=True, kw_only=True):
    """How many pieces of a line came back."""

    quantity: Quantity
    line_item: Named


class RefundInOrder(Named, frozen=True, kw_only=True):
    """A refund as its order tells of it."""

    refund_line_items: Connection[ReturnedLine]


class OrderNode(Named, frozen=True, kw_only=True):
    """An order. Guests have no customer."""

    processed_at: Time
    updated_at: Time
    cancelled_at: Time | None = None
    test: bool = False
    currency_code: Currency
    display_financial_status: str | None = None
    payment_gateway_names: tuple[str, ...] = ()
    cart_token: str | None = None
    checkout_token: str | None = None
    email: str | None = None
    phone: str | None = None
    total_discounts_set: MoneyBag | None = None
    customer: Person | None = None
    line_items: Connection[LineNode]
    refunds: tuple[RefundInOrder, ...] = ()


class OrderOfRefund(Named, frozen=True, kw_only=True):
    """Whose order money was given back for."""

    customer: Person | None = None


class RefundNode(Named, frozen=True, kw_only=True):
    """Money given back."""

    created_at: Time | None = None
    processed_at: Time
    updated_at: Time
    total_refunded_set: MoneyBag
    order: OrderOfRefund


class OrderWithRefunds(_Node, frozen=True, kw_only=True):
    """The refunds of one order."""

    refunds: tuple[RefundNode, ...]


class UserError(_Node, frozen=True, kw_only=True):
    """Why a mutation did nothing. ``code`` is missing on some."""

    message: str
    field: tuple[str, ...] | None = None
    code: str | None = None

    def __str__(self) -> str:
        """Place, code and words; they quote nothing but what we sent."""
        place = ".".join(self.field or ())
        said = f"{self.message[:200]} ({self.code})" if self.code else self.message[:200]
        return f"{place}: {said}" if place else said
