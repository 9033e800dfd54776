"""The log as days to play: what to send, in which order, and what goes wrong on the way.

Five in a hundred deliveries come twice, some come out of order or a day late, a few are broken.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec

from connectors.events import microseconds
from worker.demo.lives import BROWSE, CURRENCY, Happening, life
from worker.demo.purchases import Invoice, category, read_invoices, read_titles

DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
REPEATED: Final = 0.05
LATE: Final = 0.003
_BROKEN_EVERY: Final = 50  # days
_encode: Final = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, or one message of a page (``topic`` is then ``browse``).

    ``is_broken``: signed rightly and unreadable. ``is_forged``: signed with another secret.
    """

    topic: str
    body: bytes
    key: str
    is_broken: bool = False
    is_forged: bool = False


@dataclass(slots=True)
class Day:
    """What is sent of one day, which ends at ``end`` (business time, int microseconds).

    Attributes
    ----------
    first
        Products and accounts: what the others refer to.
    pages
        Messages of pages.
    rest
        Checkouts, orders, refunds, cancellations; out of order.
    """

    end: int
    first: list[Delivery] = field(default_factory=list)
    pages: list[Delivery] = field(default_factory=list)
    rest: list[Delivery] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.first) + len(self.pages) + len(self.rest)


@dataclass(frozen=True)
class Playlist:
    """All days, and the accounts that the store itself has from the beginning."""

    days: list[Day]
    accounts: list[dict[str, Any]]

    def __len__(self) -> int:
        return sum(map(len, self.days))


def playlist(seed: int, most: int) -> Playlist:
    """Whole customers of the log, in an order drawn from the seed, up to about ``most`` events.

    Parameters
    ----------
    most
        0: all of them.
    """
    titles = read_titles()
    told: list[Happening] = []
    products: dict[str, Happening] = {}
    for customer, invoices in drawn(read_invoices(), seed):
        luck = random.Random(f"{seed}:{customer}")  # noqa: S311 - a story, no secret
        its = life(customer, invoices, luck)
        if most and len(told) + len(products) + len(its) > most:
            continue
        _note_products(products, its, _prices(invoices), titles)
        told += its
    luck = random.Random(seed)  # noqa: S311 - same
    days = _days([*products.values(), *told])
    _disturb(days, luck)
    accounts = [one.document for one in told if one.topic == "customer.created"]
    return Playlist(days, accounts)


def drawn(found: dict[str, list[Invoice]], seed: int) -> list[tuple[str, list[Invoice]]]:
    """Customers who bought something, in an order drawn from the seed."""

    def place(customer: str) -> bytes:
        return hashlib.blake2b(f"{seed}:{customer}".encode(), digest_size=8).digest()

    with_sales = [one for one, its in found.items() if not all(each.is_return for each in its)]
    return [(customer, found[customer]) for customer in sorted(with_sales, key=place)]


def _prices(invoices: Sequence[Invoice]) -> dict[str, str]:
    return {line.product: str(line.price) for one in invoices for line in one.lines}


def _note_products(
    products: dict[str, Happening],
    told: Iterable[Happening],
    prices: dict[str, str],
    titles: dict[str, str],
) -> None:
    """A product is told of just before it is first spoken of."""
    for one in told:
        named = [one.document.get("properties", {}).get("product_id")]
        named += [line["product_id"] for line in one.document.get("lines", [])]
        for product in filter(None, named):
            known = products.get(product)
            if known is None or one.at <= known.at:
                at = one.at - timedelta(seconds=1)
                products[product] = _product(product, titles, prices, at)


def _product(product: str, titles: dict[str, str], prices: dict[str, str], at: Any) -> Happening:
    title = titles.get(product, product)
    document = {
        "id": product,
        "updated_at": at,
        "title": title,
        "price": prices.get(product, "1.00"),
        "currency": CURRENCY,
        "category": category(title),
        "stock": 100,
    }
    return Happening(at, "product.created", document)


def _days(told: Sequence[Happening]) -> list[Day]:
    ordered = sorted(told, key=lambda one: one.at)
    start, last = (microseconds(ordered[end].at) // DAY for end in (0, -1))
    days = [Day((number + 1) * DAY) for number in range(start, last + 1)]
    for number, one in enumerate(ordered):
        day = days[microseconds(one.at) // DAY - start]
        delivery = Delivery(one.topic, _encode(one.document), f"happening-{number}")
        if one.topic == BROWSE:
            day.pages.append(delivery)
        elif one.topic.startswith(("product", "customer")):
            day.first.append(delivery)
        else:
            day.rest.append(delivery)
    return days


def _disturb(days: Sequence[Day], luck: random.Random) -> None:
    """Repeat, shuffle, delay and break, in place. The last day keeps its own."""
    pairs = list(zip(days, [*days[1:], days[-1]], strict=True))
    # From the end, so that what is put into the next day is not drawn again.
    for day, next_day in reversed(pairs):
        for name in ("first", "pages", "rest"):
            its: list[Delivery] = getattr(day, name)
            again = [one for one in its if luck.random() < REPEATED]
            for one in again:
                chosen = day if luck.random() < 0.5 else next_day  # noqa: PLR2004 - a coin
                getattr(chosen, name).append(one)
        late = [one for one in day.rest if luck.random() < LATE] if day is not next_day else []
        next_day.rest += late
        day.rest = [one for one in day.rest if one not in late]
    for number, day in enumerate(days):
        luck.shuffle(day.rest)
        if number % _BROKEN_EVERY == _BROKEN_EVERY // 2:
            day.rest += _broken(number)


def _broken(number: int) -> list[Delivery]:
    half = f'{{"id": "broken-{number}", "status": "pa'.encode()
    forged = f'{{"id": "forged-{number}"}}'.encode()
    return [
        Delivery("order.paid", half, f"broken-{number}", is_broken=True),
        Delivery("order.paid", forged, f"forged-{number}", is_forged=True),
    ]
