"""Delivery against a real store process that loses replies, limits, refuses and goes away."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select, update

from connectors.events import Event, microseconds
from connectors.records import Coupon
from worker import bulk, circuits, delivery, models, stream
from worker.celery import DELIVER, DRAIN
from worker.database import reading, transaction
from worker.delivery import THREADS, deliver
from worker.runtime import Kit
from worker.settings import environment_of
from worker.stores import AddedStore

KEY = "a key of the store"


@dataclass
class Sandbox:
    """The store process under test."""

    url: str
    ledger: Path
    process: subprocess.Popen[str]
    http: httpx.Client

    def fault(self, **wanted: Any) -> None:
        self.http.post("/_faults", json=wanted).raise_for_status()

    def coupons(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/admin/coupons").json()["items"]
        return found

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/_ledger").json()
        return found


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    command = [sys.executable, "-m", "connectors.sandbox.server", "--with-parent"]
    command += ["--home", str(tmp_path / "store"), "--key", KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=ready["url"], headers=headers) as http:
        for number in range(40):
            person = {"id": f"c{number}", "updated_at": "2026-01-01T00:00:00Z"}
            http.post("/admin/customers", json=person).raise_for_status()
        yield Sandbox(ready["url"], Path(ready["ledger"]), process, http)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def store(kit: Kit, shop: AddedStore, sandbox: Sandbox) -> int:
    """The number of a store whose pushes go to the sandbox, with forty customers."""
    with transaction(kit.engine) as connection:
        sealed = kit.sealer.seal("shop", {"api_key": KEY, "hook": "whsec_aGVsbG8="})
        connection.execute(
            update(models.stores)
            .where(models.stores.c.number == shop.number)
            .values(url=sandbox.url, secrets=sealed)
        )
        rows = [(number + 1, shop.number, f"c{number}", "{}") for number in range(40)]
        columns = ("id", "store", "platform_id", "consents")
        bulk.upsert(connection, models.customers, columns, rows)
        file = "id: hello\nwhen: {event: product_viewed}\nsteps:\n  - tag: seen\n"
        bulk.upsert(
            connection,
            models.campaigns,
            ("store", "id", "version", "state", "body"),
            [(shop.number, "hello", 1, "live", file)],
        )
        bulk.upsert(
            connection,
            models.campaign_versions,
            ("store", "id", "version", "body", "made_at", "made_by"),
            [(shop.number, "hello", 1, file, 0, "test")],
        )
    return shop.number


def add(kit: Kit, store: int, kind: str, payload: object, **more: Any) -> str:
    now = microseconds(kit.clock())
    row = {
        "key": f"{store}:hello:{more.get('customer', 1)}:{kind}:{more.pop('name', '0')}",
        "store": store,
        "campaign": "hello",
        "version": 1,
        "customer": 1,
        "occasion": "once",
        "kind": kind,
        "payload": msgspec.json.encode(payload).decode(),
        "made_at": now,
        "due_at": now,
        "expires_at": now + 86_400_000_000,
        **more,
    }
    with transaction(kit.engine) as connection:
        bulk.insert_missing(connection, models.actions, tuple(row), [tuple(row.values())])
    return str(row["key"])


def coupon(now: datetime, number: int = 0, percent: float = 10.0) -> Coupon:
    return Coupon(
        code=f"CODE{number}",
        marker=f"marker {number}",
        customer_id=f"c{number}",
        currency="EUR",
        valid_from=now,
        valid_until=now + timedelta(days=1),
        percent_off=percent,
    )


def state(kit: Kit, key: str) -> tuple[str, str, int]:
    actions = models.actions.c
    with reading(kit.engine) as connection:
        row = connection.execute(
            select(actions.state, actions.reason, actions.tries).where(actions.key == key)
        ).one()
    return row.state, row.reason, row.tries


def letters(kit: Kit) -> list[str]:
    with reading(kit.engine) as connection:
        return list(connection.execute(select(models.dead_letters.c.reason)).scalars())


def told(kit: Kit) -> list[Event]:
    with reading(kit.engine) as connection:
        partition = connection.execute(select(models.stores.c.partition)).scalar_one()
    entries = stream.read(kit.redis, partition, stream.START)
    return [event for entry in entries if isinstance(event := stream.decode(entry), Event)]


def at_once(kit: Kit) -> None:
    """Make whatever waits for its next try due now."""
    with transaction(kit.engine) as connection:
        connection.execute(update(models.actions).values(try_at=0))


def test_a_due_coupon_reaches_the_store_and_the_stream(
    kit: Kit, store: int, sandbox: Sandbox, sent: list[tuple[str, int]]
) -> None:
    key = add(kit, store, "coupon", coupon(kit.clock()))
    deliver(kit, store)
    assert state(kit, key) == ("done", "", 0)
    assert [one["code"] for one in sandbox.coupons()] == ["CODE0"]
    (event,) = told(kit)
    assert (event.type, event.source) == ("campaign_contacted", "shoal")
    assert event.properties == {"campaign": "hello", "customer": 1}
    assert sent[0][0] == DRAIN
    assert kit.redis.get(stream.deliver_bell(store)) is None


def test_tag_and_recommendation_are_pushed_and_only_the_latter_is_a_contact(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    with transaction(kit.engine) as connection:
        columns = ("store", "product_id", "stock", "is_available")
        rows = [(store, "p1", 3, True), (store, "p2", 0, True), (store, "p3", None, True)]
        bulk.upsert(connection, models.products, columns, rows)
    add(kit, store, "tag", {"customer_id": "c0", "name": "vip"})
    offer = {"customer_id": "c0", "campaign": "hello", "products": ["p1", "p2", "p3", "p9"]}
    add(kit, store, "recommend", offer)
    deliver(kit, store)
    shown = sandbox.http.get("/storefront/customers/c0").json()
    assert shown["recommendations"]["products"] == ["p1", "p3"]
    assert [event.properties["campaign"] for event in told(kit)] == ["hello"]


@pytest.mark.invariant("I2")
def test_a_lost_reply_still_makes_one_coupon(kit: Kit, store: int, sandbox: Sandbox) -> None:
    sandbox.fault(kind="lost_reply", path="/admin/coupons", times=2)
    key = add(kit, store, "coupon", coupon(kit.clock()))
    for _ in range(4):
        deliver(kit, store)
        at_once(kit)
    assert state(kit, key)[0] == "done"
    assert sandbox.counts()["coupons"] == 1
    assert sandbox.counts()["twice"] == 0


def test_a_taken_code_is_a_conflict_and_becomes_a_dead_letter(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    key = add(kit, store, "coupon", coupon(kit.clock()))
    deliver(kit, store)
    other = add(kit, store, "coupon", coupon(kit.clock(), percent=50.0), name="1")
    deliver(kit, store)
    assert state(kit, key)[0] == "done"
    assert state(kit, other)[:2] == ("refused", "conflict")
    assert len(letters(kit)) == 1
    assert len(sandbox.coupons()) == 1


def test_what_the_store_refuses_is_refused_for_good(kit: Kit, store: int) -> None:
    stranger = replace_customer(coupon(kit.clock()), "nobody")
    refused = add(kit, store, "coupon", stranger)
    broken = add(kit, store, "coupon", {"code": 1}, name="1")
    deliver(kit, store)
    assert state(kit, refused)[:2] == ("refused", "refused")
    assert state(kit, broken)[:2] == ("refused", "unreadable")
    assert len(letters(kit)) == 2


def replace_customer(one: Coupon, customer: str) -> Coupon:
    return msgspec.structs.replace(one, customer_id=customer)


def test_a_limit_is_obeyed_for_the_whole_store(kit: Kit, store: int, sandbox: Sandbox) -> None:
    sandbox.fault(kind="status", status=429, retry_after="60", path="/admin/coupons", times=1)
    keys = [add(kit, store, "coupon", coupon(kit.clock(), n), customer=n + 1) for n in range(30)]
    deliver(kit, store)
    assert "due" in {state(kit, key)[0] for key in keys}
    made = len(sandbox.coupons())
    at_once(kit)
    deliver(kit, store)
    assert len(sandbox.coupons()) == made < 30
    resting = circuits.circuit(kit.redis, store)
    assert 50 < resting.rests_until - kit.clock().timestamp() <= 60
    circuits.keep(kit.redis, store, circuits.CLOSED)
    deliver(kit, store)
    assert len(sandbox.coupons()) == 30


def test_a_store_that_is_down_is_asked_by_one_action_at_a_time(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    keys = [add(kit, store, "coupon", coupon(kit.clock(), n), customer=n + 1) for n in range(20)]
    sandbox.fault(kind="status", status=503, path="/admin/coupons", times=1_000)
    deliver(kit, store)
    tried = sum(state(kit, key)[2] for key in keys)
    assert circuits.OPENS_AFTER <= tried <= circuits.OPENS_AFTER + 6
    assert circuits.circuit(kit.redis, store).allows(kit.clock().timestamp()) == 0
    deliver(kit, store)
    assert sum(state(kit, key)[2] for key in keys) == tried
    failures = circuits.circuit(kit.redis, store).failures
    circuits.keep(kit.redis, store, circuits.Circuit(failures, 0.0))
    sandbox.http.delete("/_faults")
    sandbox.fault(kind="timeout", seconds=0.3, path="/admin/coupons", times=1_000)
    at_once(kit)
    deliver(kit, store)
    assert sum(state(kit, key)[2] for key in keys) == tried + 1
    sandbox.http.delete("/_faults")
    circuits.keep(kit.redis, store, circuits.Circuit(failures, 0.0))
    at_once(kit)
    deliver(kit, store)
    assert {state(kit, key)[0] for key in keys} == {"done"}
    assert sandbox.counts()["twice"] == 0


def test_without_access_the_store_is_paused_and_its_actions_stay_due(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    sandbox.fault(kind="status", status=403, method="POST", path="/admin/coupons", times=1_000)
    keys = [add(kit, store, "coupon", coupon(kit.clock(), n), customer=n + 1) for n in range(30)]
    deliver(kit, store)
    deliver(kit, store)
    assert sandbox.counts()["by_kind"]["coupon"]["faulted"] <= 2 * THREADS
    with reading(kit.engine) as connection:
        paused = connection.execute(select(models.stores.c.paused)).scalar_one()
    assert "credentials" in paused
    assert KEY not in paused
    assert {state(kit, key) for key in keys} == {("due", "", 0)}
    assert sandbox.coupons() == []


def test_an_outgoing_webhook_carries_one_id_on_every_try(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    payload = {"url": f"{sandbox.url}/nowhere", "secret": "hook", "data": {"type": "t"}}
    key = add(kit, store, "webhook", payload)
    nameless = add(kit, store, "webhook", {**payload, "secret": "none"}, name="1")
    deliver(kit, store)
    assert state(kit, key)[:2] == ("refused", "refused")
    assert state(kit, nameless)[:2] == ("refused", "refused")
    assert any("(status 404)" in reason for reason in letters(kit))
    assert circuits.circuit(kit.redis, store) == circuits.CLOSED


def test_an_outgoing_webhook_reaches_no_private_host_that_is_not_allowed(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    told = {"url": f"{sandbox.url}/hook?token=hush", "secret": "hook", "data": {"type": "t"}}
    key = add(kit, store, "webhook", told)
    deliver(replace(kit, settings=replace(kit.settings, private_hosts=())), store)
    assert state(kit, key)[:2] == ("refused", "refused")
    (reason,) = letters(kit)
    assert "it is in a private network (127.0.0.1), see SHOAL_PRIVATE_HOSTS" in reason
    assert "hush" not in reason


def test_a_look_up_brings_sealed_events_back(kit: Kit, store: int, sandbox: Sandbox) -> None:
    person = {"id": "c7", "email": "ana@example.org", "updated_at": "2026-02-01T00:00:00Z"}
    sandbox.http.post("/admin/customers", json=person).raise_for_status()
    wanted = {"kind": "customer", "key": "c7", "updated_at": kit.clock()}
    found = add(kit, store, "look_up", wanted, campaign="", customer=0)
    gone = add(kit, store, "look_up", {**wanted, "key": "cx"}, campaign="", customer=0, name="1")
    deliver(kit, store)
    assert state(kit, found)[:2] == ("done", "")
    assert state(kit, gone)[:2] == ("done", "gone")
    (event,) = told(kit)
    assert event.type == "customer_updated"
    assert event.source == "webhook"
    assert kit.sealer.open("shop", event.sealed)["email"] == "ana@example.org"


def test_many_actions_are_pushed_in_slices(
    kit: Kit,
    store: int,
    sandbox: Sandbox,
    sent: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "SLICE", 0.05)
    for number in range(120):
        one = replace_customer(coupon(kit.clock(), number), f"c{number % 40}")
        add(kit, store, "coupon", one, customer=number % 40 + 1, name=str(number))
    deliver(kit, store)
    assert (DELIVER, store) in sent
    while (DELIVER, store) in sent:
        sent.remove((DELIVER, store))
        deliver(kit, store)
    assert len(sandbox.coupons()) == 120
    assert sandbox.counts()["twice"] == 0


_DELIVERING = """
import os
from worker.delivery import THREADS, deliver
from worker.runtime import process_kit
print("ready", flush=True)
while True:
    deliver(process_kit(), {store})
"""


@pytest.mark.invariant("I2")
def test_killed_at_any_moment_each_coupon_is_in_the_store_once(
    kit: Kit, store: int, sandbox: Sandbox
) -> None:
    luck = random.Random(7)  # noqa: S311 - moments of killing
    keys = []
    for number in range(150):
        one = replace_customer(coupon(kit.clock(), number), f"c{number % 40}")
        keys.append(add(kit, store, "coupon", one, customer=number % 40 + 1, name=str(number)))
    environment = {**os.environ, **environment_of(kit.settings)}
    for _ in range(4):
        killed_after(luck.uniform(0.1, 0.5), environment, store)
        at_once(kit)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and {state(kit, key)[0] for key in keys} != {"done"}:
        at_once(kit)
        deliver(kit, store)
    assert {state(kit, key)[0] for key in keys} == {"done"}
    assert sandbox.counts()["coupons"] == 150
    assert sandbox.counts()["twice"] == 0
    assert len({event.id for event in told(kit)}) == 150


def killed_after(seconds: float, environment: dict[str, str], store: int) -> None:
    command = [sys.executable, "-c", _DELIVERING.format(store=store)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_nothing_is_pushed_for_a_paused_store(kit: Kit, store: int, sandbox: Sandbox) -> None:
    key = add(kit, store, "coupon", coupon(kit.clock()))
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(paused="somebody looks at it"))
    deliver(kit, store)
    assert state(kit, key)[0] == "due"
    assert sandbox.coupons() == []
    deliver(replace(kit), 99)
