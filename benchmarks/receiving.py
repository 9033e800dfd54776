"""The door at work: signed webhooks, then batches of browse events, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psutil
from sqlalchemy import func, select

from benchmarks.draining import await_end
from benchmarks.installation import fresh_installation
from benchmarks.machine import cpu_seconds, say
from benchmarks.sending import CONNECTIONS, Sent, request, send_all
from benchmarks.shops import SECRET, open_stores, partitions
from benchmarks.stream_events import CUSTOMERS, PRODUCTS
from benchmarks.workers import drain_workers, named, started
from connectors.sandbox.webhooks import signed_headers
from worker import models, stream
from worker.database import reading
from worker.programs import free_port
from worker.runtime import Kit
from worker.web.listeners import read_listening

IN_A_BATCH: Final = 100  # events of one call; Segment's libraries send as many
_PATIENCE: Final = 60  # seconds
_STORE: Final = "store0"
# What a store's webhooks tell: four carts, three orders, a checkout, a customer, a refund of ten.
_TOPICS: Final = (
    *("cart.updated", "order.created", "cart.updated", "checkout.updated", "order.paid"),
    *("cart.updated", "customer.updated", "order.created", "cart.updated", "refund.created"),
)


def measure(webhooks: int, events: int) -> dict[str, Any]:
    """Send so many signed webhooks, then so many browse events."""
    with fresh_installation() as made:
        kit = replace(made, settings=_with_ports(made))
        now = datetime.now(UTC)
        (store,) = open_stores(kit, [_STORE], now)
        signed = [_webhook(number, now) for number in range(webhooks)]
        calls = list(_calls(events, store.server_key, now))
        with started(kit, named(kit, "web")) as web, drain_workers(kit):
            port = _port(kit, web)
            say(f"sending {webhooks:,} webhooks, then {events:,} events in batches")
            before = cpu_seconds(web)
            first = send_all(port, signed)
            between = cpu_seconds(web)
            second = send_all(port, calls)
            after = cpu_seconds(web)
            await_end(kit, {one: stream.last_position(kit.redis, one) for one in partitions(kit)})
        return {
            "webhooks_per_second": round(first.accepted / first.seconds),
            "batch_events_per_second": round(second.accepted * IN_A_BATCH / second.seconds),
            "events_per_batch": IN_A_BATCH,
            "connections": CONNECTIONS,
            "cpu_us_per_webhook": round((between - before) / webhooks * 1e6),
            "cpu_us_per_batch_event": round((after - between) / events * 1e6, 1),
            "client_share_of_core": round(max(map(_share, (first, second))), 2),
            "refused": first.refused + second.refused,
            "all_applied": _logged(kit) == webhooks + len(calls) * IN_A_BATCH,
        }


def _with_ports(kit: Kit) -> Any:
    port = free_port("127.0.0.1", kit.settings.port)
    status = free_port("127.0.0.1", kit.settings.status_port, taken=(port,))
    return replace(kit.settings, host="127.0.0.1", port=port, status_port=status)


def _port(kit: Kit, web: psutil.Process) -> int:
    until = time.monotonic() + _PATIENCE
    while (listening := read_listening(kit.settings)) is None:
        if not web.is_running() or time.monotonic() > until:
            message = "the web process does not listen"
            raise SystemExit(message)
        time.sleep(0.02)  # between two looks at its file
    return listening.port


def _share(sent: Sent) -> float:
    return sent.client_cpu_seconds / sent.seconds


def _webhook(number: int, now: datetime) -> bytes:
    topic = _TOPICS[number % len(_TOPICS)]
    body = json.dumps(_document(topic.partition(".")[0], number, now)).encode()
    headers = signed_headers(SECRET, topic, body, f"w{number}")
    return request(f"/webhooks/{_STORE}", headers, body)


def _document(kind: str, number: int, now: datetime) -> dict[str, Any]:
    at = (now - timedelta(seconds=number % 3600)).isoformat()
    customer = {"id": f"c{number % CUSTOMERS}", "email": f"c{number % CUSTOMERS}@example.com"}
    lines = [
        {"product_id": f"p{product % PRODUCTS}", "quantity": 1, "price": "19.90"}
        for product in (number, number * 7)
    ]
    told = {"currency": "EUR", "created_at": at, "updated_at": at, "customer": customer}
    match kind:
        case "order":
            return {**told, "id": f"o{number}", "status": "paid", "lines": lines, "total": "39.80"}
        case "refund":
            return {**told, "id": f"r{number}", "amount": "9.90"}
        case "customer":
            return {**customer, "updated_at": at, "accepts": {"email": True}}
    return {**told, "token": f"t{number}", "lines": lines, "is_checkout": kind == "checkout"}


def _calls(events: int, key: str, now: datetime) -> Iterator[bytes]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    at = now.isoformat()
    for start in range(0, events, IN_A_BATCH):
        batch = [
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"m{number}",
                "userId": f"c{number % CUSTOMERS}",
                "timestamp": at,
                "properties": {"product_id": f"p{number % PRODUCTS}", "category": "shoes"},
            }
            for number in range(start, start + IN_A_BATCH)
        ]
        yield request("/v1/batch", headers, json.dumps({"batch": batch}).encode())


def _logged(kit: Kit) -> int:
    with reading(kit.engine) as connection:
        query = select(func.count()).select_from(models.events)
        return int(connection.execute(query).scalar_one())
