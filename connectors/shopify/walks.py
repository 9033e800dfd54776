"""Everything that changed in a shop, page by page, and how to go on after a break.

Four walks: products, customers, orders, refunds. A word such as ``orders|CURSOR`` says which walk
goes on and where; ``end`` is the word behind the last page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import msgspec

from connectors.connecting import Stretch
from connectors.errors import MalformedPayload, PlatformUnavailable
from connectors.events import Event
from connectors.facts import Heard
from connectors.shopify import queries, reading
from connectors.shopify.admin import Admin
from connectors.shopify.faults import TooMuch
from connectors.shopify.lines import whole_order
from connectors.shopify.nodes import (
    Connection,
    CustomerNode,
    OrderNode,
    OrderWithRefunds,
    ProductNode,
)
from connectors.shopify.queries import Operation

T = TypeVar("T")
PATIENCE: Final = 20.0  # seconds that a page may wait for its points
# The search behind these lists is brought up to date a little after the things themselves.
_LAG: Final = timedelta(minutes=2)
_SMALLEST_PAGE: Final = 25
_UNANSWERED: Final = frozenset({0, 502, 504})
_REFUNDED: Final = "(financial_status:refunded OR financial_status:partially_refunded)"
_KINDS: Final = ("products", "customers", "orders", "refunds")
_END: Final = "end"


def stretches(admin: Admin, since: datetime, resume: str) -> Iterator[Stretch]:
    """Changes since then in parts, products before customers before orders before refunds.

    Raises
    ------
    ValueError
        If ``resume`` is not a word of ours.
    PlatformError
        As any call; what was handed out before stands, and its word leads on.
    """
    kind, cursor = _place(resume)
    if kind == _END:
        return
    for place in range(_KINDS.index(kind), len(_KINDS)):
        following = f"{_KINDS[place + 1]}|" if place + 1 < len(_KINDS) else _END
        yield from _walk(admin, _KINDS[place], since, (cursor, following))
        cursor = None


def count(admin: Admin, since: datetime) -> dict[str, int]:
    """About how many products, customers, orders and orders with refunds a walk will bring."""
    query = _changed_since(since)
    variables = {"query": query, "refunded": f"{query} AND {_REFUNDED}"}
    counted = admin.run_patiently(queries.COUNTS, variables, dict[str, _Count], PATIENCE)
    return {kind: one.count for kind, one in counted.items()}


class _Count(msgspec.Struct, frozen=True):
    count: int


def _walk(
    admin: Admin, kind: str, since: datetime, ends: tuple[str | None, str]
) -> Iterator[Stretch]:
    cursor, following = ends
    if kind == "refunds":
        yield Stretch(tuple(_refunds(admin, since)), following)
        return
    pages = _Pages(admin, kind, _changed_since(since), _PAGES[kind])
    for nodes, after in pages.behind(cursor):
        events = tuple(_event(admin, kind, node) for node in nodes)
        yield Stretch(events, following if after is None else f"{kind}|{after}")


def _refunds(admin: Admin, since: datetime) -> list[Event]:
    """Shopify lists refunds by their orders only, so they are put in order here."""
    query = f"{_changed_since(since)} AND {_REFUNDED}"
    pages = _Pages(admin, "orders", query, (queries.REFUNDS, OrderWithRefunds))
    events = [
        _event(admin, "refunds", refund)
        for nodes, _ in pages.behind(None)
        for order in nodes
        for refund in order.refunds
        if refund.total_refunded_set.shop_money.amount > 0
    ]
    return sorted(events, key=lambda event: event.at)


@dataclass
class _Pages(Generic[T]):
    """The pages of one list; one that is too much or does not come is asked for smaller."""

    admin: Admin
    field: str
    query: str
    wanted: tuple[Operation, type[T]]
    size: int = queries.PAGE_SIZE

    def behind(self, cursor: str | None) -> Iterator[tuple[tuple[T, ...], str | None]]:
        """Each page's nodes and the cursor behind it; None: it was the last."""
        seen = {cursor}
        while True:
            page = self._page(cursor)
            after = page.next
            if after in seen:
                after = None  # the same place twice leads nowhere
            yield page.nodes, after
            if after is None:
                return
            seen.add(after)
            cursor = after

    def _page(self, cursor: str | None) -> Connection[T]:
        operation, kind = self.wanted
        while True:
            variables = {"first": self.size, "after": cursor, "query": self.query}
            try:
                found = self.admin.run_patiently(
                    operation,
                    variables,
                    dict[str, Connection[kind]],  # type: ignore[valid-type] # made at run time
                    PATIENCE,
                )
            except TooMuch:
                if not self._shrink():
                    raise
            except PlatformUnavailable as error:
                if error.status not in _UNANSWERED or not self._shrink():
                    raise
            else:
                return found[self.field]

    def _shrink(self) -> bool:
        is_smallest = self.size <= _SMALLEST_PAGE
        self.size = max(self.size // 2, _SMALLEST_PAGE)
        return not is_smallest


def _event(admin: Admin, kind: str, node: Any) -> Event:
    heard = Heard(admin.store.id, datetime.now(UTC), "poll")
    problem = ""
    try:
        if kind == "products":
            return reading.product_event(node, heard)
        if kind == "customers":
            return reading.customer_event(node, heard, admin.store)
        if kind == "orders":
            return reading.order_event(whole_order(admin, node, PATIENCE), heard, admin.store)
        return reading.refund_event(node, heard)
    except MalformedPayload as error:
        problem = f"unreadable answer: {error}"
    raise PlatformUnavailable(problem, **admin.place())


def _changed_since(since: datetime) -> str:
    earliest = datetime.min.replace(tzinfo=UTC) + _LAG
    at = max(since.astimezone(UTC), earliest) - _LAG
    return f"updated_at:>='{at.strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def _place(resume: str) -> tuple[str, str | None]:
    if not resume:
        return _KINDS[0], None
    kind, sign, cursor = resume.partition("|")
    if resume == _END or (sign and kind in _KINDS):
        return kind, cursor or None
    message = f"resume: expected {_END!r} or one of {', '.join(_KINDS)} before a '|'"
    raise ValueError(message)


_PAGES: Final[Mapping[str, tuple[Operation, type[Any]]]] = {
    "products": (queries.PRODUCTS, ProductNode),
    "customers": (queries.CUSTOMERS, CustomerNode),
    "orders": (queries.ORDERS, OrderNode),
}
