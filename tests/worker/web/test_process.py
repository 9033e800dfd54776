"""The web process itself, killed at any moment. About fifteen seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from connectors.records import Order
from connectors.sandbox.webhooks import signed_headers
from tests.worker.web.conftest import SECRET, order, view
from worker import installation, letter_stream, stream
from worker.database import ensure_schema, transaction
from worker.embedded import valkey_command
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings, environment_of
from worker.stores import AddedStore, NewStore, add_store
from worker.web.listeners import Listening, bound, port_of, read_listening

pytestmark = pytest.mark.slow
_PATIENCE = 20.0  # seconds


@dataclass
class Running:
    """A Valkey and a web process of one home, each of which may be killed and started again."""

    kit: Kit
    store: AddedStore
    valkey: subprocess.Popen[bytes]
    web: subprocess.Popen[bytes]

    @property
    def settings(self) -> Settings:
        return self.kit.settings

    def listening(self) -> Listening:
        """Where the present web process listens."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            found = read_listening(self.settings)
            if found is not None and found.pid == self.web.pid:
                return found
            time.sleep(0.02)
        raise TimeoutError

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The answer's status; 0 when there was none."""
        at = self.listening()
        connection = HTTPConnection(at.host, at.port, timeout=10)
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def send_order(self, number: int) -> int:
        body = msgspec.json.encode(order(number))
        return self.post(
            "/webhooks/shop", body, signed_headers(SECRET, "order.paid", body, str(number))
        )

    def restart_web(self) -> None:
        self.web = _start_web(self.settings)
        self.listening()

    def restart_valkey(self) -> None:
        self.valkey = _start_valkey(self.settings)
        stream.await_server(self.kit.redis)

    def orders(self) -> list[str]:
        """Ids of the orders in the stream, each once."""
        entries = stream.read(self.kit.redis, self.store.partition, stream.START, 10_000)
        bodies = [getattr(stream.decode(entry), "body", None) for entry in entries]
        return sorted({body.order_id for body in bodies if isinstance(body, Order)})


def _start_valkey(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(valkey_command(settings), stdout=subprocess.DEVNULL)  # noqa: S603 - the server under test


def _start_web(settings: Settings) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **environment_of(settings)}
    log = (settings.home / "web.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "worker.web"], env=environment, stdout=log, stderr=log
        )


@pytest.fixture
def running(settings: Settings) -> Iterator[Running]:
    settings.home.mkdir(parents=True)
    with bound("127.0.0.1", 20_000) as door, bound("127.0.0.1", 21_000) as status:
        told = replace(settings, port=port_of(door), status_port=port_of(status))
    kit = open_kit(told)
    valkey = _start_valkey(told)
    stream.await_server(kit.redis)
    ensure_schema(kit.engine)
    new = NewStore(
        id="shop",
        platform="sandbox",
        url="http://sandbox.example",
        currency="EUR",
        secrets={"webhook_secret": SECRET, "api_key": "sandbox key"},
    )
    with transaction(kit.engine) as connection:
        installation.partitions(connection, 8)
        store = add_store(connection, kit.sealer, new, 0)
    house = Running(kit, store, valkey, _start_web(told))
    house.listening()
    yield house
    for process in (house.web, house.valkey):
        process.kill()
        process.wait()
    close_kit(kit)


@pytest.mark.invariant("I1")
def test_what_was_accepted_survives_kill_9_of_the_door(running: Running) -> None:
    answered: dict[int, int] = {}

    def send(numbers: range) -> None:
        for number in numbers:
            answered[number] = running.send_order(number)

    senders = [Thread(target=send, args=(range(start, 200, 4),)) for start in range(4)]
    for sender in senders:
        sender.start()
    while sum(status == 202 for status in answered.values()) < 40:
        time.sleep(0.005)
    running.web.kill()
    running.web.wait()
    for sender in senders:
        sender.join()
    accepted = {f"order-{number}" for number, status in answered.items() if status == 202}
    assert 40 <= len(accepted) < 200
    assert accepted <= set(running.orders())
    running.restart_web()
    # What got no answer is sent again, as stores do; a copy in the stream has the same id.
    for number, status in answered.items():
        if status != 202:
            assert running.send_order(number) == 202
    assert running.orders() == sorted(f"order-{number}" for number in range(200))


@pytest.mark.invariant("I1")
def test_what_was_accepted_survives_kill_9_of_redis(running: Running) -> None:
    body = msgspec.json.encode({"batch": [view(1), view(2)]})
    key = {"authorization": f"Bearer {running.store.browser_key}"}
    assert running.send_order(1) == 202
    assert running.post("/v1/batch", body, key) == 202
    unreadable = signed_headers(SECRET, "order.paid", b"no json", "2")
    assert running.post("/webhooks/shop", b"no json", unreadable) == 202
    running.valkey.kill()
    running.valkey.wait()
    assert running.send_order(2) == 503
    assert running.post("/v1/batch", body, key) == 503
    assert running.post("/webhooks/shop", b"no json", unreadable) == 503
    running.restart_valkey()
    assert running.send_order(2) == 202
    assert running.orders() == ["order-1", "order-2"]
    assert stream.unread(running.kit.redis, running.store.partition) == 4
    assert letter_stream.absorb(running.kit) == 1


def test_a_taken_port_is_stepped_over_and_said(running: Running) -> None:
    first = running.listening()
    second = _start_web(running.settings)
    try:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            at = read_listening(running.settings)
            if at is not None and at.pid == second.pid:
                break
            time.sleep(0.02)
        assert at is not None
        assert (at.port, at.status_port) > (first.port, first.status_port)
        second.send_signal(signal.SIGTERM)
        assert second.wait(_PATIENCE) == 0
    finally:
        second.kill()
        second.wait()
    said = Path(running.settings.home / "web.log").read_text()
    assert f"Port {first.port} is taken: using {at.port} (SHOAL_PORT)" in said


@pytest.mark.invariant("I1")
def test_killed_between_append_and_answer_the_sender_sends_again_in_vain(
    running: Running,
) -> None:
    body = msgspec.json.encode(order(1))
    headers = signed_headers(SECRET, "order.paid", body, "1")
    at = running.listening()
    connection = HTTPConnection(at.host, at.port, timeout=10)
    connection.request("POST", "/webhooks/shop", body, headers)
    end = time.monotonic() + _PATIENCE
    while not running.orders() and time.monotonic() < end:
        pass  # the very moment at which the entry stands there
    running.web.kill()
    running.web.wait()
    connection.close()
    assert running.orders() == ["order-1"]
    running.restart_web()
    assert running.send_order(1) == 202
    entries = stream.read(running.kit.redis, running.store.partition, stream.START)
    ids = {getattr(stream.decode(entry), "id", None) for entry in entries}
    assert (len(entries), len(ids)) == (2, 1)
