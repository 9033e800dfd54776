"""Each trouble is told once when it begins and once when it ends, and holds nothing up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from connectors.signatures import require_standard
from tests.worker.driving import HOUR, Driver
from worker import models, notices, stream
from worker.checkup import examine
from worker.database import transaction
from worker.notices import turn
from worker.runtime import Kit

SECRET = "whsec_aGVsbG8="


@dataclass
class Address:
    """Who is told; answers with ``status``."""

    url: str = ""
    status: int = 204
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def told(self) -> list[tuple[str, str, str]]:
        """Type, kind and subject of everything heard since."""
        bodies: list[dict[str, Any]] = [json.loads(body) for _, body in self.heard]
        self.heard.clear()
        return [(one["type"], one["data"]["kind"], one["data"]["subject"]) for one in bodies]


@pytest.fixture
def address() -> Iterator[Address]:
    here = Address()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(here.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quietly."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        here.url = f"http://127.0.0.1:{server.server_port}/secret-path"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield here
        server.shutdown()
        thread.join()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5) as made:
        yield made


@pytest.fixture
def told(driver: Driver, address: Address) -> Driver:
    """A driver whose troubles are told to the address."""
    settings = replace(
        driver.kit.settings,
        notify_url=address.url,
        notify_secret=SECRET,
        private_hosts=("127.0.0.1",),
    )
    settings.home.mkdir(exist_ok=True)
    driver.kit = replace(driver.kit, settings=settings)
    return driver


def pause(kit: Kit, why: str) -> None:
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(paused=why))


def test_a_beginning_and_an_end_are_each_told_once(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    turn(told.kit, http)
    assert address.told() == []
    pause(told.kit, "no access")
    turn(told.kit, http)
    ((headers, body),) = address.heard
    require_standard([SECRET], headers, body, told.now)
    assert "no access" in json.loads(body)["data"]["said"]
    assert address.told() == [("shoal.trouble.began", "store_paused", "shop")]
    turn(told.kit, http)
    assert address.told() == []
    pause(told.kit, "")
    turn(told.kit, http)
    turn(told.kit, http)
    assert address.told() == [("shoal.trouble.ended", "store_paused", "shop")]
    # So soon again it is not told; if it lasts, it is.
    pause(told.kit, "no access")
    turn(told.kit, http)
    assert address.told() == []
    told.now += HOUR
    turn(told.kit, http)
    assert address.told() == [("shoal.trouble.began", "store_paused", "shop")]


def test_an_address_that_fails_is_tried_ever_more_slowly_with_the_same_id(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    address.status = 500
    pause(told.kit, "no access")
    for _ in range(3):
        turn(told.kit, http)
    assert len(address.heard) == 1
    told.now += timedelta(seconds=31)
    turn(told.kit, http)
    told.now += timedelta(seconds=31)
    turn(told.kit, http)
    assert len(address.heard) == 2
    (finding,) = [one for one in examine(told.kit.settings) if one.check == "notices"]
    assert not finding.is_ok
    assert "secret-path" not in finding.said
    address.status = 204
    told.now += HOUR
    turn(told.kit, http)
    assert len({headers["webhook-id"] for headers, _ in address.heard}) == 1
    assert len(address.told()) == 3
    turn(told.kit, http)
    assert address.told() == []


def test_what_ended_before_it_was_told_is_not_told(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    address.status = 500
    pause(told.kit, "no access")
    turn(told.kit, http)
    address.heard.clear()
    pause(told.kit, "")
    told.now += HOUR
    turn(told.kit, http)
    assert address.told() == []


def test_lag_letters_and_refused_pushes_are_told_a_few_at_a_time(
    told: Driver, address: Address, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MOST", 2)
    told.now = datetime.now(UTC) + timedelta(minutes=10)
    stream.append(told.kit.redis, told.partition, [told.order("o1", "c1")])
    with transaction(told.kit.engine) as connection:
        finished = int(told.now.timestamp() * 1e6)
        connection.execute(
            models.actions.insert().values(key="k", store=1, state="refused", finished_at=finished)
        )
        connection.execute(models.dead_letters.insert().values(id=b"x", store="shop", kind="event"))
    turn(told.kit, http)
    assert len(address.heard) == 2
    turn(told.kit, http)
    assert sorted(kind for _, kind, _ in address.told()) == [
        "dead_letters",
        "lag",
        "pushes_refused",
    ]
    checks = {one.check for one in examine(told.kit.settings) if not one.is_ok}
    assert {"pushes refused shop"} <= checks


def test_a_private_address_is_refused_unless_allowed(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    told.kit = replace(told.kit, settings=replace(told.kit.settings, private_hosts=()))
    pause(told.kit, "no access")
    turn(told.kit, http)
    assert address.heard == []
    kept = {row.name: row.value for row in told.rows(models.meta, "name", "value")}
    assert json.loads(kept["notice:store_paused:shop"])["tries"] == 1


def test_without_a_secret_it_is_not_signed(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    told.kit = replace(told.kit, settings=replace(told.kit.settings, notify_secret=""))
    pause(told.kit, "no access")
    turn(told.kit, http)
    ((headers, _),) = address.heard
    assert "webhook-id" in headers
    assert "webhook-signature" not in headers


def test_redis_away_is_a_trouble_of_its_own(
    told: Driver, address: Address, http: httpx.Client
) -> None:
    away = stream.connect("redis://127.0.0.1:9/0")
    turn(replace(told.kit, redis=away), http)
    assert address.told() == [("shoal.trouble.began", "redis", "redis")]
    away.close()
