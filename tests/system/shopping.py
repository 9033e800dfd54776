"""A busy day of a shop as the documents it sends, in disorder, and what must come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from connectors.generic.messages import Sender
from connectors.protocol import StoreConfig, Webhook
from connectors.sandbox.webhooks import read, signed_headers
from worker.demo.verify import Told
from worker.tracking import Call, translate

STORE = "shop"
CUSTOMERS = 300
ORDERS = 3_000
REFUNDS = 700
PAGES = 11_200
BROKEN = 12
IN_A_BATCH = 100
DUPLICATES = 0.25  # of everything comes once more
PRODUCTS = 40
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request: a webhook of a topic, or (topic ``""``) a batch of a page's messages."""

    topic: str
    body: bytes
    key: str
    is_broken: bool = False

    def request(self, browser_key: str, secret: str) -> tuple[str, dict[str, str]]:
        """Path and headers."""
        if not self.topic:
            return "/v1/batch", {"authorization": f"Bearer {browser_key}"}
        return f"/webhooks/{STORE}", signed_headers(secret, self.topic, self.body, self.key)


@dataclass
class Day:
    """What is sent before all else, what is sent then in this order, and the plain facts."""

    now: datetime
    random: Random
    first: list[Delivery] = field(default_factory=list)
    rest: list[Delivery] = field(default_factory=list)
    facts: Told = field(default_factory=Told)

    def events(self) -> int:
        """How many events are sent, repeated ones included."""
        return sum(
            len(json.loads(one.body)["batch"]) if not one.topic else 1
            for one in (*self.first, *self.rest)
        )


def busy_day(seed: int, now: datetime) -> Day:
    """About 20,000 events: 14,000 of pages, 6,000 of the store, a fifth of them repeated."""
    day = Day(now, Random(seed))  # noqa: S311 - an example, not a secret
    day.first = [_webhook("product.created", one) for one in _products(day)]
    told = [*_people(day), *_orders(day)]
    told += _refunds(day)
    told += [
        Delivery("order.paid", f'{{"id": "broken-{n}", "status": "pa'.encode(), f"b{n}", True)
        for n in range(BROKEN)
    ]
    pages = _pages(day)
    day.facts.pages += pages
    shown = pages + day.random.sample(pages, int(len(pages) * DUPLICATES))
    day.random.shuffle(shown)
    batches = [
        Delivery("", _encoded({"batch": shown[at : at + IN_A_BATCH]}), f"batch{at}")
        for at in range(0, len(shown), IN_A_BATCH)
    ]
    day.rest = [*batches, *told, *day.random.sample(told, int(len(told) * DUPLICATES))]
    day.random.shuffle(day.rest)
    return day


def ids_of(deliveries: Sequence[Delivery], store: StoreConfig, now: datetime) -> set[bytes]:
    """The ids of all events that these requests bring."""
    found: set[bytes] = set()
    sender = Sender(store.id, store.currency, is_server=False)
    for one in deliveries:
        if one.is_broken:
            continue
        if one.topic:
            _, headers = one.request("", store.secrets["webhook_secret"])
            found |= {event.id for event in read(store, Webhook(headers, one.body, now)).events}
        else:
            found |= {event.id for event in translate(sender, Call("batch", one.body, now)).events}
    return found


def _webhook(topic: str, document: Document) -> Delivery:
    return Delivery(topic, _encoded(document), f"{topic} {document.get('id', '')}")


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def _time(at: datetime) -> str:
    return at.isoformat()


def _moment(day: Day) -> datetime:
    """Mostly within the last hour, else within the last two hundred days."""
    luck = day.random
    is_fresh = luck.random() < 0.6
    ago = luck.uniform(600, 3_000) if is_fresh else luck.uniform(2, 200) * 86_400
    return day.now - timedelta(seconds=round(ago))


def _products(day: Day) -> list[Document]:
    at = _time(day.now - timedelta(days=300))
    made = [
        {"id": f"p{n}", "updated_at": at, "price": "9.90", "category": f"shelf {n % 5}"}
        for n in range(PRODUCTS)
    ]
    day.facts.categories |= {str(one["id"]): str(one["category"]) for one in made}
    return made


def _people(day: Day) -> Iterator[Delivery]:
    """Each account, and a checkout that says whose device it was filled on."""
    for number in range(CUSTOMERS):
        at = _time(day.now - timedelta(days=250))
        account = {"id": f"c{number}", "updated_at": at, "email": f"c{number}@shop.example"}
        yield _webhook("customer.created", account)
        checkout = {
            "token": f"t{number}",
            "updated_at": _time(_moment(day)),
            "currency": "EUR",
            "is_checkout": True,
            "visitor": f"device-{number}",
            "customer": {"id": f"c{number}"},
        }
        day.facts.checkouts.append(checkout)
        yield _webhook("checkout.created", checkout)


def _orders(day: Day) -> Iterator[Delivery]:
    luck = day.random
    for number in range(ORDERS):
        at = _moment(day)
        order: Document = {
            "id": f"o{number}",
            "status": "paid",
            "currency": "EUR",
            "created_at": _time(at),
            "updated_at": _time(at),
            "lines": [
                {
                    "product_id": f"p{luck.randrange(PRODUCTS)}",
                    "quantity": luck.randrange(1, 4),
                    "price": f"{luck.randrange(100, 9_999) / 100:.2f}",
                }
                for _ in range(luck.randrange(1, 4))
            ],
            "cart_token": f"of o{number}",
            "customer": {"id": f"c{min(int(luck.expovariate(1 / 90)), CUSTOMERS - 1)}"},
        }
        later = {"updated_at": _time(at + timedelta(minutes=2))}
        drawn = luck.random()
        if drawn < 0.1:
            yield _webhook("order.created", {**order, "status": "pending"})
            order |= later
        yield _webhook("order.paid", order)
        if drawn > 0.8 and at < day.now - timedelta(days=1):
            order = {**order, **later, "status": "cancelled"}
            yield _webhook("order.cancelled", order)
        day.facts.orders[f"o{number}"] = order


def _refunds(day: Day) -> Iterator[Delivery]:
    """Every second one names its order only, which may come later."""
    luck = day.random
    known = sorted(day.facts.orders)
    for number in range(REFUNDS):
        order = day.facts.orders[luck.choice(known)]
        at = _time(_moment(day))
        refund = {
            "id": f"r{number}",
            "order_id": order["id"],
            "currency": "EUR",
            "amount": f"{luck.randrange(100, 900) / 100:.2f}",
            "created_at": at,
            "updated_at": at,
        }
        whole = {**refund, "customer": order["customer"]}
        day.facts.refunds.append(whole)
        yield _webhook("refund.created", whole if number % 2 else refund)


def _pages(day: Day) -> list[Document]:
    luck = day.random
    made = []
    for number in range(PAGES):
        # The first of each device names the cart by which the oracle knows whose it was.
        who = number if number < CUSTOMERS else luck.randrange(CUSTOMERS)
        properties: Document = {"product_id": f"p{luck.randrange(PRODUCTS)}"}
        if number < CUSTOMERS:
            properties["cart_id"] = f"t{who}"
        message = {
            "type": "track",
            "event": "Product Added" if number < CUSTOMERS else "Product Viewed",
            "anonymousId": f"device-{who}",
            "messageId": f"m{number}",
            "timestamp": _time(_moment(day)),
            "properties": properties,
        }
        made.append(message)
    return made
