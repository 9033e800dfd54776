"""Every GraphQL document that reads, each with what it costs.

``cost`` is in Shopify's points, as its requests were seen to be charged (the estimate is a fit, so
what a reply says replaces it). One document may cost 1000 at most; a test holds each to the
published schema and to the estimate. Lists are costed at ``PAGE_SIZE``.
"""

from __future__ import annotations

from typing import Final

import msgspec

PAGE_SIZE: Final = 250


class Operation(msgspec.Struct, frozen=True):
    """One document. ``name`` is its operation's, which errors tell."""

    name: str
    text: str
    cost: int


_PERSON: Final = """
fragment Person on Customer {
  id firstName lastName
  defaultEmailAddress { emailAddress }
  defaultPhoneNumber { phoneNumber }
}
"""
_CUSTOMER: Final = """
fragment CustomerFields on Customer {
  id updatedAt firstName lastName locale state verifiedEmail taxExempt tags
  defaultAddress { countryCodeV2 }
  defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
  defaultPhoneNumber {
    phoneNumber
    smsMarketingConsent { state updatedAt }
    whatsAppMarketingConsent { state updatedAt }
  }
}
"""
_PRODUCT: Final = """
fragment ProductFields on Product {
  id title productType status updatedAt totalInventory tracksInventory
  priceRangeV2 { minVariantPrice { amount currencyCode } }
  variants(first: 100) { pageInfo { hasNextPage } nodes { availableForSale } }
}
"""
_LINES: Final = """
fragment Lines on LineItemConnection {
  pageInfo { hasNextPage endCursor }
  nodes {
    id quantity currentQuantity
    product { id }
    originalUnitPriceSet { shopMoney { amount } }
    discountAllocations {
      allocatedAmountSet { shopMoney { amount } }
      discountApplication { __typename ... on DiscountCodeApplication { code } }
    }
  }
}
"""
_RETURNED: Final = """
fragment Returned on RefundLineItemConnection {
  pageInfo { hasNextPage endCursor }
  nodes { quantity lineItem { id } }
}
"""
_ORDER: Final = f"""
fragment OrderFields on Order {{
  id processedAt updatedAt cancelledAt test currencyCode displayFinancialStatus
  paymentGatewayNames cartToken checkoutToken email phone
  totalDiscountsSet {{ shopMoney {{ amount }} }}
  customer {{ ...Person }}
  lineItems(first: 50) {{ ...Lines }}
  refunds {{ id refundLineItems(first: 10) {{ ...Returned }} }}
}}
{_PERSON}{_LINES}{_RETURNED}"""
_REFUND: Final = f"""
fragment RefundFields on Refund {{
  id createdAt processedAt updatedAt
  totalRefundedSet {{ shopMoney {{ amount currencyCode }} }}
  order {{ id customer {{ ...Person }} }}
}}
{_PERSON}"""


def _page(name: str, field: str, fragment: tuple[str, str], cost: int) -> Operation:
    spread, text = fragment
    return Operation(
        name,
        f"""
query {name}($first: Int!, $after: String, $query: String) {{
  {field}(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ {spread} }}
  }}
}}
{text}""",
        cost,
    )


def _one(name: str, field: str, fragment: tuple[str, str], cost: int) -> Operation:
    spread, text = fragment
    query = f"query {name}($id: ID!) {{ {field}(id: $id) {{ {spread} }} }}\n{text}"
    return Operation(name, query, cost)


PRODUCTS: Final = _page("Products", "products", ("...ProductFields", _PRODUCT), 145)
CUSTOMERS: Final = _page("Customers", "customers", ("...CustomerFields", _CUSTOMER), 57)
ORDERS: Final = _page("Orders", "orders", ("...OrderFields", _ORDER), 497)
REFUNDS: Final = _page("Refunds", "orders", ("refunds { ...RefundFields }", _REFUND), 68)
PRODUCT: Final = _one("Product", "product", ("...ProductFields", _PRODUCT), 13)
CUSTOMER: Final = _one("Customer", "customer", ("...CustomerFields", _CUSTOMER), 5)
ORDER: Final = _one("Order", "order", ("...OrderFields", _ORDER), 45)
REFUND: Final = _one("Refund", "refund", ("...RefundFields", _REFUND), 5)
ORDER_LINES: Final = Operation(
    "OrderLines",
    f"""
query OrderLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 250, after: $after) {{ ...Lines }} }}
}}
{_LINES}""",
    47,
)
REFUND_LINES: Final = Operation(
    "RefundLines",
    f"""
query RefundLines($id: ID!, $after: String) {{
  refund(id: $id) {{ refundLineItems(first: 250, after: $after) {{ ...Returned }} }}
}}
{_RETURNED}""",
    25,
)
COUNTS: Final = Operation(
    "Counts",
    """
query Counts($query: String, $refunded: String) {
  products: productsCount(query: $query, limit: null) { count }
  customers: customersCount(query: $query, limit: null) { count }
  orders: ordersCount(query: $query, limit: null) { count }
  refunds: ordersCount(query: $refunded, limit: null) { count }
}
""",
    40,
)
SHOP: Final = Operation(
    "Shop",
    """
query Shop {
  shop { name currencyCode ianaTimezone myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}
""",
    3,
)
# Newest first: whether personal fields come at all.
SAMPLE: Final = Operation(
    "Sample",
    f"""
query Sample {{
  customers(first: 10, sortKey: UPDATED_AT, reverse: true) {{ nodes {{ ...Person }} }}
}}
{_PERSON}""",
    14,
)
FIND_CODE: Final = Operation(
    "FindCode",
    """
query FindCode($code: String!) {
  codeDiscountNodeByCode(code: $code) {
    id
    codeDiscount {
      __typename
      ... on DiscountCodeBasic {
        title status startsAt endsAt usageLimit appliesOncePerCustomer
        codesCount { count }
        context { __typename ... on DiscountCustomers { customers { id } } }
        customerGets {
          items { __typename ... on AllDiscountItems { allItems } }
          value {
            __typename
            ... on DiscountPercentage { percentage }
            ... on DiscountAmount { amount { amount currencyCode } appliesOnEachItem }
          }
        }
        minimumRequirement {
          __typename
          ... on DiscountMinimumSubtotal {
            greaterThanOrEqualToSubtotal { amount currencyCode }
          }
        }
      }
      ... on DiscountCodeApp { title }
      ... on DiscountCodeBxgy { title }
      ... on DiscountCodeFreeShipping { title }
    }
  }
}
""",
    9,
)
SUBSCRIPTIONS: Final = Operation(
    "Subscriptions",
    """
query Subscriptions($after: String) {
  webhookSubscriptions(first: 250, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id topic uri format apiVersion { handle } }
  }
}
""",
    24,
)
