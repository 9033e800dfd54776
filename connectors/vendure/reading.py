"""What a Vendure store knows: what changed, in parts that can be gone on with; and one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import msgspec

from connectors.connecting import Stretch
from connectors.errors import MalformedPayload, PlatformUnavailable
from connectors.events import Event, Source
from connectors.facts import Heard
from connectors.protocol import LookUp, StoreConfig
from connectors.records import Refund
from connectors.vendure.documents import CustomerDocument, OrderDocument, ProductDocument
from connectors.vendure.lists import Lists, before, chosen, pages_of
from connectors.vendure.mapping import customer_event, order_events, product_event, version
from connectors.vendure.walking import OVERLAP, Dated, Place, in_order, key_of, walked

D = TypeVar("D")
V = TypeVar("V", bound=Dated)
# What a fresh sale moved in stock is read again; a backfill reads the whole catalogue anyway.
_FRESH: Final = timedelta(days=7)
_ORDERED: Final = {"active": {"eq": False}}
_OPEN: Final = {"active": {"eq": True}}
_PART: Final = 100  # documents
_KINDS: Final = ("products", "customers", "orders", "refunds", "carts")


class _Told(msgspec.Struct, frozen=True):
    """An event, to be ordered like a document."""

    event: Event

    @property
    def id(self) -> str:
        """Its id as text."""
        return self.event.id.hex()

    @property
    def updated_at(self) -> datetime:
        """Its time."""
        return self.event.at


@dataclass(frozen=True)
class Reader:
    """Reads one store."""

    lists: Lists

    def changes(self, since: datetime) -> Iterator[Event]:
        """Products, customers, orders, refunds and carts changed since then."""
        for part in self.stretches(since):
            yield from part.events

    def stretches(self, since: datetime, resume: str = "") -> Iterator[Stretch]:
        """The same in parts, each with the word that goes on behind it."""
        kind, place = _place(resume)
        # Refunds come with their orders; who went on behind some of these has missed theirs.
        refunds: list[Event] | None = None if kind in {"orders", "refunds", "carts"} else []
        walks: dict[str, Callable[[datetime, Place | None], Iterator[Stretch]]] = {
            "products": self._products,
            "customers": self._customers,
            "orders": partial(self._orders, refunds),
            "refunds": partial(self._refunds, refunds),
            "carts": self._carts,
        }
        names = list(walks)
        for name in names[names.index(kind) :]:
            yield from walks[name](since, place if name == kind else None)

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """One thing by its id (an order or cart by its code); empty if it is gone."""
        if wanted.kind == "refund":
            problem = "Vendure tells a refund with its order only"
            raise self.lists.admin.refusal(problem)
        if wanted.kind in {"order", "cart"}:
            orders = self.lists.chosen_orders(chosen("code", wanted.key))
            return self._events(order_events, orders)
        if wanted.kind == "product":
            return self._events(_product, self.lists.chosen_products(chosen("id", wanted.key)))
        return self._events(_customer, self.lists.chosen_customers(chosen("id", wanted.key)))

    def _products(self, since: datetime, place: Place | None) -> Iterator[Stretch]:
        changed = list(walked(self.lists.products, since))
        touched = {variant.product_id for variant in walked(self.lists.variants, since)}
        if datetime.now(UTC) - since < _FRESH:
            sold = self._sold(since, since)
            touched |= {line.product_variant.product_id for _, each in sold for line in each.lines}
        for ids in pages_of(sorted(touched - {document.id for document in changed})):
            changed += self.lists.chosen_products(chosen("id", *ids))
        # Held at once, because a product is as new as its newest stock.
        yield from self._whole("products", self._events(_product, changed, "poll"), since, place)

    def _customers(self, since: datetime, place: Place | None) -> Iterator[Stretch]:
        walk = walked(self.lists.customers, place.floor if place else since)
        people = in_order(((each.updated_at, each) for each in walk), _updated)
        for part, word in _parts("customers", people, place):
            yield Stretch(self._events(_customer, part, "poll"), word)

    def _orders(
        self, refunds: list[Event] | None, since: datetime, place: Place | None
    ) -> Iterator[Stretch]:
        sold = in_order(self._sold(since, place.floor if place else since), version)
        for part, word in _parts("orders", sold, place):
            events = self._events(order_events, part, "poll")
            if refunds is not None:
                refunds += [event for event in events if isinstance(event.body, Refund)]
            yield Stretch(tuple(e for e in events if not isinstance(e.body, Refund)), word)

    def _refunds(
        self, refunds: list[Event] | None, since: datetime, place: Place | None
    ) -> Iterator[Stretch]:
        if refunds is None:
            orders = [document for _, document in self._sold(since, since)]
            events = self._events(order_events, orders, "poll")
            refunds = [event for event in events if isinstance(event.body, Refund)]
        yield from self._whole("refunds", refunds, since, place)

    def _carts(self, since: datetime, place: Place | None) -> Iterator[Stretch]:
        walk = walked(self.lists.orders(_OPEN), place.floor if place else since)
        carts = in_order(((each.updated_at, each) for each in walk), version)
        for part, word in _parts("carts", carts, place):
            yield Stretch(self._events(order_events, part, "poll"), word)

    def _whole(
        self, kind: str, events: Iterable[Event], since: datetime, place: Place | None
    ) -> Iterator[Stretch]:
        """Events that have to be held at once to be put in order."""
        entries = sorted(map(_Told, events), key=lambda told: key_of(told, told.updated_at))
        found = ((told, Place(since, key_of(told, told.updated_at))) for told in entries)
        for part, word in _parts(kind, found, place):
            yield Stretch(tuple(told.event for told in part), word)

    def _sold(self, since: datetime, start: datetime) -> Iterator[tuple[datetime, OrderDocument]]:
        """Orders changed or placed since then, those that changed later than ``start`` at least."""
        narrowed = {**_ORDERED, "updatedAt": before(since - OVERLAP)}
        placed = walked(
            self.lists.orders(narrowed, by="orderPlacedAt"),
            since,
            lambda order: order.order_placed_at or order.updated_at,
        )
        # Placing an order leaves its updatedAt alone: such orders are in no list of changes.
        yield from [(since - OVERLAP, each) for each in placed]
        for each in walked(self.lists.orders(_ORDERED), start):
            yield each.updated_at, each

    def _events(
        self,
        read: Callable[[D, Heard, StoreConfig], tuple[Event, ...]],
        documents: Iterable[D],
        source: Source = "webhook",
    ) -> tuple[Event, ...]:
        admin = self.lists.admin
        heard = Heard(admin.store.id, datetime.now(UTC), source)
        try:
            return tuple(event for each in documents for event in read(each, heard, admin.store))
        except MalformedPayload as error:
            problem = f"unreadable answer: {error}"
        raise PlatformUnavailable(problem, **admin.place)


def _updated(document: CustomerDocument) -> datetime:
    return document.updated_at


def _customer(document: CustomerDocument, heard: Heard, store: StoreConfig) -> tuple[Event, ...]:
    return (customer_event(document, heard, store),)


def _product(document: ProductDocument, heard: Heard, store: StoreConfig) -> tuple[Event, ...]:
    return (product_event(document, heard, store),)


def _parts(
    kind: str, found: Iterable[tuple[V, Place]], place: Place | None
) -> Iterator[tuple[list[V], str]]:
    """Entries behind a place, a part at a time, with the word that goes on behind each part."""
    part: list[V] = []
    word = ""
    for entry, reached in found:
        if place is not None and reached.last <= place.last:
            continue
        part.append(entry)
        word = f"{kind} {reached.word}"
        if len(part) == _PART:
            yield part, word
            part = []
    if part:
        yield part, word


def _place(resume: str) -> tuple[str, Place | None]:
    """Where a walk goes on: the list, and the place in it."""
    if not resume:
        return "products", None
    kind, _, word = resume.partition(" ")
    try:
        if kind in _KINDS:
            return kind, Place.of(word)
    except ValueError:
        pass
    problem = f"resume {resume!r}: expected a word that a stretch came with"
    raise ValueError(problem)
