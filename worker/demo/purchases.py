"""The shipped purchase log, read: every invoice with its lines. Nothing is simulated here."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
LOG: Final = EXAMPLES / "online_retail.csv.gz"
TITLES: Final = EXAMPLES / "online_retail_products.csv.gz"

# A category is the first of these words in a product's title: the log itself has none.
_WORDS: Final = {
    "christmas": ("CHRISTMAS", "XMAS", "ADVENT", "BAUBLE"),
    "bags": ("BAG", "SHOPPER", "PURSE"),
    "lights and candles": ("LIGHT", "CANDLE", "LANTERN", "LAMP"),
    "table": ("MUG", "CUP", "TEA", "BOWL", "PLATE", "GLASS", "CAKE", "LUNCH", "BOTTLE"),
    "jewellery": ("NECKLACE", "BRACELET", "EARRINGS", "RING", "CHARM"),
    "paper": ("CARD", "PAPER", "WRAP", "NOTEBOOK", "STICKER"),
    "walls": ("FRAME", "SIGN", "CLOCK", "MIRROR", "HOOK", "WALL"),
    "garden": ("GARDEN", "BIRD", "FLOWER", "PLANT"),
    "boxes": ("BOX", "TIN", "BASKET", "DRAWER"),
    "textiles": ("CUSHION", "COVER", "APRON", "TOWEL", "DOORMAT"),
}
OTHERS: Final = "everything else"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice; ``price`` is of one piece, in pounds."""

    product: str
    quantity: int
    price: Decimal

    @property
    def value(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Invoice:
    """One purchase, or (``is_return``) what was given back."""

    number: str
    customer: str
    at: datetime
    lines: tuple[Line, ...]

    @property
    def is_return(self) -> bool:
        """Whether goods went back: the source marks it with a C."""
        return self.number.startswith("C")


def read_invoices(path: Path = LOG) -> dict[str, list[Invoice]]:
    """Every customer's invoices, oldest first. Times without a zone are taken as UTC."""
    rows: dict[str, list[dict[str, str]]] = {}
    for row in _rows(path):
        rows.setdefault(row["invoice"], []).append(row)
    found: dict[str, list[Invoice]] = {}
    for number, its in rows.items():
        invoice = Invoice(
            number,
            its[0]["customer_id"],
            min(datetime.fromisoformat(row["invoice_date"]) for row in its).replace(tzinfo=UTC),
            tuple(
                Line(row["stock_code"], int(row["quantity"]), Decimal(row["price"])) for row in its
            ),
        )
        found.setdefault(invoice.customer, []).append(invoice)
    for its_invoices in found.values():
        its_invoices.sort(key=lambda one: (one.at, one.number))
    return found


def cancelled_by(invoices: Sequence[Invoice]) -> dict[str, Invoice]:
    """Returns that take back one whole earlier purchase of the same customer, by their number."""
    open_: dict[tuple[tuple[str, int, Decimal], ...], list[Invoice]] = {}
    found: dict[str, Invoice] = {}
    for invoice in invoices:
        sign = -1 if invoice.is_return else 1
        key = tuple(sorted((one.product, sign * one.quantity, one.price) for one in invoice.lines))
        if not invoice.is_return:
            open_.setdefault(key, []).append(invoice)
        elif open_.get(key):
            found[invoice.number] = open_[key].pop()
    return found


def read_titles(path: Path = TITLES) -> dict[str, str]:
    """Product → what the source calls it."""
    return {row["stock_code"]: row["description"].strip().title() for row in _rows(path)}


def category(title: str) -> str:
    """A category made up from a product's title."""
    words = title.upper().replace("-", " ").split()
    for name, its_words in _WORDS.items():
        if any(word.removesuffix("S") in its_words or word in its_words for word in words):
            return name
    return OTHERS


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
