"""What a connector raises and may not: a sentence, a dead letter or another try, no traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from connectors.errors import ConnectorFailed
from connectors.events import microseconds
from connectors.records import Coupon
from tests.connectors.stray.shoal_stray import HIDDEN
from worker import bulk, delivery, letter_replay, letter_stream, models, pipeline, walking, walks
from worker.connecting import Wanted, connect_store
from worker.database import reading, transaction
from worker.errors import UnknownStore
from worker.leaving import leave_store
from worker.observability import JsonLines
from worker.outcomes import MOST_TRIES
from worker.runtime import Kit
from worker.store_health import store_health
from worker.store_secrets import Change, change_secrets
from worker.stores import NewStore, Store, load_store
from worker.web.desk import make_desk
from worker.web.webhooks import known_store, take_webhook

PLACE = "KeyError at shoal_stray.py:"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[1] / "connectors" / "stray"
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines that a service would have written."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    handler, logger = Kept(), logging.getLogger("shoal.connector")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def new(fails: str) -> NewStore:
    return NewStore(
        id="shop",
        platform="stray",
        url="http://127.0.0.1:9",
        currency="EUR",
        options={"fails": fails} if fails else {},
    )


def stored(kit: Kit) -> Store:
    with reading(kit.engine) as connection:
        return load_store(connection, "shop")


def make_it_fail(kit: Kit, fails: str) -> None:
    options = json.dumps({"fails": fails})
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(options=options))


@pytest.fixture
def shop(kit: Kit) -> Store:
    connect_store(kit, new(""), Wanted(is_offline=True))
    return stored(kit)


@pytest.mark.parametrize("verb", ["connect", "shop_facts"])
def test_a_store_that_cannot_be_asked_is_not_added(kit: Kit, log: list[str], verb: str) -> None:
    with pytest.raises(ConnectorFailed) as failed:
        connect_store(kit, new(verb), Wanted())
    said = str(failed.value)
    assert said.startswith(f"connector 'stray': {verb} raised {PLACE}")
    assert HIDDEN not in said + "".join(log)
    with reading(kit.engine) as connection, pytest.raises(UnknownStore):
        load_store(connection, "shop")
    (line,) = [json.loads(one) for one in log]
    assert (line["event"], line["platform"], line["kind"]) == ("connector_failed", "stray", verb)
    assert any("shoal_stray.py" in one for one in line["exception"]["places"])


def test_a_store_whose_webhooks_cannot_be_asked_for_is_there_all_the_same(kit: Kit) -> None:
    settings = replace(kit.settings, public_url="http://127.0.0.1:9")
    connected = connect_store(replace(kit, settings=settings), new("subscribe"), Wanted())
    assert f"subscribe raised {PLACE}" in connected.problems[-1]
    assert stored(kit).id == "shop"


@pytest.mark.parametrize("verb", ["connect", "shop_facts", "subscriptions"])
def test_a_check_names_the_connector(kit: Kit, shop: Store, verb: str) -> None:
    assert shop.id == "shop"
    make_it_fail(kit, verb)
    answers = next(one for one in store_health(kit, "shop") if one.check == "answers")
    assert not answers.is_ok
    assert f"connector 'stray': {verb} raised {PLACE}" in answers.said


def test_other_secrets_are_not_kept_where_they_cannot_be_tried(kit: Kit, shop: Store) -> None:
    make_it_fail(kit, "shop_facts")
    with pytest.raises(ConnectorFailed, match="shop_facts raised"):
        change_secrets(kit, "shop", Change({"hook": "whsec_aGVsbG8="}))
    assert stored(kit).sealed == shop.sealed


def test_leaving_says_what_stayed(kit: Kit, shop: Store) -> None:
    assert shop.id == "shop"
    make_it_fail(kit, "unsubscribe")
    settings = replace(kit.settings, public_url="http://127.0.0.1:9")
    (problem,) = leave_store(replace(kit, settings=settings), "shop").problems
    assert f"unsubscribe raised {PLACE}" in problem


def test_a_webhook_is_kept_and_read_when_the_connector_is_mended(kit: Kit, shop: Store) -> None:
    desk = make_desk(kit)

    def letters() -> list[str]:
        letter_stream.absorb(kit)
        letter = models.dead_letters.c
        with reading(kit.engine) as connection:
            query = select(letter.reason).where(letter.state == "open")
            return list(connection.execute(query).scalars())

    make_it_fail(kit, "read")
    desk.directory.read()
    for _ in range(2):  # the store sends it once more
        answer = take_webhook(desk, known_store(desk, "shop"), {}, b"{}")
        assert answer.status_code == 202
    (reason,) = letters()
    assert f"connector 'stray': read raised {PLACE}" in reason
    again = letter_replay.replay(kit, "shop")
    assert (again.replayed, again.failed) == (0, 1)
    assert letters() == [again.problems[0][1]]
    make_it_fail(kit, "")
    assert letter_replay.replay(kit, "shop").replayed == 1
    pipeline.drain(kit, shop.partition)
    assert orders(kit) == ["1"]


def orders(kit: Kit) -> list[str]:
    with reading(kit.engine) as connection:
        return sorted(connection.execute(select(models.orders.c.order_id)).scalars())


def test_a_walk_loses_nothing(kit: Kit, shop: Store) -> None:
    """What came before the mistake may come twice; what comes after it is not skipped."""
    make_it_fail(kit, "changes")
    walking.walk_to_end(kit, shop.number)
    with reading(kit.engine) as connection:
        walk = walks.walk_of(connection, shop.number, "backfill")
    assert walk is not None
    assert walk.problem == "the connector failed: KeyError"
    assert walk.next_at > microseconds(kit.clock())
    make_it_fail(kit, "")
    with transaction(kit.engine) as connection:
        walks.hurry(connection, shop.number, microseconds(kit.clock()))
    walking.walk_to_end(kit, shop.number)
    pipeline.drain(kit, shop.partition)
    assert orders(kit) == ["1", "2"]


def test_a_push_is_tried_again_and_ends_as_a_dead_letter(kit: Kit, shop: Store) -> None:
    make_it_fail(kit, "push_coupon")
    now = kit.clock()
    coupon = Coupon("A1", "m", "c1", "EUR", now, now + timedelta(days=9), percent_off=10)
    wanted: list[tuple[str, Any]] = [
        ("key", "a"),
        ("store", shop.number),
        ("kind", "coupon"),
        ("customer", 1),
        ("campaign", "hello"),
        ("version", 1),
        ("payload", msgspec.json.encode(coupon).decode()),
        ("due_at", microseconds(now) - 1),
        ("try_at", microseconds(now) - 1),
        ("accepted_at", 1),
    ]
    file = "id: hello\nwhen: {event: product_viewed}\nsteps:\n  - tag: seen\n"
    with transaction(kit.engine) as connection:
        columns = tuple(name for name, _ in wanted)
        bulk.upsert(connection, models.actions, columns, [tuple(value for _, value in wanted)])
        people = ("id", "store", "platform_id", "consents")
        bulk.upsert(connection, models.customers, people, [(1, shop.number, "c1", "{}")])
        names = ("store", "id", "version", "state", "body")
        bulk.upsert(connection, models.campaigns, names, [(shop.number, "hello", 1, "live", file)])
        kept = ("store", "id", "version", "body")
        bulk.upsert(connection, models.campaign_versions, kept, [(shop.number, "hello", 1, file)])
    delivery.deliver(kit, shop.number)
    ((state, reason, tries),) = states(kit)
    assert (state, reason) == ("due", "")
    assert 1 <= tries < MOST_TRIES  # the wait is drawn by lot, and may be over at once
    with transaction(kit.engine) as connection:
        connection.execute(update(models.actions).values(tries=MOST_TRIES - 1, try_at=0))
    delivery.deliver(kit, shop.number)
    assert states(kit) == [("refused", "gave_up", MOST_TRIES - 1)]
    with reading(kit.engine) as connection:
        (reason,) = connection.execute(select(models.dead_letters.c.reason)).scalars()
    assert "KeyError" in reason
    assert HIDDEN not in reason


def states(kit: Kit) -> list[tuple[str, str, int]]:
    action = models.actions.c
    with reading(kit.engine) as connection:
        rows = connection.execute(select(action.state, action.reason, action.tries)).all()
    return [(row.state, row.reason, row.tries) for row in rows]
