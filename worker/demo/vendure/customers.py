"""The customers of a play: each with a session, a cart that is the store's, and what was bought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.demo.vendure.shopping import Api, Shopper, StoreRefusal, registered


@dataclass
class Purchase:
    """An order that was placed; ``left`` is what may be refunded yet, in pence."""

    invoice: str
    id: str
    payment: str
    left: int


@dataclass
class Customer:
    """Somebody in front of a screen.

    Attributes
    ----------
    token
        What the log's story calls the cart that they fill just now; empty: none.
    code
        What the store calls it.
    """

    shopper: Shopper
    token: str = ""
    code: str = ""
    is_paying: bool = False
    purchases: list[Purchase] = field(default_factory=list)

    def register(self, name: str, email: str, fields: dict[str, object]) -> None:
        """Make an account; a cart that was filled before becomes theirs."""
        self.shopper = registered(self.shopper.api, name, email)
        self.shopper.tell(fields)

    def fill(self, token: str, lines: Sequence[tuple[str, int]]) -> str:
        """Have these lines and no others in the cart; its code in the store."""
        if self.token:
            self.shopper.put_back()
        self.token, self.is_paying = token, False
        self.code = self.shopper.fill_all(lines)
        return self.code

    def enter_one_of(self, codes: Iterable[str]) -> str:
        """Try codes until one takes something off; which one, empty if none does."""
        if self.is_paying:
            self.shopper.go_back()
            self.is_paying = False
        for code in codes:
            cart = self.shopper.enter(code)
            if cart.get("discounts"):
                return code
        return ""

    def go_to_payment(self) -> None:
        """Give an address."""
        self.shopper.go_to_payment()
        self.is_paying = True

    def is_paying_for(self, token: str) -> bool:
        """Whether they are at the checkout with this very cart."""
        return self.is_paying and self.token == token

    def pay(self, invoice: str) -> None:
        """Buy what is in the cart."""
        if not self.is_paying:
            self.go_to_payment()
        placed = self.shopper.settle()
        (payment,) = placed["payments"]
        goods = int(placed["subTotalWithTax"])
        self.purchases.append(Purchase(invoice, placed["id"], payment["id"], goods))
        self.token, self.is_paying = "", False


def visitor(shop: Api) -> Customer:
    """Somebody of whom the store knows nothing yet."""
    return Customer(Shopper(shop, "", ""))


def cancel(merchant: Api, purchase: Purchase) -> None:
    """Take a whole order back."""
    told = merchant(
        """mutation($id: ID!) { cancelOrder(input: {orderId: $id, reason: "returned"}) {
          __typename ... on ErrorResult { errorCode message } } }""",
        id=purchase.id,
    )["cancelOrder"]
    _require(told, "Order")
    purchase.left = 0


def refund(merchant: Api, purchase: Purchase, amount: int) -> None:
    """Give money back, in pence."""
    told: dict[str, Any] = merchant(
        """mutation($input: RefundOrderInput!) { refundOrder(input: $input) {
          __typename ... on Refund { id state } ... on ErrorResult { errorCode message } } }""",
        input={
            "amount": amount,
            "lines": [],
            "shipping": 0,
            "adjustment": 0,
            "paymentId": purchase.payment,
        },
    )["refundOrder"]
    _require(told, "Refund")
    if told["state"] != "Settled":
        settled = merchant(
            """mutation($id: ID!) { settleRefund(input: {id: $id, transactionId: "cash"}) {
              __typename ... on ErrorResult { errorCode message } } }""",
            id=told["id"],
        )["settleRefund"]
        _require(settled, "Refund")
    purchase.left -= amount


def _require(told: dict[str, Any], kind: str) -> None:
    if told["__typename"] != kind:
        raise StoreRefusal(str(told))
