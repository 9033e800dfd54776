"""The lists of a store, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from connectors.vendure.admin import Admin
from connectors.vendure.documents import (
    ChangedVariantDocument,
    CountDocument,
    CustomerDocument,
    Items,
    OrderDocument,
    ProductDocument,
    SettingsDocument,
)
from connectors.vendure.mapping import custom_fields
from connectors.vendure.queries import COUNTS, ORDERS, PRODUCTS, VARIANTS, customers_query
from connectors.vendure.walking import OVERLAP, PAGE, Fetch

D = TypeVar("D")
Narrowed = Mapping[str, Mapping[str, Any]]
_BY: Final = "updatedAt"
# Parts of an order that several sellers share are told by the whole.
_WHOLE: Final = {"type": {"notEq": "Seller"}}


@dataclass(frozen=True)
class Lists:
    """The lists of one store. A page is a :class:`connectors.vendure.walking.Fetch`."""

    admin: Admin

    def orders(self, narrowed: Narrowed, by: str = _BY) -> Fetch[OrderDocument]:
        """Orders or carts that a filter leaves."""
        wanted = {**_WHOLE, **narrowed}

        def fetch(
            after: datetime, until: datetime | None = None, skip: int = 0
        ) -> tuple[OrderDocument, ...]:
            return self.chosen_orders(_page(wanted, by, after, until, skip))

        return fetch

    def chosen_orders(self, options: Mapping[str, Any]) -> tuple[OrderDocument, ...]:
        """Orders or carts by any options."""
        return self._items(ORDERS, "orders", Items[OrderDocument], options)

    def customers(
        self, after: datetime, until: datetime | None = None, skip: int = 0
    ) -> tuple[CustomerDocument, ...]:
        """Customers."""
        return self.chosen_customers(_page({}, _BY, after, until, skip))

    def chosen_customers(self, options: Mapping[str, Any]) -> tuple[CustomerDocument, ...]:
        """Customers by any options, with the custom fields that the store's options name."""
        query = customers_query(custom_fields(self.admin.store.options))
        return self._items(query, "customers", Items[CustomerDocument], options)

    def products(
        self, after: datetime, until: datetime | None = None, skip: int = 0
    ) -> tuple[ProductDocument, ...]:
        """Products whose own entry changed."""
        return self.chosen_products(_page({}, _BY, after, until, skip))

    def chosen_products(self, options: Mapping[str, Any]) -> tuple[ProductDocument, ...]:
        """Products by any options."""
        data = self.admin.ask(PRODUCTS, options=options)
        settings = self.admin.one(data, "globalSettings", SettingsDocument)
        found = self.admin.one(data, "products", Items[ProductDocument]).items
        is_tracked = settings.track_inventory
        return tuple(msgspec.structs.replace(each, is_tracked=is_tracked) for each in found)

    def variants(
        self, after: datetime, until: datetime | None = None, skip: int = 0
    ) -> tuple[ChangedVariantDocument, ...]:
        """Variants whose own entry changed."""
        options = _page({}, _BY, after, until, skip)
        return self._items(VARIANTS, "productVariants", Items[ChangedVariantDocument], options)

    def counts(self, since: datetime) -> dict[str, int]:
        """How many of each kind changed since then."""
        late = {"updatedAt": {"after": _text(since - OVERLAP)}}
        options: dict[str, dict[str, Any]] = {
            "products": {"filter": late, "take": 1},
            "customers": {"filter": late, "take": 1},
            "orders": {"filter": {**late, **_WHOLE, "active": {"eq": False}}, "take": 1},
            "carts": {"filter": {**late, **_WHOLE, "active": {"eq": True}}, "take": 1},
        }
        data = self.admin.ask(COUNTS, **options)
        return {
            name.removesuffix("s"): self.admin.one(data, name, CountDocument).total_items
            for name in options
        }

    def _items(
        self, query: str, name: str, kind: type[Items[D]], options: Mapping[str, Any]
    ) -> tuple[D, ...]:
        return self.admin.one(self.admin.ask(query, options=options), name, kind).items


def chosen(field: str, *values: str) -> dict[str, Any]:
    """Options that choose by a field's values."""
    narrowed = {field: {"eq": values[0]} if len(values) == 1 else {"in": list(values)}}
    return {"filter": narrowed, "take": PAGE}


def before(at: datetime) -> dict[str, Any]:
    """A filter of a time."""
    return {"before": _text(at)}


def pages_of(ids: Sequence[str]) -> list[Sequence[str]]:
    """Ids, a page at a time."""
    return [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]


def _page(
    narrowed: Narrowed, by: str, after: datetime, until: datetime | None, skip: int
) -> dict[str, Any]:
    # One field to sort by: of two, the schema's order decides which comes first, not ours.
    span: dict[str, Any] = {"after": _text(after)}
    if until is not None:
        span = {"between": {"start": _text(after), "end": _text(until)}}
    return {
        "filter": {**narrowed, by: span},
        "sort": {by if until is None else "id": "ASC"},
        "skip": skip,
        "take": PAGE,
    }


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
