"""From the Admin API's nodes to our records. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from connectors.attributes import declared_attributes, sorted_attributes
from connectors.decoding import minor_units
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.protocol import StoreConfig
from connectors.records import Customer, Product, Refund
from connectors.shopify.mapping import API_KNOWS_MORE
from connectors.shopify.nodes import (
    CustomerNode,
    OrderNode,
    Person,
    ProductNode,
    RefundNode,
)
from connectors.shopify.sales import Sale, SoldLine, kept_quantity, order_of

_NOTHING: Final = Decimal(0)


def order_event(node: OrderNode, heard: Heard, store: StoreConfig) -> Event:
    """An order, whatever its status, with whom it belongs to."""
    discounts = node.total_discounts_set
    sale = Sale(
        order_id=node.key,
        currency=node.currency_code,
        placed_at=node.processed_at.astimezone(UTC),
        updated_at=node.updated_at.astimezone(UTC),
        is_cancelled=node.cancelled_at is not None,
        is_test=node.test,
        financial_status=node.display_financial_status or "",
        lines=_sold(node),
        discount=discounts.shop_money.amount if discounts else _NOTHING,
        coupons=_codes(node),
        cart=node.cart_token or node.checkout_token,
        gateways=node.payment_gateway_names,
    )
    body = order_of(sale, store)
    customer = node.customer
    keys = (
        ("customer_id", customer.key if customer else None),
        ("order", body.order_id),
        ("cart", body.cart),
    )
    told = _personal(customer)
    told["email"] = node.email or told.get("email")
    told["phone"] = node.phone or told.get("phone")
    return fact_event(heard, body, keys, told)


def refund_event(node: RefundNode, heard: Heard) -> Event:
    """A refund, with its order as the way to the customer."""
    money = node.total_refunded_set.shop_money
    body = Refund(
        refund_id=node.key,
        currency=money.currency_code,
        value=minor_units(money.amount, money.currency_code, "refund.totalRefundedSet"),
        refunded_at=(node.created_at or node.processed_at).astimezone(UTC),
        updated_at=node.updated_at.astimezone(UTC),
        order_id=node.order.key,
    )
    customer = node.order.customer
    keys = (("customer_id", customer.key if customer else None), ("order", body.order_id))
    return fact_event(heard, body, keys, _personal(customer))


def customer_event(node: CustomerNode, heard: Heard, store: StoreConfig) -> Event:
    """A customer: declared attributes and consents, personal fields apart."""
    fields = {
        "country": node.default_address.country_code_v2 if node.default_address else None,
        "state": node.state.lower() if node.state else None,
        "verified_email": node.verified_email,
        "tax_exempt": node.tax_exempt,
        "locale": node.locale,
        "tags": ", ".join(node.tags),
    }
    attributes, personal = sorted_attributes(fields, declared_attributes(store.options))
    body = Customer(
        customer_id=node.key,
        updated_at=_last_change(node) + API_KNOWS_MORE,
        attributes=attributes,
        consents=consents_of(node),
    )
    told = {**personal, **_personal(node)}
    return fact_event(heard, body, [("customer_id", body.customer_id)], told)


def product_event(node: ProductNode, heard: Heard) -> Event:
    """A product as its cheapest variant costs, in the shop's currency.

    Stock is known where it is counted and binds: what may be sold beyond it is not tracked.
    """
    price = node.price_range_v2.min_variant_price
    can_sell = any(each.available_for_sale for each in node.variants.nodes)
    if not can_sell and node.variants.page_info.has_next_page:
        can_sell = node.total_inventory > 0 or not node.tracks_inventory
    stock = max(node.total_inventory, 0) if node.tracks_inventory else None
    body = Product(
        product_id=node.key,
        updated_at=node.updated_at.astimezone(UTC),
        title=node.title,
        price=minor_units(price.amount, price.currency_code, "product.priceRangeV2"),
        currency=price.currency_code,
        category=node.product_type,
        stock=None if can_sell and stock == 0 else stock,
        is_available=can_sell and node.status == "ACTIVE",
    )
    return fact_event(heard, body)


def consents_of(node: CustomerNode) -> dict[str, bool]:
    """Channel → yes or no. Only a confirmed yes is one; a channel without an address is missing."""
    email, phone = node.default_email_address, node.default_phone_number
    states = {
        "email": email.marketing_state if email else "",
        "sms": _state(phone.sms_marketing_consent if phone else None),
        "whatsapp": _state(phone.whats_app_marketing_consent if phone else None),
    }
    return {channel: state == "SUBSCRIBED" for channel, state in states.items() if state}


def _state(consent: object) -> str:
    return str(getattr(consent, "state", ""))


def _last_change(node: CustomerNode) -> datetime:
    """Whether a changed consent moves ``updatedAt`` is not said, so its own time counts too."""
    email, phone = node.default_email_address, node.default_phone_number
    sms = phone.sms_marketing_consent if phone else None
    chat = phone.whats_app_marketing_consent if phone else None
    times = [
        node.updated_at,
        email.marketing_updated_at if email else None,
        sms.updated_at if sms else None,
        chat.updated_at if chat else None,
    ]
    return max(at.astimezone(UTC) for at in times if at is not None)


def _sold(node: OrderNode) -> tuple[SoldLine, ...]:
    refunded: Counter[str] = Counter()
    for refund in node.refunds:
        for each in refund.refund_line_items.nodes:
            refunded[each.line_item.id] += each.quantity
    return tuple(
        SoldLine(
            line.product.key if line.product else None,
            kept_quantity(line.quantity, line.current_quantity, refunded[line.id]),
            line.original_unit_price_set.shop_money.amount,
        )
        for line in node.line_items.nodes
    )


def _codes(node: OrderNode) -> set[str]:
    """Codes that took something off a line; one that was typed and did nothing is none."""
    return {
        each.discount_application.code
        for line in node.line_items.nodes
        for each in line.discount_allocations
        if each.discount_application.code and each.allocated_amount_set.shop_money.amount > 0
    }


def _personal(person: Person | None) -> dict[str, str | None]:
    if person is None:
        return {}
    email, phone = person.default_email_address, person.default_phone_number
    return {
        "email": email.email_address if email else None,
        "phone": phone.phone_number if phone else None,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }
