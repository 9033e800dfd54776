"""Erased while they are still being told of: nothing of the person is anywhere, and stays so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.engine import URL
from sqlalchemy.event import listen

from connectors.events import Event
from connectors.records import Customer
from connectors.sandbox.webhooks import signed_headers
from tests.worker.driving import DAY, EUR, START, Driver, coupon_campaign
from tests.worker.test_erasure import files_in, folder_of, write_down
from worker import installation, letter_stream, models, replay, stream
from worker.database import reading, transaction
from worker.due import FILES_OWED, debts
from worker.embedded import valkey_command
from worker.forgetting import erase_now
from worker.people import find_customer
from worker.runtime import close_kit, open_kit
from worker.settings import Settings, settings_from
from worker.stores import AddedStore, NewStore, add_store
from worker.tidying import rewrite_files
from worker.up import child_environment
from worker.web.listeners import Listening, read_listening

TRACE = b"vanish"  # in every name that the person has
ADDRESS = "Vanish.Person@example.org"
ME = (("customer_id", "vanish-1"), ("anonymous_id", "vanish-phone"))
SECRET = "the store's webhook secret"
DAYS = 24
LAST = f"vanish-o-{DAYS - 1}"  # an order that is told of after the erasure only
PATIENCE = 60.0  # seconds


@dataclass
class Scene:
    """A store on its log's time, its own Valkey and door, and who sends to the door."""

    driver: Driver
    added: AddedStore
    door: Listening
    steps: int = 0
    rounds: int = 0
    answers: set[int] = field(default_factory=set)
    stopped: Flag = field(default_factory=Flag)

    @property
    def home(self) -> Path:
        return self.driver.kit.settings.home

    def send_again_and_again(self) -> None:
        """What the store tells of the person by HTTP, the same each round."""
        with closing(HTTPConnection(self.door.host, self.door.port, timeout=20)) as wire:
            while not self.stopped.is_set():
                for path, body, headers in self._requests():
                    wire.request("POST", path, body, headers)
                    answer = wire.getresponse()
                    answer.read()
                    self.answers.add(answer.status)
                self.rounds += 1
                sleep(0.02)

    def _requests(self) -> Iterator[tuple[str, bytes, dict[str, str]]]:
        at = (START + DAY).isoformat()
        person = {"id": "vanish-1", "email": ADDRESS, "first_name": "Vanisha"}
        fact = {"currency": "EUR", "created_at": at, "updated_at": at}
        order = {**fact, "status": "paid", "cart_token": "vanish-cart", "customer": person}
        line = {"product_id": "p1", "quantity": 1, "price": "9.90"}
        told = [
            ("customer.updated", {**person, "updated_at": at, "birthday": "1990-01-01"}),
            ("order.paid", {**order, "id": "vanish-o-http", "lines": [line]}),
            ("order.paid", {**order, "id": "vanish-o-bad", "lines": "none"}),
            ("refund.created", {**fact, "id": "vanish-r", "order_id": LAST, "amount": "1.00"}),
        ]
        bodies = [(topic, msgspec.json.encode(document)) for topic, document in told]
        bodies.append(("customer.updated", f'{{"id": "vanish-1", "email": "{ADDRESS}"'.encode()))
        for topic, body in bodies:
            yield "/webhooks/shop", body, signed_headers(SECRET, topic, body, "h")
        page = {"type": "page", "anonymousId": "vanish-phone", "messageId": "v", "timestamp": at}
        batch = msgspec.json.encode({"batch": [page]})
        yield "/v1/batch", batch, {"authorization": f"Bearer {self.added.browser_key}"}


def life(driver: Driver) -> list[Event]:
    """Thirty people's orders over so many days, the erased person's among them every day."""
    events: list[Event] = []
    for day in range(DAYS):
        at = START + day * DAY
        events += [
            driver.order(f"o{day}-{n}", f"c{n}", at=at + timedelta(minutes=n)) for n in range(30)
        ]
        more: dict[str, Any] = {"at": at + timedelta(hours=1), "email": ADDRESS}
        mine = [
            driver.order(f"vanish-o-{day}", who=ME, cart=f"vanish-t-{day}", **more),
            driver.refund(f"vanish-r-{day}", f"vanish-o-{day}", **more),
            driver.cart(f"vanish-c-{day}", who=ME, **more),
            driver.touch("product_viewed", ME[1], at=at, key=f"v{day}"),
            driver.fact(Customer("vanish-1", at), *ME, email=ADDRESS, first_name="Vanisha"),
        ]
        events += [*mine, *mine[:2]]
    return sorted(events, key=lambda event: event.at)


@pytest.fixture
def scene(settings: Settings, database_url: URL) -> Iterator[Scene]:
    wanted = {
        "SHOAL_HOME": str(settings.home),
        "SHOAL_SECRET_KEY": settings.secret_key,
        "SHOAL_DATABASE_URL": database_url.render_as_string(hide_password=False),
        "SHOAL_PRIVATE_HOSTS": "127.0.0.1",
        "SHOAL_PORT": "19000",
        "SHOAL_STATUS_PORT": "19500",
        "SHOAL_LEARN_EVERY": "9999d",
        "SHOAL_RATE_PER_ADDRESS": "1000",
    }
    here = settings_from(wanted)
    processes = [subprocess.Popen(valkey_command(here), stdout=subprocess.DEVNULL)]  # noqa: S603 - the server under test
    kit = open_kit(here)
    try:
        stream.await_server(kit.redis)
        if kit.engine.dialect.name == "sqlite":
            # Some builds of SQLite wipe what they delete; others leave it.
            listen(kit.engine, "connect", lambda made, _: made.execute("PRAGMA secure_delete = 0"))
        new = NewStore(
            id="shop",
            platform="sandbox",
            url="http://127.0.0.1:9",
            currency=EUR,
            clock="log",
            secrets={"api_key": "k", "webhook_secret": SECRET},
        )
        with transaction(kit.engine) as connection:
            installation.partitions(connection, 2)
            added = add_store(connection, kit.sealer, new, 0)
        with (here.home / "web.log").open("wb") as log:
            web = [sys.executable, "-m", "worker.web"]
            processes.append(
                subprocess.Popen(web, env=child_environment(here), stdout=log, stderr=log)  # noqa: S603 - our own command
            )
        driver = Driver(replace(kit, send=lambda _task, _number: None))
        driver.number, driver.partition = added.number, added.partition
        yield Scene(driver, added, _door(here))
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
        close_kit(kit)


def _door(settings: Settings) -> Listening:
    end = monotonic() + PATIENCE
    while (found := read_listening(settings)) is None:
        assert monotonic() < end
        sleep(0.02)
    return found


@contextmanager
def playing(scene: Scene) -> Iterator[None]:
    """The log is played and the door is written to while the block runs, and some time beyond."""
    driver, erased = scene.driver, Flag()
    with reading(driver.kit.engine) as connection:
        target = replay.target_of(connection, driver.id)

    def on_step(_: int) -> None:
        scene.steps += 1
        if scene.steps == DAYS - 4:
            erased.wait(PATIENCE)

    player = Thread(
        target=replay.play,
        args=(driver.kit, target, life(driver)),
        kwargs={"on_step": on_step},
    )
    sender = Thread(target=scene.send_again_and_again)
    player.start()
    sender.start()
    try:
        await_that(lambda: scene.steps >= DAYS // 3 and scene.rounds >= 2)
        yield
        rounds = scene.rounds
        await_that(lambda: scene.rounds >= rounds + 3)
    finally:
        erased.set()
        scene.stopped.set()
        player.join()
        sender.join()


@pytest.mark.slow
@pytest.mark.invariant("I9")
def test_erased_amid_a_replay_and_webhooks_of_their_own(scene: Scene) -> None:
    """About five seconds for each database."""
    driver, kit = scene.driver, scene.driver.kit
    driver.run(coupon_campaign("thanks", "{event: order_completed}"))
    driver.now += 100 * DAY  # all of the log is heard later
    with playing(scene):
        letter_stream.absorb(kit)
        assert count(kit, models.dead_letters) == 2
        write_down(kit.engine)
        assert len({row.partition(":")[0] for row in tables(kit.engine)}) > 8
        assert files(scene)
        with reading(kit.engine) as connection:
            me = find_customer(connection, kit.sealer, driver.shop(), ADDRESS)
        erase_now(kit, driver.shop(), me)
        assert scene.steps <= DAYS - 4
    assert scene.steps == DAYS
    assert scene.answers == {202}
    letter_stream.absorb(kit)
    replay.settle(kit, driver.partition)
    assert_nobody(scene)
    # What was told of them since has come through the append-only file: each day it is rewritten.
    rewrite_files(kit)
    assert files(scene) == []
    with reading(kit.engine) as connection:
        assert debts(connection, FILES_OWED) == {}


def await_that(is_so: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE
    while not is_so():
        assert monotonic() < end
        sleep(0.005)


def assert_nobody(scene: Scene) -> None:
    """In no table, stream or letter, and as many customers as there are others."""
    kit = scene.driver.kit
    assert tables(kit.engine) == []
    assert count(kit, models.customers) == 30
    assert count(kit, models.profiles) == 0
    assert count(kit, models.dead_letters) == 0
    assert count(kit, models.orders, customer=0) > 0
    keys = cast("list[bytes]", kit.redis.keys())
    assert not any(kit.redis.xlen(key) for key in keys if kit.redis.type(key) == b"stream")
    assert [key for key in keys if TRACE in (kit.redis.dump(key) or b"")] == []


def count(kit: Any, table: Any, **wanted: object) -> int:
    with reading(kit.engine) as connection:
        query = select(func.count()).select_from(table).filter_by(**wanted)
        return int(connection.execute(query).scalar_one())


def tables(engine: Engine) -> list[str]:
    """The rows that hold a trace of the person."""
    with reading(engine) as connection:
        rows = [
            f"{table.name}: {tuple(row)}"
            for table in models.metadata.tables.values()
            for row in connection.execute(select(table))
        ]
    return [row for row in rows if TRACE.decode() in row.casefold()]


def files(scene: Scene) -> list[str]:
    """The files with a trace of them, PostgreSQL's write-ahead log apart (docs/privacy.md)."""
    folders = (scene.home, folder_of(scene.driver.kit.engine))
    found = [one for folder in folders for one in files_in(folder)]
    return [str(one) for one in found if TRACE in _content(one).lower()]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the server took it away meanwhile
        return b""
