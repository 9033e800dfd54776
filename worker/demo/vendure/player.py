"""The shoppers: ``python -m worker.demo.vendure.player``, a process that knows only addresses.

They browse, register, fill carts, type the codes that they were given, pay, and send things back,
at the times of the log: before each act the store's clock is put to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from connectors.events import microseconds
from worker.demo.lives import BROWSE, Happening
from worker.demo.player import IN_A_BATCH
from worker.demo.posting import Post, is_accepted
from worker.demo.protocol import serve
from worker.demo.vendure.customers import Customer, Purchase, cancel, refund, visitor
from worker.demo.vendure.programme import Programme, programme, sku
from worker.demo.vendure.store import listed, merchant, shop_api

USES_CODE: Final = 0.6  # share of purchases by those who hold a code
_PATIENCE: Final = 120.0  # seconds for an answer of a busy store
_encode: Final = msgspec.json.encode
Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to play and where; ``now`` is when the play begins, in ISO 8601."""

    store: str
    door: str
    browser_key: str
    seed: int
    events: int
    shop: str
    now: str


class Shoppers:
    """Plays days and counts."""

    def __init__(self, order: Order, played: Programme) -> None:
        self._order = order
        self._played = played
        self._http = httpx.Client(timeout=_PATIENCE)
        self._merchant = merchant(order.shop, self._http)
        self._variants = {
            one["sku"]: (one["id"], one["productId"])
            for one in listed(self._merchant, "productVariants", "sku id productId")
        }
        self._door = Post(order.door)
        self._customers: dict[str, Customer] = {}
        self._codes: dict[str, list[str]] = {}
        self._pages: list[bytes] = []
        self._acts: dict[str, Callable[[Document], None]] = {
            BROWSE: self._browse,
            "customer.created": self._register,
            "checkout.created": self._check_out,
            "order.paid": self._buy,
            "order.cancelled": self._cancel,
            "refund.created": self._refund,
        }
        self.steps = len(played.days)
        self.about = {"events": len(played)}
        self._counts = {"sent": 0, "pages": 0, "orders": 0, "customers": 0, "codes": 0}

    def step(self, number: int) -> dict[str, Any]:
        """Play a day; when it ends, and the counts."""
        self._codes = held_codes(
            listed(
                self._merchant,
                "promotions",
                "couponCode enabled conditions { code args { value } }",
            )
        )
        for one in self._played.days[number]:
            self._act(one)
        for start in range(0, len(self._pages), IN_A_BATCH):
            self._send(self._pages[start : start + IN_A_BATCH])
        self._pages.clear()
        end = self._played.window.day_end(number)
        self._put_clock(end)
        return {"end": microseconds(end), **self._counts}

    def close(self) -> None:
        """Leave the store."""
        self._http.close()

    def _act(self, one: Happening) -> None:
        act = self._acts.get(one.topic)
        if act is None:
            return  # an order that is not paid yet: the checkout told of it
        if one.topic != BROWSE or "cart_id" in one.document["properties"]:
            self._put_clock(one.at)
        act(one.document)
        self._counts["sent"] += 1

    def _put_clock(self, at: datetime) -> None:
        now = microseconds(at) // 1_000
        self._http.get(f"{self._order.shop}/clock", params={"now": now}).raise_for_status()

    def _send(self, pages: list[bytes]) -> None:
        if is_accepted(self._door.browsed(self._order.browser_key, pages)):
            self._counts["pages"] += len(pages)

    def _customer(self, name: str) -> Customer:
        if name not in self._customers:
            self._customers[name] = visitor(shop_api(self._order.shop, self._http))
        return self._customers[name]

    def _browse(self, message: Document) -> None:
        said = dict(message["properties"])
        if "product_id" in said:
            chosen = sku(said["product_id"], self._played.prices[said["product_id"]][0])
            variant, said["product_id"] = self._variants[chosen]
            if "cart_id" in said:
                owner = self._customer(self._played.owners[said["cart_id"]])
                said["cart_id"] = owner.fill(said["cart_id"], [(variant, 1)])
        self._pages.append(_encode({**message, "properties": said}))

    def _register(self, document: Document) -> None:
        fields = {
            "birthday": document.get("birthday"),
            "newsletter": document["accepts"]["email"],
        }
        its = self._customer(document["id"])
        its.register(document["first_name"], document["email"], fields)
        self._counts["customers"] += 1

    def _check_out(self, document: Document) -> None:
        its = self._customer(document["customer"]["id"])
        its.fill(document["token"], self._lines(document))
        its.go_to_payment()

    def _buy(self, document: Document) -> None:
        its = self._customer(document["customer"]["id"])
        if not its.is_paying_for(document["cart_token"]):
            its.fill(document["cart_token"], self._lines(document))
        luck = random.Random(f"{self._order.seed}:{document['id']}")  # noqa: S311 - a story
        held = self._codes.get(its.shopper.id, [])
        if held and luck.random() < USES_CODE:
            self._counts["codes"] += its.enter_one_of(held) != ""
        its.pay(document["id"])
        self._counts["orders"] += 1

    def _cancel(self, document: Document) -> None:
        its = self._customer(document["customer"]["id"]).purchases
        for one in its:
            if one.invoice == document["id"]:
                cancel(self._merchant, one)

    def _refund(self, document: Document) -> None:
        its = self._customer(document["customer"]["id"]).purchases
        wanted = int(Decimal(document["amount"]) * 100)
        found = refundable(its, wanted)
        if found is not None:
            refund(self._merchant, found, min(wanted, found.left))

    def _lines(self, document: Document) -> list[tuple[str, int]]:
        return [
            (self._variants[sku(one["product_id"], one["price"])][0], one["quantity"])
            for one in document["lines"]
        ]


def held_codes(promotions: Iterable[Document]) -> dict[str, list[str]]:
    """Customer's id → the codes that are theirs alone, as they were sent to them by mail."""
    found: dict[str, list[str]] = {}
    for one in promotions:
        for condition in one["conditions"]:
            if condition["code"] == "shoal_customer" and one["enabled"]:
                (argument,) = condition["args"]
                found.setdefault(argument["value"], []).append(one["couponCode"])
    return found


def refundable(purchases: Iterable[Purchase], amount: int) -> Purchase | None:
    """Which of them money is given back of: the first with so much left, else the one with most."""
    its = [one for one in purchases if one.left > 0]
    enough = [one for one in its if one.left >= amount]
    return next(iter(enough), max(its, key=lambda one: one.left, default=None))


def shoppers(told: Document) -> Shoppers:
    """Whoever plays what the demo asks for."""
    order = Order(**told)
    return Shoppers(order, programme(order.seed, order.events, datetime.fromisoformat(order.now)))


if __name__ == "__main__":
    serve(shoppers)
