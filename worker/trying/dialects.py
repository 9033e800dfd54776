"""The exports that `shoal try` knows by their headers, and a guess for every other table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.order_files import FIELDS

# What a file may say of an order beyond the fields of a purchase log.
EXTRAS: Final = ("line_total", "order_total", "refunded", "status", "cancelled", "currency")
OURS: Final = (*FIELDS, *EXTRAS)
NEEDED: Final = ("customer", "time")


@dataclass(frozen=True, slots=True)
class Dialect:
    """An export and its columns.

    Attributes
    ----------
    needs
        Normalised headers, one of each alternative must be there.
    columns
        Ours -> normalised headers; the first that is there is meant. Of ``customer`` the first
        cell that says something is.
    is_order_once
        What is said of a whole order (discount, refund) stands in each row or only in its first.
    is_net
        Discounts are taken off the price already.
    """

    name: str
    platform: str
    needs: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]
    is_order_once: bool = True
    is_net: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """Which of a table's columns are meant: ours -> names in the header (several: a choice)."""

    dialect: Dialect
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def map_text(self) -> str:
        """The ``--map`` that says the same."""
        pairs = [(ours, self.columns[ours][0]) for ours in FIELDS if ours in self.columns]
        return ",".join(f"{ours}={theirs}" for ours, theirs in pairs)


_WOO_ORDER: Final = {
    "order": ("order_number", "order_id", "order"),
    "customer": ("email_billing", "billing_email", "customer_email", "customer_id", "customer"),
    "time": ("order_date", "date", "date_created"),
    "status": ("order_status", "status"),
    "currency": ("order_currency", "currency"),
    "discount": ("discount_total", "cart_discount_amount", "cart_discount"),
    "refunded": ("refunded_total", "order_refund_amount"),
}
SHOPIFY: Final = Dialect(
    "Shopify's order export",
    "shopify",
    (
        ("name",),
        ("financial_status",),
        ("created_at", "paid_at"),
        ("lineitem_quantity",),
        ("lineitem_price",),
    ),
    {
        "order": ("name",),
        "customer": ("email", "phone"),
        "time": ("created_at", "paid_at"),
        "product": ("lineitem_sku", "lineitem_name"),
        "quantity": ("lineitem_quantity",),
        "price": ("lineitem_price",),
        "discount": ("discount_amount",),
        "refunded": ("refunded_amount",),
        "status": ("financial_status",),
        "cancelled": ("cancelled_at", "canceled_at"),
        "currency": ("currency",),
    },
    is_net=False,
)
WOOCOMMERCE: Final = (
    Dialect(
        "WooCommerce's order export, a row a line",
        "woocommerce",
        (
            ("order_number", "order_id"),
            ("order_date", "date", "date_created"),
            ("item_quantity", "quantity_refund"),
            ("item_total", "item_cost", "order_line_total"),
        ),
        _WOO_ORDER
        | {
            "product": ("item_sku", "sku", "item_product_id", "product_id", "item_name"),
            "quantity": ("item_quantity", "quantity_refund"),
            "line_total": ("item_total", "order_line_total"),
            "price": ("item_cost",),
        },
    ),
    Dialect(
        "WooCommerce's order export, a row an order",
        "woocommerce",
        (
            ("order_number", "order_id", "order"),
            ("order_date", "date", "date_created"),
            ("order_total", "order_total_amount", "net_sales", "n_revenue"),
            ("email_billing", "billing_email", "customer_email", "customer"),
            ("status", "order_status"),
        ),
        _WOO_ORDER
        | {"order_total": ("order_total", "order_total_amount", "net_sales", "n_revenue")},
    ),
)
RETAIL: Final = Dialect(
    "a table of order lines",
    "",
    (
        ("invoice", "invoiceno", "invoice_no"),
        ("invoicedate", "invoice_date"),
        ("customerid", "customer_id"),
        ("stockcode", "stock_code"),
        ("price", "unitprice", "unit_price"),
    ),
    {
        "order": ("invoice", "invoiceno", "invoice_no"),
        "customer": ("customerid", "customer_id"),
        "time": ("invoicedate", "invoice_date"),
        "product": ("stockcode", "stock_code"),
        "quantity": ("quantity",),
        "price": ("price", "unitprice", "unit_price"),
    },
    is_order_once=False,
)
KNOWN: Final = (SHOPIFY, *WOOCOMMERCE, RETAIL)
# Names that other tables use, surest first.
SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "order": (
        *("order", "order_id", "orderid", "order_number", "order_no", "invoice", "invoiceno"),
        *("invoice_no", "invoice_id", "transaction_id", "receipt", "basket_id", "bestellung"),
        *("bestellnummer", "auftrag", "auftragsnummer", "rechnung", "rechnungsnummer", "commande"),
    ),
    "customer": (
        *("customer", "customer_id", "customerid", "client_id", "user_id", "userid", "member_id"),
        *("customer_email", "email", "e_mail", "household_key", "client", "kunde", "kunden_id"),
        *("kundennummer", "kundennr", "cliente", "customer_number", "buyer", "account_id"),
    ),
    "time": (
        *("time", "date", "timestamp", "order_date", "orderdate", "invoice_date", "invoicedate"),
        *("created_at", "datetime", "purchase_date", "transaction_date", "placed_at", "ordered_at"),
        *("datum", "bestelldatum", "rechnungsdatum", "fecha", "date_commande", "paid_at", "day"),
    ),
    "product": (
        *("product", "product_id", "productid", "sku", "stockcode", "stock_code", "item_id"),
        *("item", "article", "artikel", "artikelnummer", "artikelnr", "product_name", "produkt"),
        *("description", "producto", "produit"),
    ),
    "quantity": (
        *("quantity", "qty", "pieces", "units", "count", "menge", "anzahl", "stueck", "cantidad"),
        "quantite",
    ),
    "price": (
        *("price", "unit_price", "unitprice", "item_price", "preis", "einzelpreis", "stueckpreis"),
        *("verkaufspreis", "prix", "prix_unitaire", "precio", "precio_unitario"),
    ),
    "line_total": (
        *("line_total", "total", "amount", "value", "sales", "sales_value", "revenue", "spend"),
        *("betrag", "umsatz", "summe", "gesamtpreis", "importe", "montant", "total_price"),
    ),
    "discount": ("discount", "discount_amount", "rabatt"),
    "currency": ("currency", "waehrung", "currency_code"),
    "status": ("status", "order_status", "financial_status"),
}
OTHER: Final = Dialect("a table of orders", "", (), {}, is_order_once=False)


def normal(header: str) -> str:
    """A header without case, accents and punctuation: ``Kunden-Nr.`` is ``kunden_nr``."""
    spelled = header.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def known_layout(header: Sequence[str]) -> Layout | None:
    """The layout of an export that is known by its headers."""
    there = {normal(name): name for name in reversed(header)}
    for dialect in KNOWN:
        if all(any(one in there for one in either) for either in dialect.needs):
            columns = {
                ours: tuple(there[one] for one in names if one in there)
                for ours, names in dialect.columns.items()
            }
            return Layout(dialect, {ours: names for ours, names in columns.items() if names})
    return None


def guessed(header: Sequence[str]) -> dict[str, str]:
    """Ours -> the column whose name is one that is used for it; each column at most once."""
    there = {normal(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for ours, names in SYNONYMS.items():
        name = next((one for one in names if one in there), None)
        if name is not None and there[name] not in found.values():
            found[ours] = there[name]
    if "price" in found and "line_total" in found:
        del found["line_total"]
    return found


def layout_from(pairs: Mapping[str, str]) -> Layout:
    """The layout of a table whose columns somebody named."""
    return Layout(OTHER, {ours: (theirs,) for ours, theirs in pairs.items()})
