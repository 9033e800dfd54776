"""A door with one sandbox store, on both databases and a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import msgspec
import pytest
import redis
from sqlalchemy import Engine

from connectors.events import Event
from connectors.sandbox.webhooks import signed_headers
from worker import installation, letter_stream, stream
from worker.database import transaction
from worker.dead_letters import Letter
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings
from worker.stores import AddedStore, NewStore, add_store
from worker.web.desk import Desk, make_desk
from worker.web.door import door_app

SECRET = "the store's webhook secret"
SEEDED = "seeded.person@example.org"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class House:
    """A desk, its store and what is needed to speak to it."""

    kit: Kit
    desk: Desk
    store: AddedStore
    id: str = "shop"

    async def post(self, path: str, **told: Any) -> httpx.Response:
        """What the door answers."""
        transport = httpx.ASGITransport(door_app(self.desk), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await client.request(told.pop("method", "POST"), path, **told)

    async def webhook(self, topic: str, document: Any, **headers: str) -> httpx.Response:
        """What the door answers to a signed webhook."""
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        signed = signed_headers(SECRET, topic, body, "happening")
        return await self.post(f"/webhooks/{self.id}", content=body, headers={**signed, **headers})

    async def call(self, verb: str, body: Any, key: str = "", **headers: str) -> httpx.Response:
        """What the door answers to a call of the track API."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {"authorization": f"Bearer {key}", **headers} if key else headers
        return await self.post(f"/v1/{verb}", content=content, headers=named)

    def events(self) -> list[Event]:
        """What stands in the store's stream."""
        entries = stream.read(self.kit.redis, self.store.partition, stream.START)
        found = [stream.decode(entry) for entry in entries]
        return [event for event in found if isinstance(event, Event)]

    def letters(self) -> list[Letter]:
        """What waits to become dead letters."""
        entries = cast("list[Any]", self.kit.redis.xrange(letter_stream.KEY))
        return [msgspec.msgpack.decode(fields[b"l"], type=Letter) for _, fields in entries]

    def redis_holds(self, text: str) -> bool:
        """Whether a text stands anywhere in Redis in clear."""
        keys = cast("list[bytes]", self.kit.redis.keys())
        return any(text.encode() in (self.kit.redis.dump(key) or b"") for key in keys)


def order(number: int = 1, **more: Any) -> dict[str, Any]:
    """A paid order as the sandbox tells it."""
    return {
        "id": f"order-{number}",
        "status": "paid",
        "currency": "EUR",
        "created_at": "2026-11-01T11:00:00Z",
        "updated_at": "2026-11-01T11:00:00Z",
        "lines": [{"product_id": "p1", "quantity": 2, "price": "10.00"}],
        "total": "20.00",
        "customer": {"id": "c1", "email": SEEDED, "first_name": "Seeded"},
        **more,
    }


def view(number: int = 1, **more: Any) -> dict[str, Any]:
    """A product view in Segment's format."""
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"message-{number}",
        "anonymousId": "visitor",
        "timestamp": "2026-11-01T11:00:00Z",
        "properties": {"product_id": "p1"},
        **more,
    }


@pytest.fixture
def sends() -> list[tuple[str, int]]:
    """The doorbells that were sent."""
    return []


@pytest.fixture
def kit(
    settings: Settings, database: Engine, valkey: redis.Redis, sends: list[tuple[str, int]]
) -> Iterator[Kit]:
    """A kit on the test's database and Valkey; its doorbells are only noted."""
    told = replace(
        settings,
        database_url=database.url.render_as_string(hide_password=False),
        redis_url=_url(valkey),
        rate_per_address=1_000,
    )
    with transaction(database) as connection:
        installation.partitions(connection, told.partitions)
    made = replace(open_kit(told), send=lambda task, number: sends.append((task, number)))
    yield made
    close_kit(made)


def _url(client: redis.Redis) -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


@pytest.fixture
def house(kit: Kit) -> Iterator[House]:
    """A door whose directory knows one store."""
    new = NewStore(
        id="shop",
        name="<b>Shop</b>",
        platform="sandbox",
        url="http://sandbox.example",
        currency="EUR",
        secrets={"webhook_secret": SECRET, "api_key": "sandbox key"},
        origins="https://shop.example",
    )
    with transaction(kit.engine) as connection:
        store = add_store(connection, kit.sealer, new, 0)
    desk = make_desk(kit)
    desk.directory.read()
    yield House(kit, desk, store)
    desk.directory.stop()


@pytest.fixture
def anyio_backend() -> str:
    """Tests of the door run in asyncio."""
    return "asyncio"
