"""Buying and giving back: what a merchant's checkout does with carts, codes and stock."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from connectors.sandbox.server import coupons
from connectors.sandbox.server.clock import written
from connectors.sandbox.server.shelves import Document, Refused, Shelves


def place(shelves: Shelves, wanted: Document) -> Document:
    """Place an order: codes are redeemed by their rules, stock goes down.

    Raises
    ------
    Refused
        422 if a line, a code or the stock forbids it; nothing is changed then.
    """
    with shelves.lock:
        created = str(wanted.get("created_at") or written())
        order = {"status": "pending", "currency": shelves.currency, **wanted}
        order["created_at"] = created
        order.setdefault("updated_at", created)
        gross = _gross(order)
        _require_stock(shelves, order)
        order = shelves.put("orders", order)
        try:
            off = Decimal(str(order.get("discount", "0")))
            for code in order.get("coupons", []):
                off += coupons.redeem(shelves, str(code), order, gross)
        except (Refused, InvalidOperation):
            del shelves.kinds["orders"][order["id"]]
            raise
        order["discount"], order["total"] = str(off), str(gross - off)
        _take_stock(shelves, order)
        return order


def change(shelves: Shelves, key: str, status: str, at: str | None) -> Document:
    """Give an order another status, as of now or of a given time."""
    shelves.one("orders", key)
    return shelves.put("orders", {"id": key, "status": status, "updated_at": at})


def refund(shelves: Shelves, wanted: Document) -> Document:
    """Give money back, for an order of this store or for one it never heard of."""
    created = str(wanted.get("created_at") or written())
    document = {"currency": shelves.currency, "updated_at": created, **wanted}
    document["created_at"] = created
    if "amount" not in document:
        raise Refused(422, "amount: required")
    return shelves.put("refunds", document)


def _gross(order: Document) -> Decimal:
    try:
        return sum(
            (Decimal(str(line["price"])) * int(line["quantity"]) for line in order["lines"]),
            Decimal(0),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation):
        raise Refused(422, "lines: expected product_id, quantity and price each") from None


def _require_stock(shelves: Shelves, order: Document) -> None:
    for line in order["lines"]:
        product = shelves.kinds["products"].get(str(line["product_id"]), {})
        stock = product.get("stock")
        if stock is not None and stock < int(line["quantity"]):
            raise Refused(422, "lines: out of stock")


def _take_stock(shelves: Shelves, order: Document) -> None:
    for line in order["lines"]:
        product = shelves.kinds["products"].get(str(line["product_id"]), {})
        if product.get("stock") is not None:
            product["stock"] -= int(line["quantity"])
            product["updated_at"] = written()
