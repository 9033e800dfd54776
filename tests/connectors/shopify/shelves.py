"""What stands in the stand-in shop: nodes as the Admin API names them, and payloads of webhooks."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.connectors.shopify.published import sample

OPENED = datetime(2026, 8, 1, 8, tzinfo=UTC)
Node = dict[str, Any]


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: str, currency: str = "EUR") -> Node:
    """A shop's money; the buyer's is another, to be mistaken for it by nobody."""
    return {
        "shopMoney": {"amount": amount, "currencyCode": currency},
        "presentmentMoney": {"amount": "999.99", "currencyCode": "USD"},
    }


@dataclass
class Shelves:
    """Everything the shop holds, by global id."""

    currency: str = "EUR"
    products: dict[str, Node] = field(default_factory=dict)
    customers: dict[str, Node] = field(default_factory=dict)
    orders: dict[str, Node] = field(default_factory=dict)
    refunds: dict[str, Node] = field(default_factory=dict)
    codes: dict[str, Node] = field(default_factory=dict)
    metafields: dict[tuple[str, str, str], Node] = field(default_factory=dict)
    definitions: set[tuple[str, str]] = field(default_factory=set)
    subscriptions: dict[str, Node] = field(default_factory=dict)
    last: int = 0

    def number(self) -> int:
        self.last += 1
        return self.last

    def add_product(self, number: int, **changes: Any) -> Node:
        node: Node = {
            "__typename": "Product",
            "id": gid("Product", number),
            "title": f"Tea {number}",
            "productType": "Tea",
            "status": "ACTIVE",
            "updatedAt": stamp(OPENED + timedelta(minutes=number)),
            "totalInventory": 7,
            "tracksInventory": True,
            "priceRangeV2": {"minVariantPrice": {"amount": "4.50", "currencyCode": self.currency}},
            "variants": [{"availableForSale": True}, {"availableForSale": False}],
        } | changes
        self.products[node["id"]] = node
        return node

    def add_customer(self, number: int, **changes: Any) -> Node:
        node: Node = {
            "__typename": "Customer",
            "id": gid("Customer", number),
            "updatedAt": stamp(OPENED + timedelta(minutes=number)),
            "firstName": "Mei",
            "lastName": "Li",
            "locale": "de",
            "state": "ENABLED",
            "verifiedEmail": True,
            "taxExempt": False,
            "tags": [],
            "defaultAddress": {"countryCodeV2": "DE"},
            "defaultEmailAddress": {
                "emailAddress": f"mei{number}@example.com",
                "marketingState": "SUBSCRIBED",
                "marketingUpdatedAt": stamp(OPENED),
            },
            "defaultPhoneNumber": None,
        } | changes
        self.customers[node["id"]] = node
        return node

    def add_order(self, number: int, customer: Node | None = None, **changes: Any) -> Node:
        at = OPENED + timedelta(minutes=number)
        node: Node = {
            "__typename": "Order",
            "id": gid("Order", number),
            "processedAt": stamp(at),
            "updatedAt": stamp(at),
            "cancelledAt": None,
            "test": False,
            "currencyCode": self.currency,
            "displayFinancialStatus": "PAID",
            "paymentGatewayNames": ["shopify_payments"],
            "cartToken": f"cart-{number}",
            "checkoutToken": f"checkout-{number}",
            "email": customer["defaultEmailAddress"]["emailAddress"] if customer else None,
            "phone": None,
            "totalDiscountsSet": money("0.00", self.currency),
            "customer": customer,
            "lineItems": [self.line(number * 1000, 2, "4.50")],
            "refunds": [],
        } | changes
        self.orders[node["id"]] = node
        return node

    def line(self, number: int, quantity: int, price: str, **changes: Any) -> Node:
        product = next(iter(self.products.values()), None)
        return {
            "id": gid("LineItem", number),
            "quantity": quantity,
            "currentQuantity": quantity,
            "product": product,
            "originalUnitPriceSet": money(price, self.currency),
            "discountAllocations": [],
        } | changes

    def add_refund(self, number: int, order: Node, amount: str, *lines: tuple[Node, int]) -> Node:
        at = stamp(OPENED + timedelta(minutes=number, seconds=30))
        for line, quantity in lines:
            line["currentQuantity"] -= quantity
        node: Node = {
            "__typename": "Refund",
            "id": gid("Refund", number),
            "createdAt": at,
            "processedAt": at,
            "updatedAt": at,
            "totalRefundedSet": money(amount, self.currency),
            "order": order,
            "refundLineItems": [
                {"quantity": quantity, "lineItem": line} for line, quantity in lines
            ],
        }
        order["refunds"].append(node)
        order["updatedAt"] = at
        order["displayFinancialStatus"] = "PARTIALLY_REFUNDED"
        self.refunds[node["id"]] = node
        return node

    def add_subscription(self, topic: str, uri: str, version: str = "2026-10") -> Node:
        node: Node = {
            "__typename": "WebhookSubscription",
            "id": gid("WebhookSubscription", self.number()),
            "topic": topic,
            "uri": uri,
            "format": "JSON",
            "apiVersion": {"handle": version},
        }
        self.subscriptions[node["id"]] = node
        return node

    def tags(self, number: int) -> list[str]:
        found: list[str] = self.customers[gid("Customer", number)]["tags"]
        return found


def number_of(node: Node) -> int:
    return int(node["id"].rpartition("/")[2])


def order_payload(node: Node) -> dict[str, Any]:
    """What ``orders/updated`` would carry for an order, in the shape of Shopify's own sample."""
    body = copy.deepcopy(sample("orders/updated"))
    line_shape = body["line_items"][0]
    codes = _codes(node)
    return body | {
        "id": number_of(node),
        "admin_graphql_api_id": node["id"],
        "created_at": node["processedAt"],
        "processed_at": node["processedAt"].replace("Z", "+00:00"),
        "updated_at": node["updatedAt"],
        "cancelled_at": node["cancelledAt"],
        "test": node["test"],
        "currency": node["currencyCode"],
        "presentment_currency": "USD",
        "financial_status": node["displayFinancialStatus"].lower(),
        "payment_gateway_names": node["paymentGatewayNames"],
        "total_discounts": node["totalDiscountsSet"]["shopMoney"]["amount"],
        "discount_codes": [
            {"code": code, "amount": amount, "type": "percentage"} for code, amount in codes
        ],
        "cart_token": node["cartToken"],
        "checkout_token": node["checkoutToken"],
        "email": node["email"],
        "phone": node["phone"],
        "customer": _person(body["customer"], node["customer"]),
        "line_items": [_line(line_shape, line) for line in node["lineItems"]],
        "refunds": [_refund(refund) for refund in node["refunds"]],
    }


def _codes(node: Node) -> list[tuple[str, str]]:
    return [
        (each["discountApplication"]["code"], each["allocatedAmountSet"]["shopMoney"]["amount"])
        for line in node["lineItems"]
        for each in line["discountAllocations"]
    ]


def _person(shape: Node, customer: Node | None) -> Node | None:
    if customer is None:
        return None
    return shape | {
        "id": number_of(customer),
        "admin_graphql_api_id": customer["id"],
        "first_name": customer["firstName"],
        "last_name": customer["lastName"],
        "email": customer["defaultEmailAddress"]["emailAddress"],
    }


def _line(shape: Node, line: Node) -> Node:
    return shape | {
        "id": number_of(line),
        "product_id": number_of(line["product"]) if line["product"] else None,
        "quantity": line["quantity"],
        "current_quantity": line["currentQuantity"],
        "price": line["originalUnitPriceSet"]["shopMoney"]["amount"],
    }


def _refund(refund: Node) -> Node:
    lines = [
        {"line_item_id": number_of(each["lineItem"]), "quantity": each["quantity"]}
        for each in refund["refundLineItems"]
    ]
    return {"id": number_of(refund), "refund_line_items": lines}


def find_number(shelves: Shelves, code: str) -> int:
    """How many discounts have a code."""
    return sum(each["code"].lower() == code.lower() for each in shelves.codes.values())
