"""People who shop in a Vendure store, by its shop API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

PASSWORD: Final = "s3cret-pass"  # noqa: S105 - of people that are made up
ORDER: Final = """id code state couponCodes subTotalWithTax totalWithTax
  discounts { adjustmentSource amountWithTax } lines { id } payments { id }"""
_FAILED: Final = "... on ErrorResult { errorCode message }"
_TO_PAYMENT: Final = """mutation {
  setOrderShippingAddress(input: {streetLine1: "1 High St", city: "Berlin", postalCode: "10115",
    countryCode: "DE"}) { __typename ... on ErrorResult { message } }
  setOrderShippingMethod(shippingMethodId: ["1"]) { __typename ... on ErrorResult { message } }
  transitionOrderToState(state: "ArrangingPayment") {
    __typename ... on OrderStateTransitionError { message transitionError }
  }
}"""
_BACK: Final = """mutation { transitionOrderToState(state: "AddingItems") { __typename } }"""
_EMPTY: Final = """mutation {
  transitionOrderToState(state: "AddingItems") { __typename }
  removeAllOrderLines { __typename }
}"""
_ADD: Final = f"""mutation($lines: [AddItemInput!]!) {{
  addItemsToOrder(inputs: $lines) {{
    order {{ code }} errorResults {{ __typename {_FAILED} }}
  }}
}}"""


class StoreRefusal(Exception):
    """The store did not do what a shopper or the merchant wanted; says its words."""


@dataclass
class Api:
    """One of Vendure's two APIs, by session."""

    url: str
    http: httpx.Client
    token: str = ""

    def __call__(self, query: str, **variables: Any) -> Any:
        """What a query answers under ``data``.

        Raises
        ------
        StoreRefusal
            If it answers errors of GraphQL.
        """
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.http.post(
            self.url, json={"query": query, "variables": variables}, headers=headers
        )
        self.token = answer.headers.get("vendure-auth-token", self.token)
        body = answer.json()
        if "errors" in body:
            raise StoreRefusal(str(body["errors"]))
        return body["data"]


@dataclass
class Shopper:
    """A customer with a session on the shop API."""

    api: Api
    id: str
    email: str

    def log_in(self) -> None:
        """Log in anew: the old session may have died with the server."""
        self.api.token = ""
        self.sign_in()

    def sign_in(self) -> None:
        """Log in; a cart that was filled before comes along."""
        self.api(
            """mutation($email: String!, $password: String!) {
              login(username: $email, password: $password) { __typename } }""",
            email=self.email,
            password=PASSWORD,
        )
        self.id = self.api("{ activeCustomer { id } }")["activeCustomer"]["id"]

    def tell(self, fields: Mapping[str, object]) -> None:
        """Fill in custom fields of the account."""
        self.api(
            """mutation($input: UpdateCustomerInput!) {
              updateCustomer(input: $input) { id } }""",
            input={"customFields": dict(fields)},
        )

    def fill(self, variant: str, quantity: int = 1) -> str:
        """Put something into the cart; its code."""
        return self.fill_all([(variant, quantity)])

    def fill_all(self, lines: Sequence[tuple[str, int]]) -> str:
        """Put variants with their quantities into the cart; its code.

        Raises
        ------
        StoreRefusal
            If the store takes one of them not as it was wanted.
        """
        wanted = [{"productVariantId": variant, "quantity": count} for variant, count in lines]
        told = self.api(_ADD, lines=wanted)["addItemsToOrder"]
        if told["errorResults"]:
            raise StoreRefusal(str(told["errorResults"]))
        return str(told["order"]["code"])

    def put_back(self) -> None:
        """Empty the cart, from the checkout too."""
        self.api(_EMPTY)

    def go_back(self) -> None:
        """From the checkout to the cart, which stays as it is."""
        self.api(_BACK)

    def enter(self, code: str) -> dict[str, Any]:
        """Type a code; the cart, or the error that Vendure names."""
        told: dict[str, Any] = self.api(
            "mutation($c: String!) { applyCouponCode(couponCode: $c) { __typename "
            f"... on Order {{ {ORDER} }} {_FAILED} }} }}",
            c=code,
        )["applyCouponCode"]
        return told

    def go_to_payment(self) -> None:
        """Give an address and choose the shipping.

        Raises
        ------
        StoreRefusal
            If the store does not let the cart go to the checkout.
        """
        told = self.api(_TO_PAYMENT)
        if any(one["__typename"] != "Order" for one in told.values()):
            raise StoreRefusal(str(told))

    def settle(self) -> dict[str, Any]:
        """Pay what is at the checkout; the placed order.

        Raises
        ------
        StoreRefusal
            If the store does not take the payment.
        """
        told: dict[str, Any] = self.api(
            'mutation { addPaymentToOrder(input: {method: "dummy-payment", metadata: {}}) { '
            f"__typename ... on Order {{ {ORDER} }} {_FAILED} }} }}"
        )["addPaymentToOrder"]
        if told.get("state") != "PaymentSettled":
            raise StoreRefusal(str(told))
        return told

    def pay(self) -> dict[str, Any]:
        """Go to the checkout and pay; the placed order."""
        self.go_to_payment()
        return self.settle()

    def buy(self, variant: str, quantity: int = 1) -> dict[str, Any]:
        """All of it."""
        self.fill(variant, quantity)
        return self.pay()


def registered(shop: Api, name: str, email: str) -> Shopper:
    """Somebody who registers and logs in."""
    shop(
        """mutation($input: RegisterCustomerInput!) {
          registerCustomerAccount(input: $input) { __typename } }""",
        input={"emailAddress": email, "firstName": name, "password": PASSWORD},
    )
    made = Shopper(shop, "", email)
    made.sign_in()
    return made
