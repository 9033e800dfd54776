"""Connecting a real store process, looking after it, and leaving it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Table, func, select

from connectors.connecting import Subscription
from connectors.errors import AccessDenied, PlatformUnavailable
from connectors.events import microseconds
from connectors.records import Coupon, Membership
from tests.connectors.conftest import KEY, WEBHOOK_SECRET, Shop, start, stop
from worker import bulk, models, pipeline, stream, walking, walks
from worker.connecting import Wanted, connect_store, dropped, subscribed
from worker.database import reading, transaction
from worker.errors import StoreRefused, UnknownStore
from worker.leaving import REMOVED, Left, forget_store, leave_store
from worker.lines import line_to
from worker.probing import PATH, probe_problem
from worker.pushes import Line
from worker.runtime import Kit
from worker.settings import environment_of
from worker.store_health import differences, progress, store_health
from worker.stores import NewStore, load_store, note_addresses, pause_store
from worker.walks import Walk
from worker.web.directory import Directory
from worker.web.listeners import read_listening


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Shop]:
    process, url = start(tmp_path / "sandbox", "--currency", "SEK")
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as http:
        yield Shop(url, http)
    stop(process)


@pytest.fixture
def public(kit: Kit) -> Iterator[Kit]:
    """The kit of a door that stores can reach: a process that listens."""
    environment = {"PATH": os.environ["PATH"], **environment_of(kit.settings)}
    environment |= {"SHOAL_PORT": str(free_port()), "SHOAL_STATUS_PORT": str(free_port())}
    command = [sys.executable, "-m", "worker.web"]
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - our own command
        end = monotonic() + 30
        while (door := read_listening(kit.settings)) is None:
            assert monotonic() < end
            sleep(0.05)
        url = f"http://{door.host}:{door.port}/"
        yield replace(kit, settings=replace(kit.settings, public_url=url))
        process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address(kit: Kit) -> str:
    return f"{kit.settings.public_url}webhooks/shop"


def new(sandbox: Shop, **more: Any) -> NewStore:
    told: dict[str, Any] = {
        "id": "shop",
        "platform": "sandbox",
        "url": sandbox.url,
        "currency": "",
        "time_zone": "",
        "secrets": {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET},
    }
    return NewStore(**(told | more))


def checks(kit: Kit) -> dict[str, tuple[bool, str]]:
    return {one.check: (one.is_ok, one.said) for one in store_health(kit, "shop")}


def test_a_store_says_itself_what_was_left_open(public: Kit, sandbox: Shop) -> None:
    connected = connect_store(public, new(sandbox), Wanted(is_polled=True))
    with reading(public.engine) as connection:
        store = load_store(connection, "shop")
        kinds = [walk.kind for walk in walks.due(connection, microseconds(public.clock()))]
    assert (store.name, store.currency, store.time_zone) == ("A sandbox", "SEK", "Europe/Berlin")
    assert kinds == ["poll", "backfill"]
    assert connected.problems == []
    assert sandbox.read("/admin/webhooks")["items"] == [{"url": address(public)}]


def test_wrong_credentials_leave_nothing_behind(public: Kit, sandbox: Shop) -> None:
    wrong = {"api_key": "wrong", "webhook_secret": "x"}
    with pytest.raises(AccessDenied):
        connect_store(public, new(sandbox, secrets=wrong), Wanted())
    with pytest.raises(PlatformUnavailable):
        connect_store(public, new(sandbox, url="http://127.0.0.1:9"), Wanted())
    with reading(public.engine) as connection, pytest.raises(UnknownStore):
        load_store(connection, "shop")


def test_a_store_in_a_private_network_is_called_only_where_that_is_allowed(
    public: Kit, sandbox: Shop
) -> None:
    strict = replace(public, settings=replace(public.settings, private_hosts=()))
    with pytest.raises(AccessDenied, match=r"SHOAL_PRIVATE_HOSTS=127\.0\.0\.1 lets it be called"):
        connect_store(strict, new(sandbox), Wanted())
    connect_store(public, new(sandbox), Wanted())
    is_ok, said = checks(strict)["answers"]
    assert (is_ok, "it is in a private network (127.0.0.1)" in said) == (False, True)
    walking.walk_to_end(strict, 1)
    with reading(public.engine) as connection:
        assert "SHOAL_PRIVATE_HOSTS" in load_store(connection, "shop").paused
        (walk,) = walks.due(connection, microseconds(public.clock()) + 10**10)
        assert (walk.brought, walk.failures) == (0, 1)
    assert "they were stopped" in checks(public)["answers"][1]


def test_a_host_that_is_not_there_is_named(public: Kit, sandbox: Shop) -> None:
    with pytest.raises(PlatformUnavailable, match=r"the name 'shop\.invalid' has no address"):
        connect_store(public, new(sandbox, url="http://shop.invalid"), Wanted())


def test_a_currency_that_nobody_says_is_asked_for(public: Kit, sandbox: Shop) -> None:
    with pytest.raises(StoreRefused, match="--currency is needed"):
        connect_store(public, new(sandbox), Wanted(is_offline=True))


def test_webhooks_that_could_not_be_asked_for_can_be_mended(public: Kit, sandbox: Shop) -> None:
    sandbox.fault(path="/admin/webhooks", kind="status", status=503)
    connected = connect_store(public, new(sandbox), Wanted())
    assert "503" in connected.problems[0]
    assert checks(public)["subscriptions"] == (False, "it sends us no webhooks")


def test_a_healthy_store_has_nothing_to_mend(public: Kit, sandbox: Shop) -> None:
    sandbox.post("/admin/import", {"customers": [{"id": "c1"}]})
    connect_store(public, new(sandbox), Wanted())
    walking.walk_to_end(public, 1)
    found = checks(public)
    assert "scopes" not in found  # the sandbox has none
    assert found.pop("lag")[1].startswith("the oldest event has waited")
    assert all(is_ok for is_ok, _ in found.values()), found
    assert found["answers"][1] == "A sandbox, SEK, Europe/Berlin"
    assert found["backfill"][1] == "done: 1 event"
    assert found["subscriptions"][1].startswith(f"1 to {address(public)}")


def test_webhooks_to_an_earlier_address_are_named_and_can_be_dropped(
    public: Kit, sandbox: Shop
) -> None:
    connect_store(public, new(sandbox), Wanted())
    earlier = "https://earlier.example/webhooks/shop"
    sandbox.post("/admin/webhooks", {"url": earlier})
    sandbox.post("/admin/webhooks", {"url": "https://somebody.example/hook"})
    assert checks(public)["subscriptions"][0]
    assert checks(public)["other addresses"] == (True, f"1 more go to {earlier}")
    assert dropped(public, "shop", earlier) == 1
    assert "other addresses" not in checks(public)


def test_a_store_that_takes_us_again_goes_on(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted())
    with transaction(public.engine) as connection:
        pause_store(connection, 1, "status 401")
    assert "they were stopped: status 401" in checks(public)["answers"][1]
    with reading(public.engine) as connection:
        assert load_store(connection, "shop").paused == ""


def test_a_store_that_is_away_is_said_to_be(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted())
    sandbox.fault(path="/admin/shop", kind="status", status=500)
    is_ok, said = checks(public)["answers"]
    assert (is_ok, "500" in said) == (False, True)


def test_what_a_store_sends_is_held_against_what_would_be_asked_for_now() -> None:
    wanted = [Subscription(topic, "a", "2026-10") for topic in ("carts", "orders", "refunds")]
    ours = {
        "orders": Subscription("orders", "a", "2025-01"),
        "refunds": Subscription("refunds", "a", "2026-10"),
        "by hand": Subscription("by hand", "a", "2025-01"),
    }
    assert differences(ours, wanted) == [
        "not sent: carts",
        "of another version than 2026-10: orders (2025-01)",
    ]
    assert differences({one.topic: one for one in wanted}, wanted) == []


@pytest.mark.parametrize(
    ("walk", "words"),
    [
        (Walk(1, "backfill", 0, brought=40, done_at=5), "done: 40 events"),
        (Walk(1, "backfill", 0, next_at=1, brought=40), "40 events so far"),
        (
            Walk(1, "backfill", 0, next_at=1, began_at=0, brought=100, expected=400),
            "100 of about 400 events, about 6 minutes to go",
        ),
        (Walk(1, "poll", 0, every=60_000_000, next_at=1), "every 60 s, last at never yet"),
        (
            Walk(1, "poll", 0, next_at=125_000_000, problem="status 503"),
            "status 503; tried again in 5 s",
        ),
    ],
)
def test_progress_in_words(walk: Walk, words: str) -> None:
    assert progress(walk, 120_000_000) == words


def pushed(kit: Kit, sandbox: Shop) -> Line:
    """Three coupons (one used since) and a tag, in the store and in our books."""
    sandbox.post("/admin/import", {"customers": [{"id": "c1"}]})
    with reading(kit.engine) as connection:
        line = line_to(kit, load_store(connection, "shop"))
    now = kit.clock()
    coupons = [
        Coupon(
            code=f"HELLO{number}",
            marker=f"m{number}",
            customer_id="c1",
            currency="SEK",
            valid_from=now,
            valid_until=now + timedelta(days=9),
            percent_off=10,
        )
        for number in range(3)
    ]
    tag = Membership("c1", "shoal:at_risk")
    connector: Any = line.connector
    for coupon in coupons:
        connector.push_coupon(coupon)
    connector.push_membership(tag)
    columns = ("key", "store", "kind", "payload", "state", "finished_at")
    rows: list[tuple[object, ...]] = [
        (f"a{n}", 1, "coupon", text(one), "done", 1) for n, one in enumerate(coupons)
    ]
    rows += [("t", 1, "tag", text(tag), "done", 2), ("d", 1, "tag", text(tag), "due", None)]
    codes = [(1, f"HELLO{n}", f"a{n}", 5 if n == 2 else None) for n in range(3)]
    with transaction(kit.engine) as connection:
        bulk.upsert(connection, models.actions, columns, rows)
        bulk.upsert(connection, models.codes, ("store", "code", "action", "redeemed_at"), codes)
    return line


def text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def test_leaving_takes_webhooks_tags_and_open_coupons_back(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted(is_polled=True))
    pushed(public, sandbox)
    steps: list[tuple[int, int]] = []
    left = leave_store(public, "shop", lambda *step: steps.append(step))
    assert (left.webhooks, left.coupons, left.tags, left.problems) == (1, 2, 1, ())
    assert steps[-1] == (3, 3)
    assert sandbox.read("/admin/webhooks")["items"] == []
    found = {one["code"]: one["is_disabled"] for one in sandbox.read("/admin/coupons")["items"]}
    assert found == {"HELLO0": True, "HELLO1": True, "HELLO2": False}
    assert sandbox.read("/admin/customers/c1")["tags"] == []
    with reading(public.engine) as connection:
        states = connection.execute(select(models.actions.c.state)).scalars().all()
        assert walks.due(connection, microseconds(public.clock())) == []
    assert sorted(states) == ["done", "done", "done", "done", "withdrawn"]


def without_address(kit: Kit) -> Kit:
    """The same installation in a terminal that knows no SHOAL_PUBLIC_URL."""
    return replace(kit, settings=replace(kit.settings, public_url=""))


def test_webhooks_are_taken_back_where_the_public_address_is_not_set(
    public: Kit, sandbox: Shop
) -> None:
    """Those to an earlier address of ours, too; a stranger's stay."""
    connect_store(public, new(sandbox), Wanted())
    moved = replace(public, settings=replace(public.settings, public_url="https://new.example"))
    subscribed(moved, "shop")
    sandbox.post("/admin/webhooks", {"url": "https://elsewhere.example/webhooks/shop"})
    left = leave_store(without_address(public), "shop")
    assert (left.webhooks, left.problems) == (2, ())
    kept = [{"url": "https://elsewhere.example/webhooks/shop"}]
    assert sandbox.read("/admin/webhooks")["items"] == kept


def test_webhooks_are_found_again_where_asking_for_them_broke_off(
    public: Kit, sandbox: Shop
) -> None:
    sandbox.fault(path="/admin/webhooks", kind="lost_reply")
    assert connect_store(public, new(sandbox), Wanted()).problems
    assert sandbox.read("/admin/webhooks")["items"] == [{"url": address(public)}]
    assert leave_store(without_address(public), "shop").webhooks == 1


def test_what_nobody_can_be_asked_to_take_back_is_said_with_the_way_out(
    public: Kit, sandbox: Shop
) -> None:
    """A store that was connected before addresses were kept."""
    connect_store(public, new(sandbox), Wanted())
    with transaction(public.engine) as connection:
        note_addresses(connection, "shop", [])
    here = without_address(public)
    (problem,) = leave_store(here, "shop").problems
    assert problem.startswith(f"1 webhook goes to {address(public)}: nobody was asked")
    assert f"`shoal store check shop --drop {address(public)}`" in problem
    store_health(here, "shop")
    with reading(public.engine) as connection:
        assert load_store(connection, "shop").paused == REMOVED
    assert dropped(here, "shop", address(public)) == 1
    assert leave_store(here, "shop") == Left(0, 0, 0, ())


def test_an_address_that_was_dropped_is_not_known_any_more(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted())
    with reading(public.engine) as connection:
        assert load_store(connection, "shop").webhook_addresses == (address(public),)
    dropped(public, "shop", address(public))
    with reading(public.engine) as connection:
        assert load_store(connection, "shop").webhook_addresses == ()


def test_leaving_a_store_that_is_away_says_what_stays_there(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted())
    pushed(public, sandbox)
    sandbox.fault(path="/admin/coupons", kind="status", status=503, times=9)
    left = leave_store(public, "shop")
    assert left.coupons == 0
    assert "3 coupons and tags were left in the store" in left.problems[0]
    sandbox.http.delete("/_faults")
    assert leave_store(public, "shop").coupons == 2


def test_a_removed_store_keeps_figures_and_no_secret(public: Kit, sandbox: Shop) -> None:
    told = [{"id": "c1", "email": "mei@example.org", "name": "Mei"}]
    sandbox.post("/admin/import", {"customers": told})
    added = connect_store(public, new(sandbox), Wanted()).added
    walking.walk_to_end(public, 1)
    pipeline.drain(public, added.partition)
    assert counts(public, models.profiles, models.customers) == [1, 1]
    forget_store(public, "shop", erases=False)
    gone = (models.profiles, models.dead_letters, models.unowned)
    assert counts(public, *gone, models.customers) == [0, 0, 0, 1]
    with reading(public.engine) as connection:
        kinds = connection.execute(select(models.identities.c.kind)).scalars().all()
    assert kinds == ["customer_id"]
    with reading(public.engine) as connection:
        row = connection.execute(select(models.stores)).one()
    assert (row.secrets, row.browser_key, row.server_key_hash) == (b"", "", "")
    assert added.browser_key
    assert row.paused.startswith("removed")
    directory = Directory(public)
    directory.read()
    assert (dict(directory.snapshot.stores), directory.by_browser_key("")) == ({}, None)


def counts(kit: Kit, *tables: Table) -> list[int]:
    with reading(kit.engine) as connection:
        queries = [select(func.count()).select_from(table) for table in tables]
        return [connection.execute(query).scalar_one() for query in queries]


def test_a_removed_store_can_be_erased_later_and_is_not_asked_again(
    public: Kit, sandbox: Shop
) -> None:
    connect_store(public, new(sandbox), Wanted())
    pushed(public, sandbox)
    leave_store(public, "shop")
    forget_store(public, "shop", erases=False)
    assert leave_store(public, "shop") == Left(0, 0, 0, ())
    forget_store(public, "shop", erases=True)
    assert counts(public, models.stores, models.actions, models.codes) == [0, 0, 0]


def test_an_erased_store_leaves_no_row(public: Kit, sandbox: Shop) -> None:
    connect_store(public, new(sandbox), Wanted())
    pushed(public, sandbox)
    connect_store(public, new(sandbox, id="other"), Wanted())
    walking.walk_to_end(public, 1)
    assert stream.unread(public.redis, 0) + stream.unread(public.redis, 1) > 0
    forget_store(public, "shop", erases=True)
    for partition in range(2):
        pipeline.drain(public, partition)
    with reading(public.engine) as connection:
        for table in models.metadata.sorted_tables:
            if "store" in table.c:
                rows = connection.execute(select(table.c.store).distinct()).scalars().all()
                assert 1 not in rows, table.name
                assert "shop" not in rows, table.name
        assert connection.execute(select(func.count()).select_from(models.stores)).scalar() == 1


def test_a_probe_of_ours_arrives_and_no_other_is_answered(public: Kit, sandbox: Shop) -> None:
    assert probe_problem(public) == ""
    url = f"{public.settings.public_url.rstrip('/')}{PATH}"
    for body in (
        b"",
        b"{}",
        b'{"nonce": "a", "signature": "b"}',
        b'{"nonce": "a", "signature": "\xc3\xa9"}',
    ):
        assert httpx.post(url, content=body).status_code == 401
    elsewhere = replace(public, settings=replace(public.settings, public_url=sandbox.url))
    assert "(status 4" in probe_problem(elsewhere)
    away = replace(public, settings=replace(public.settings, public_url="http://127.0.0.1:9"))
    assert "http://127.0.0.1:9" in probe_problem(away)
