"""What is made up around the real purchases: visits, carts and checkouts left, birthdays, consent.

The log has none of it. Everything is drawn from one seed, so the same seed plays the same story.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from worker.demo.purchases import Invoice, Line, cancelled_by

CURRENCY: Final = "GBP"
BROWSE: Final = "browse"  # stands for a topic where a page tells and not the store
_CENT: Final = Decimal("0.01")
_SHOWN: Final = 3  # products looked at before an order, at most
_BASKET: Final = 4
# Shares, all made up.
_HAS_BIRTHDAY: Final = 0.6
_ACCEPTS_EMAIL: Final = 0.85
_HAS_TWO_DEVICES: Final = 0.3
_CAME_BEFORE: Final = 0.5
_COMES_AGAIN: Final = 0.45
_LEAVES_CHECKOUT: Final = 0.2
_LEAVES_CART: Final = 0.25
_PENDING_FIRST: Final = 0.15


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the store or a page of it tells: ``topic``, and the JSON it is told in."""

    at: datetime
    topic: str
    document: dict[str, Any]


def life(customer: str, invoices: Sequence[Invoice], luck: random.Random) -> list[Happening]:
    """Everything that is told about one customer, oldest first."""
    cancelled = cancelled_by(invoices)
    made: list[Happening] = [_account(customer, invoices[0].at, luck)]
    devices = [f"device-{customer}-{number}" for number in (1, 2)]
    used: list[str] = []
    for number, invoice in enumerate(invoices):
        if invoice.is_return:
            taken_back = cancelled.get(invoice.number)
            made.append(_refund(invoice) if taken_back is None else _cancel(invoice, taken_back))
            continue
        device = devices[luck.random() < _HAS_TWO_DEVICES and bool(used)]
        if not used and luck.random() < _CAME_BEFORE:
            made += _looking(invoice, device, -timedelta(hours=luck.uniform(20, 90)), luck)
        used.append(device)
        made += _purchase(invoice, device, luck)
        if luck.random() < _COMES_AGAIN:
            made += _later(invoice, luck.choice(used), _pause(invoices, number, luck), luck)
    return sorted(made, key=lambda one: one.at)


def tokens_of(invoice: Invoice) -> tuple[str, str]:
    """The carts around a purchase: the one that it was, and one that is left later."""
    return f"cart-{invoice.number}", f"left-{invoice.number}"


def _pause(invoices: Sequence[Invoice], number: int, luck: random.Random) -> timedelta:
    """When after a purchase somebody looks in again: before the next one, or within weeks."""
    if number + 1 < len(invoices):
        return (invoices[number + 1].at - invoices[number].at) * luck.uniform(0.2, 0.9)
    return timedelta(days=luck.uniform(1, 40))


def _account(customer: str, first: datetime, luck: random.Random) -> Happening:
    at = first - timedelta(seconds=luck.randrange(30, 240))
    document: dict[str, Any] = {
        "id": customer,
        "updated_at": at,
        "email": f"customer.{customer}@shop.example",
        "first_name": f"Customer {customer}",
        "accepts": {"email": luck.random() < _ACCEPTS_EMAIL},
    }
    if luck.random() < _HAS_BIRTHDAY:
        day = timedelta(days=luck.randrange(365 * 40))
        document["birthday"] = (datetime(1945, 1, 1) + day).date().isoformat()  # noqa: DTZ001 - a day
    return Happening(at, "customer.created", document)


def _purchase(invoice: Invoice, device: str, luck: random.Random) -> Iterator[Happening]:
    token, _ = tokens_of(invoice)
    lines = [line for line in invoice.lines if line.quantity > 0]
    seen = luck.sample(lines, min(len(lines), luck.randrange(1, _SHOWN + 1)))
    yield from _visit(invoice, device, seen, (token, -timedelta(minutes=luck.uniform(5, 25))), luck)
    checkout_at = invoice.at - timedelta(seconds=luck.randrange(60, 240))
    yield _checkout(invoice.customer, token, lines, checkout_at)
    if luck.random() < _PENDING_FIRST:
        yield Happening(invoice.at, "order.created", _order(invoice, "pending", invoice.at))
        paid_at = invoice.at + timedelta(seconds=luck.randrange(20, 200))
        yield Happening(paid_at, "order.paid", _order(invoice, "paid", paid_at))
    else:
        yield Happening(invoice.at, "order.paid", _order(invoice, "paid", invoice.at))


def _looking(
    invoice: Invoice, device: str, offset: timedelta, luck: random.Random
) -> Iterator[Happening]:
    lines = luck.sample(invoice.lines, min(len(invoice.lines), _SHOWN))
    return _visit(invoice, device, lines, ("", offset), luck)


def _later(
    invoice: Invoice, device: str, pause: timedelta, luck: random.Random
) -> Iterator[Happening]:
    """A visit without an order: just looking, or a cart or checkout that is left."""
    lines = luck.sample(invoice.lines, min(len(invoice.lines), _BASKET))
    drawn = luck.random()
    token = tokens_of(invoice)[1] if drawn < _LEAVES_CHECKOUT + _LEAVES_CART else ""
    yield from _visit(invoice, device, lines, (token, pause), luck)
    if drawn < _LEAVES_CHECKOUT:
        at = invoice.at + pause + timedelta(minutes=20)
        yield _checkout(invoice.customer, token, lines, at)


def _visit(
    invoice: Invoice,
    device: str,
    lines: Sequence[Line],
    cart: tuple[str, timedelta],
    luck: random.Random,
) -> Iterator[Happening]:
    """Pages seen from one device. A cart's token is what later tells whose device it was."""
    token, offset = cart
    at = invoice.at + offset
    yield _seen(at, device, "Page Viewed", {})
    for line in lines:
        at += timedelta(seconds=luck.randrange(10, 70))
        yield _seen(at, device, "Product Viewed", {"product_id": line.product})
    if token:
        at += timedelta(seconds=luck.randrange(5, 30))
        added: dict[str, Any] = {"product_id": lines[0].product, "cart_id": token, "quantity": 1}
        yield _seen(at, device, "Product Added", added)


def _seen(at: datetime, device: str, event: str, properties: dict[str, Any]) -> Happening:
    message = {
        "type": "track",
        "event": event,
        "anonymousId": device,
        "messageId": f"{device}-{at.timestamp():.6f}",
        "timestamp": at,
        "properties": properties,
    }
    return Happening(at, BROWSE, message)


def _checkout(customer: str, token: str, lines: Sequence[Line], at: datetime) -> Happening:
    document = {
        "token": token,
        "updated_at": at,
        "currency": CURRENCY,
        "is_checkout": True,
        "lines": [_line(line) for line in lines if line.quantity > 0],
        "customer": {"id": customer},
    }
    return Happening(at, "checkout.created", document)


def _order(invoice: Invoice, status: str, updated_at: datetime) -> dict[str, Any]:
    lines = [line for line in invoice.lines if line.quantity > 0]
    total = sum((line.value for line in lines), Decimal(0)).quantize(_CENT, ROUND_HALF_EVEN)
    return {
        "id": invoice.number,
        "status": status,
        "currency": CURRENCY,
        "created_at": invoice.at,
        "updated_at": updated_at,
        "lines": [_line(line) for line in lines],
        "total": str(total),
        "cart_token": tokens_of(invoice)[0],
        "customer": {"id": invoice.customer},
    }


def _cancel(invoice: Invoice, taken_back: Invoice) -> Happening:
    document = _order(taken_back, "cancelled", invoice.at)
    return Happening(invoice.at, "order.cancelled", document)


def _refund(invoice: Invoice) -> Happening:
    amount = abs(sum((line.value for line in invoice.lines), Decimal(0)))
    document = {
        "id": invoice.number,
        "currency": CURRENCY,
        "amount": str(amount.quantize(_CENT, ROUND_HALF_EVEN)),
        "created_at": invoice.at,
        "updated_at": invoice.at,
        "customer": {"id": invoice.customer},
    }
    return Happening(invoice.at, "refund.created", document)


def _line(line: Line) -> dict[str, Any]:
    return {"product_id": line.product, "quantity": line.quantity, "price": str(line.price)}
