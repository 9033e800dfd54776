"""A whole stack in a process of its own, the store beside it, and a hand that kills."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from threading import local
from time import monotonic, sleep
from typing import Any

import httpx
import psutil
from sqlalchemy import select

from campaigns.campaign import campaign_text, load_campaign
from connectors.events import microseconds
from tests.connectors.conftest import KEY, WEBHOOK_SECRET, start, stop
from tests.system.shopping import CUSTOMERS, STORE, Delivery
from worker import bulk, models
from worker.database import reading, transaction
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings, environment_of
from worker.stores import AddedStore, NewStore, add_store
from worker.web.directory import LEAST_PAUSE
from worker.web.listeners import Listening, read_listening

ROOT = Path(__file__).parents[2]
# `shoal up` that ends with the test, even one that is killed.
UP = """
import os, signal, threading, time
from worker.cli import main
def leave(parent=os.getppid()):
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=leave, daemon=True).start()
main()
"""
PATIENCE = 60.0  # seconds


@dataclass
class Stack:
    """`shoal up` in a process of its own, beside a sandbox store, and our look into it."""

    kit: Kit
    added: AddedStore
    up: psutil.Process
    door: Listening
    ledger: Path
    admin: str
    killed: Counter[str] = field(default_factory=Counter)

    def find(self, victim: str) -> list[psutil.Process]:
        """The running processes of a kind."""
        if victim == "its child":
            return [child for one in self.find("-Q drain") for child in one.children()]
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in self.up.children():
                with suppress(psutil.NoSuchProcess):
                    if victim in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def kill(self, victim: str, luck: Random) -> None:
        """Kill one of a kind; the one before was started again by now."""
        end = monotonic() + PATIENCE
        while not (found := self.find(victim)):
            assert monotonic() < end, f"{victim} is not started again"
            sleep(0.05)
        luck.choice(found).kill()
        self.killed[victim] += 1

    def rows(self, table: Any, *names: str, **wanted: object) -> list[Any]:
        query = select(*(table.c[name] for name in names)).filter_by(**wanted)
        with reading(self.kit.engine) as connection:
            return list(connection.execute(query))


@dataclass
class Platform:
    """The other side: sends its webhooks until each is answered 2xx, as stores do."""

    stack: Stack
    sent: list[Delivery] = field(default_factory=list)
    turned_down: Counter[int] = field(default_factory=Counter)
    gave_up: list[int] = field(default_factory=list)
    _own: local = field(default_factory=local)
    _all: list[HTTPConnection] = field(default_factory=list)

    def close(self) -> None:
        for one in self._all:
            one.close()

    def send(self, one: Delivery) -> None:
        path, headers = one.request(self.stack.added.browser_key, WEBHOOK_SECRET)
        end = monotonic() + PATIENCE
        while (status := self._once(path, one.body, headers)) not in range(200, 300):
            self.turned_down[status] += 1
            if monotonic() > end:
                self.gave_up.append(status)
            if self.gave_up:
                return
            sleep(0.1)
        self.sent.append(one)

    def _once(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The status; 0 without an answer."""
        own = self._own
        if getattr(own, "connection", None) is None:
            door = self.stack.door
            own.connection = HTTPConnection(door.host, door.port, timeout=15)
            self._all.append(own.connection)
        try:
            own.connection.request("POST", path, body, headers)
            answer = own.connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            own.connection.close()
            return 0
        return int(answer.status)


@contextmanager
def standing(settings: Settings, folder: Path) -> Iterator[Stack]:
    """A store process and `shoal up`, which end orderly in the end."""
    store, url = start(folder / "sandbox")
    try:
        with _up(settings, folder / "said") as (up, kit, door):
            added = _open_shop(kit, url)
            sleep(LEAST_PAUSE)  # so long the door may answer that it knows no such store
            yield Stack(kit, added, up, door, folder / "sandbox" / "ledger.jsonl", url)
    finally:
        stop(store)


@contextmanager
def _up(settings: Settings, said: Path) -> Iterator[tuple[psutil.Process, Kit, Listening]]:
    environment = {"PATH": os.environ["PATH"], **environment_of(settings)}
    with said.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", UP, "up"], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    kit = open_kit(settings)
    try:
        end = monotonic() + PATIENCE
        while (door := read_listening(settings)) is None:
            assert process.poll() is None, said.read_text()
            assert monotonic() < end
            sleep(0.05)
        yield psutil.Process(process.pid), kit, door
        process.terminate()
        assert process.wait(PATIENCE) == 0, said.read_text()
    finally:
        process.kill()
        process.wait()
        close_kit(kit)


def _open_shop(kit: Kit, url: str) -> AddedStore:
    """The store as `shoal store add` adds it, with the people its own database has."""
    people = [
        {"id": f"c{number}", "updated_at": "2026-01-01T00:00:00Z"} for number in range(CUSTOMERS)
    ]
    headers = {"authorization": f"Bearer {KEY}"}
    httpx.post(
        f"{url}/admin/import", json={"customers": people}, headers=headers
    ).raise_for_status()
    new = NewStore(
        id=STORE,
        platform="sandbox",
        url=url,
        currency="EUR",
        secrets={"api_key": KEY, "webhook_secret": WEBHOOK_SECRET},
    )
    with transaction(kit.engine) as connection:
        return add_store(connection, kit.sealer, new, microseconds(kit.clock()))


def go_live(stack: Stack, text: str, since: int) -> None:
    """Put a campaign in force, as of a time (int microseconds)."""
    campaign = load_campaign(text, "a test's campaign")
    body, store = campaign_text(campaign), stack.added.number
    with transaction(stack.kit.engine) as connection:
        columns = ("store", "id", "version", "state", "started_at", "body")
        row = (store, campaign.id, 1, "live", since, body)
        bulk.upsert(connection, models.campaigns, columns, [row])
        columns = ("store", "id", "version", "body", "made_at", "made_by")
        version = (store, campaign.id, 1, body, since, "test")
        bulk.upsert(connection, models.campaign_versions, columns, [version])
