"""Every GraphQL document that we send; each was answered by a real Vendure 3.7.3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_ORDER: Final = """fragment OrderParts on Order {
  id code state active createdAt updatedAt orderPlacedAt currencyCode totalWithTax
  discounts { adjustmentSource amountWithTax }
  promotions { id couponCode }
  lines {
    updatedAt quantity orderPlacedQuantity
    unitPriceWithTax proratedUnitPriceWithTax linePriceWithTax proratedLinePriceWithTax
    productVariant { productId }
  }
  payments { state amount updatedAt refunds { id state total shipping createdAt updatedAt } }
  customer { id emailAddress firstName lastName phoneNumber }
}"""
_PRODUCT: Final = """fragment ProductParts on Product {
  id name enabled updatedAt
  collections { name }
  facetValues { name }
  variants {
    enabled updatedAt priceWithTax currencyCode trackInventory
    stockLevels { stockOnHand stockAllocated updatedAt }
  }
}"""
ORDERS: Final = (
    "query Orders($options: OrderListOptions) "
    "{ orders(options: $options) { items { ...OrderParts } } }\n" + _ORDER
)
PRODUCTS: Final = (
    "query Products($options: ProductListOptions) { globalSettings { trackInventory } "
    "products(options: $options) { items { ...ProductParts } } }\n" + _PRODUCT
)
COUNTS: Final = """query Counts(
  $products: ProductListOptions, $customers: CustomerListOptions
  $orders: OrderListOptions, $carts: OrderListOptions
) {
  products(options: $products) { totalItems }
  customers(options: $customers) { totalItems }
  orders(options: $orders) { totalItems }
  carts: orders(options: $carts) { totalItems }
}"""
VARIANTS: Final = """query Variants($options: ProductVariantListOptions) {
  productVariants(options: $options) { items { id updatedAt productId } }
}"""
SHOP: Final = """query Shop {
  activeChannel { code defaultCurrencyCode defaultLanguageCode pricesIncludeTax }
}"""
LOGIN: Final = """mutation Login($username: String!, $password: String!) {
  login(username: $username, password: $password) {
    __typename ... on ErrorResult { errorCode message }
  }
}"""
MEMBERSHIP: Final = """query Membership($group: String!, $customer: ID!) {
  customerGroups(options: {filter: {name: {eq: $group}}, sort: {id: ASC}, take: 20}) {
    items { id name }
  }
  customer(id: $customer) { id groups { id name } }
}"""
CREATE_GROUP: Final = """mutation CreateGroup($name: String!) {
  createCustomerGroup(input: {name: $name, customerIds: []}) { id name }
}"""
JOIN: Final = """mutation Join($group: ID!, $customer: ID!) {
  addCustomersToGroup(customerGroupId: $group, customerIds: [$customer]) { id }
}"""
LEAVE: Final = """mutation Leave($group: ID!, $customer: ID!) {
  removeCustomersFromGroup(customerGroupId: $group, customerIds: [$customer]) { id }
}"""
_PROMOTION: Final = """fragment PromotionParts on Promotion {
  id enabled description couponCode startsAt endsAt perCustomerUsageLimit usageLimit
  conditions { code args { name value } }
  actions { code args { name value } }
}"""
PROMOTIONS: Final = (
    """query Promotions($code: String!) {
  promotions(options: {filter: {couponCode: {eq: $code}}, sort: {id: ASC}, take: 20}) {
    items { ...PromotionParts }
  }
  promotionConditions { code }
  promotionActions { code }
  activeChannel { code defaultCurrencyCode defaultLanguageCode pricesIncludeTax }
}
"""
    + _PROMOTION
)
CREATE_PROMOTION: Final = """mutation CreatePromotion($input: CreatePromotionInput!) {
  createPromotion(input: $input) {
    __typename ... on Promotion { id } ... on ErrorResult { errorCode message }
  }
}"""
DISABLE_PROMOTION: Final = """mutation DisablePromotion($id: ID!) {
  updatePromotion(input: {id: $id, enabled: false}) {
    __typename ... on Promotion { id } ... on ErrorResult { errorCode message }
  }
}"""
DELETE_PROMOTION: Final = """mutation DeletePromotion($id: ID!) {
  deletePromotion(id: $id) { result message }
}"""
UPDATE_CUSTOMER: Final = """mutation UpdateCustomer($input: UpdateCustomerInput!) {
  updateCustomer(input: $input) {
    __typename ... on Customer { id } ... on ErrorResult { errorCode message }
  }
}"""


def customers_query(fields: Iterable[str]) -> str:
    """The list of customers, with some of their custom fields.

    Vendure's schema has a custom field only where the shop's configuration has it, so only those
    that the store's options name are asked for.
    """
    chosen = " ".join(dict.fromkeys(fields))
    parts = "id emailAddress firstName lastName phoneNumber updatedAt"
    parts += f" customFields {{ {chosen} }}" if chosen else ""
    return (
        "query Customers($options: CustomerListOptions) "
        f"{{ customers(options: $options) {{ items {{ {parts} }} }} }}"
    )
