"""What is played against Vendure: the window's purchases, lives around them, and a catalogue."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Final

from worker.demo.lives import Happening, life, tokens_of
from worker.demo.playlist import drawn
from worker.demo.purchases import Invoice, category, read_invoices, read_titles
from worker.demo.vendure.window import Window, last_days, shifted

_SECOND: Final = timedelta(seconds=1)
_COLUMNS: Final = (
    *("name", "slug", "description", "assets", "facets", "optionGroups", "optionValues", "sku"),
    *("price", "taxCategory", "stockOnHand", "trackInventory", "variantAssets", "variantFacets"),
)


@dataclass(frozen=True)
class Programme:
    """Thirty days.

    Attributes
    ----------
    days
        What happens on each, oldest first.
    owners
        Cart token → customer.
    prices
        Product → the prices it was sold at: a variant each.
    """

    window: Window
    days: list[list[Happening]]
    owners: dict[str, str]
    prices: dict[str, list[Decimal]]

    def __len__(self) -> int:
        return sum(map(len, self.days))


def programme(seed: int, most: int, now: datetime) -> Programme:
    """Whole customers of the window, in an order drawn from the seed, up to about ``most`` events.

    Parameters
    ----------
    most
        0: all of them.
    now
        When the play begins.
    """
    window = last_days(now)
    told: list[Happening] = []
    chosen: list[Invoice] = []
    for customer, invoices in drawn(shifted(read_invoices(), window), seed):
        luck = random.Random(f"{seed}:{customer}")  # noqa: S311 - a story, no secret
        lived = with_account_first(life(customer, invoices, luck))
        its = [one for one in lived if one.at in window]
        if most and len(told) + len(its) > most:
            continue
        told += its
        chosen += invoices
    days: list[list[Happening]] = [[] for _ in range(window.day_of(window.end))]
    for one in sorted(told, key=lambda each: each.at):
        days[window.day_of(one.at)].append(one)
    return Programme(window, days, _owners(chosen), _prices(chosen))


def with_account_first(told: Iterable[Happening]) -> list[Happening]:
    """A life whose account is made before the first checkout: Vendure asks who it is."""
    its = list(told)
    checkouts = [one.at for one in its if one.topic == "checkout.created"]
    return [
        replace(one, at=min([one.at, *(at - _SECOND for at in checkouts)]))
        if one.topic == "customer.created"
        else one
        for one in its
    ]


def _owners(invoices: Iterable[Invoice]) -> dict[str, str]:
    return {token: one.customer for one in invoices for token in tokens_of(one)}


def _prices(invoices: Iterable[Invoice]) -> dict[str, list[Decimal]]:
    found: dict[str, set[Decimal]] = {}
    for invoice in invoices:
        for line in invoice.lines:
            found.setdefault(line.product, set()).add(line.price)
    return {product: sorted(prices) for product, prices in sorted(found.items())}


def sku(product: str, price: Decimal | str) -> str:
    """What a variant is called: the product at a price."""
    return f"{product}-{Decimal(price):.2f}"


def catalogue(prices: Mapping[str, Sequence[Decimal]]) -> str:
    """The products as a file that Vendure imports; of what is sold there is always enough."""
    titles = read_titles()
    out = StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for product, its in prices.items():
        title = titles.get(product, product)
        about = {
            "name": title.replace("|", " "),
            "slug": f"p-{product.lower()}",
            "facets": f"category:{category(title)}",
            "optionGroups": "price" if len(its) > 1 else "",
        }
        for number, price in enumerate(its):
            row = {
                "optionValues": f"{price:.2f}" if len(its) > 1 else "",
                "sku": sku(product, price),
                "price": f"{price:.2f}",
                "taxCategory": "standard",
                "stockOnHand": "0",
                "trackInventory": "false",
            }
            writer.writerow(row if number else about | row)
    return out.getvalue()
