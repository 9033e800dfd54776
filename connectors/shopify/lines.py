"""The rest of an order's lines, where it has more than come with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from connectors.shopify import queries
from connectors.shopify.admin import Admin
from connectors.shopify.nodes import Connection, LineNode, OrderNode, RefundInOrder, ReturnedLine

T = TypeVar("T")


def whole_order(admin: Admin, order: OrderNode, patience: float) -> OrderNode:
    """An order with all of its lines, and its refunds with all of theirs.

    Raises
    ------
    PlatformError
        As any call.
    """
    lines = _rest(order.line_items, lambda after: _lines(admin, order.id, after, patience))
    refunds = tuple(_whole_refund(admin, each, patience) for each in order.refunds)
    return msgspec.structs.replace(order, line_items=lines, refunds=refunds)


def _whole_refund(admin: Admin, refund: RefundInOrder, patience: float) -> RefundInOrder:
    lines = _rest(
        refund.refund_line_items, lambda after: _returned(admin, refund.id, after, patience)
    )
    return msgspec.structs.replace(refund, refund_line_items=lines)


def _rest(first: Connection[T], fetch: Callable[[str], Connection[T] | None]) -> Connection[T]:
    nodes, after, seen = [*first.nodes], first.next, set[str]()
    while after is not None and after not in seen:
        seen.add(after)
        page = fetch(after)
        if page is None:  # deleted meanwhile
            break
        nodes += page.nodes
        after = page.next
    return Connection(nodes=tuple(nodes))


class _Order(msgspec.Struct, frozen=True, rename="camel"):
    line_items: Connection[LineNode]


class _OfOrder(msgspec.Struct, frozen=True):
    order: _Order | None = None


class _Refund(msgspec.Struct, frozen=True, rename="camel"):
    refund_line_items: Connection[ReturnedLine]


class _OfRefund(msgspec.Struct, frozen=True):
    refund: _Refund | None = None


def _lines(admin: Admin, gid: str, after: str, patience: float) -> Connection[LineNode] | None:
    variables: dict[str, Any] = {"id": gid, "after": after}
    found = admin.run_patiently(queries.ORDER_LINES, variables, _OfOrder, patience).order
    return found.line_items if found else None


def _returned(
    admin: Admin, gid: str, after: str, patience: float
) -> Connection[ReturnedLine] | None:
    variables: dict[str, Any] = {"id": gid, "after": after}
    found = admin.run_patiently(queries.REFUND_LINES, variables, _OfRefund, patience).refund
    return found.refund_line_items if found else None
