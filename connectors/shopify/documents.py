"""The bodies of Shopify's webhooks, as far as we read them; whatever else they hold is passed over.

Amounts are decimal text in the shop's own currency unless a field says otherwise, times RFC 3339
with the shop's offset, ids 64-bit numbers.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Id = Annotated[int, msgspec.Meta(gt=0)]
Gid = Annotated[str, msgspec.Meta(pattern=r"^gid://shopify/[A-Za-z]+/[0-9]+")]
Quantity = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,4}$")]


class _Lenient(msgspec.Struct, frozen=True, kw_only=True):
    """Only what we use is asked for: the published schemas are inferred, and break now and then."""


class NamedDocument(_Lenient, frozen=True, kw_only=True):
    """Anything with an id. JavaScript on the way rounds large numbers; the text stays exact."""

    id: Id
    admin_graphql_api_id: Gid | None = None

    @property
    def key(self) -> str:
        """The id as text."""
        return number_of(self.admin_graphql_api_id) if self.admin_graphql_api_id else str(self.id)


class AddressDocument(_Lenient, frozen=True, kw_only=True):
    """Where somebody lives."""

    country_code: str | None = None


class PersonDocument(NamedDocument, frozen=True, kw_only=True):
    """Whom an order or checkout belongs to. Personal fields are null without approval."""

    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class CustomerDocument(PersonDocument, frozen=True, kw_only=True):
    """A customer's account; tags and consents come by topics of their own."""

    updated_at: Time
    state: str | None = None
    verified_email: bool | None = None
    tax_exempt: bool | None = None
    default_address: AddressDocument | None = None


class OrderLineDocument(_Lenient, frozen=True, kw_only=True):
    """One line of an order; ``price`` is of one piece, before discounts."""

    id: int = 0
    product_id: Id | None = None
    quantity: Quantity
    current_quantity: Quantity | None = None
    price: Decimal


class DiscountCodeDocument(_Lenient, frozen=True, kw_only=True):
    """A code on an order and what it took off."""

    code: str
    amount: Decimal = Decimal(0)
    type: str = ""


class RefundedLineDocument(_Lenient, frozen=True, kw_only=True):
    """How many pieces of a line came back."""

    line_item_id: int = 0
    quantity: Quantity = 0


class RefundInOrderDocument(_Lenient, frozen=True, kw_only=True):
    """A refund as its order tells of it."""

    refund_line_items: tuple[RefundedLineDocument, ...] = ()


class OrderDocument(NamedDocument, frozen=True, kw_only=True):
    """An order."""

    updated_at: Time
    currency: Currency
    created_at: Time | None = None
    processed_at: Time | None = None
    cancelled_at: Time | None = None
    test: bool = False
    financial_status: str | None = None
    payment_gateway_names: tuple[str, ...] = ()
    total_discounts: Decimal = Decimal(0)
    discount_codes: tuple[DiscountCodeDocument, ...] = ()
    cart_token: str | None = None
    checkout_token: str | None = None
    email: str | None = None
    phone: str | None = None
    customer: PersonDocument | None = None
    line_items: tuple[OrderLineDocument, ...] = ()
    refunds: tuple[RefundInOrderDocument, ...] = ()


class TransactionDocument(_Lenient, frozen=True, kw_only=True):
    """Money that moved. ``currency`` is the buyer's, which need not be the shop's."""

    kind: str = ""
    status: str = ""
    amount: Decimal = Decimal(0)
    currency: str | None = None


class RefundDocument(NamedDocument, frozen=True, kw_only=True):
    """Money given back for an order."""

    order_id: Id
    created_at: Time
    transactions: tuple[TransactionDocument, ...] = ()


class ShopMoneyDocument(_Lenient, frozen=True, kw_only=True):
    """An amount in the shop's currency."""

    amount: Decimal
    currency_code: Currency


class MoneySetDocument(_Lenient, frozen=True, kw_only=True):
    """An amount in the shop's currency and in the buyer's, of which we read the first."""

    shop_money: ShopMoneyDocument


class CartLineDocument(_Lenient, frozen=True, kw_only=True):
    """One line of a cart or checkout; ``price`` is of one piece."""

    product_id: Id | None = None
    quantity: Quantity
    price: Decimal
    original_line_price_set: MoneySetDocument | None = None


class CartDocument(_Lenient, frozen=True, kw_only=True):
    """A cart of the online store. It names neither a customer nor a currency."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    updated_at: Time
    line_items: tuple[CartLineDocument, ...] = ()


class CheckoutDocument(_Lenient, frozen=True, kw_only=True):
    """A checkout; its prices are in the buyer's currency."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    updated_at: Time
    cart_token: str | None = None
    currency: Currency
    presentment_currency: Currency | None = None
    completed_at: Time | None = None
    email: str | None = None
    phone: str | None = None
    customer: PersonDocument | None = None
    line_items: tuple[CartLineDocument, ...] = ()


class TouchedDocument(NamedDocument, frozen=True, kw_only=True):
    """A product, of which we read the rest by API."""

    updated_at: Time | None = None


class VariantDocument(_Lenient, frozen=True, kw_only=True):
    """A variant that came into or went out of stock."""

    product_id: Id
    updated_at: Time | None = None


class OrderEditDocument(_Lenient, frozen=True, kw_only=True):
    """What an edit names of its order."""

    order_id: Id
    committed_at: Time | None = None
    created_at: Time | None = None


class OrderEditedDocument(_Lenient, frozen=True, kw_only=True):
    """An order's lines were changed after the sale."""

    order_edit: OrderEditDocument


class MergeDocument(_Lenient, frozen=True, kw_only=True):
    """Two customers are becoming one."""

    admin_graphql_api_customer_kept_id: Gid
    admin_graphql_api_customer_deleted_id: Gid
    status: str


class EmailConsentDocument(_Lenient, frozen=True, kw_only=True):
    """Consent to e-mail or WhatsApp changed; how, the API says."""

    customer_id: Id


class SmsConsentDocument(_Lenient, frozen=True, kw_only=True):
    """Consent to text messages changed; here the id is the customer's."""

    id: Id


class RequesterDocument(_Lenient, frozen=True, kw_only=True):
    """Whom a privacy request is about."""

    id: Id | None = None
    email: str | None = None


class PrivacyDocument(_Lenient, frozen=True, kw_only=True):
    """A request to forget a customer, or to tell what is known of one."""

    shop_domain: str
    customer: RequesterDocument
    orders_to_redact: tuple[int, ...] = ()


class UninstalledDocument(_Lenient, frozen=True, kw_only=True):
    """Our app was removed from the shop."""

    myshopify_domain: str | None = None


class ShopRedactionDocument(_Lenient, frozen=True, kw_only=True):
    """A request to forget everything of a shop, two days after our app was removed."""

    shop_domain: str


def number_of(gid: str) -> str:
    """The number of a global id: ``gid://shopify/Order/5001`` is 5001."""
    return gid.rpartition("/")[2].partition("?")[0]
