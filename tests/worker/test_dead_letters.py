from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import redis
from sqlalchemy import Engine, insert, select, update

from connectors.events import Event, event_id
from connectors.protocol import Webhook
from connectors.sandbox.webhooks import signed_headers
from worker import dead_letters, installation, letter_stream, models, searching, stream
from worker.database import reading, transaction
from worker.dead_letters import TRACK, WEBHOOK, Letter, letter_id
from worker.erasure import hash_of
from worker.errors import BacklogFull
from worker.letter_replay import NoLetterId, replay
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings
from worker.stores import AddedStore, NewStore, add_store
from worker.sweeper import sweep
from worker.tracking import Call

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "the store's webhook secret"
SEEDED = "seeded.person@example.org"
CUSTOMER = {"id": "c1", "updated_at": "2026-11-24T11:00:00Z", "email": SEEDED}


@pytest.fixture
def kit(settings: Settings, database: Engine, valkey: redis.Redis) -> Iterator[Kit]:
    told = replace(
        settings,
        database_url=database.url.render_as_string(hide_password=False),
        redis_url=f"unix://{valkey.connection_pool.connection_kwargs['path']}",
    )
    with transaction(database) as connection:
        installation.partitions(connection, told.partitions)
    made = replace(open_kit(told), send=lambda _task, _number: None)
    yield made
    close_kit(made)


@pytest.fixture
def store(kit: Kit) -> AddedStore:
    new = NewStore(
        id="shop",
        platform="sandbox",
        url="http://sandbox.example",
        currency="EUR",
        secrets={"webhook_secret": SECRET, "api_key": "sandbox key"},
    )
    with transaction(kit.engine) as connection:
        return add_store(connection, kit.sealer, new, 0)


def viewed(number: int = 1) -> Event:
    return Event(
        id=event_id("shop", "page_viewed", NOW, str(number)),
        store="shop",
        type="page_viewed",
        at=NOW,
        received_at=NOW,
        identities=(("anonymous_id", "visitor"),),
    )


def letter(kit: Kit, kind: str, clear: Any) -> Letter:
    packed = msgspec.msgpack.encode(clear)
    sealed = kit.sealer.seal_bytes("shop", packed)
    return Letter(letter_id(kind, "shop", packed), "shop", kind, "because", 1, sealed)


def webhook_letter(kit: Kit, document: Any) -> Letter:
    body = msgspec.json.encode(document)
    headers = signed_headers(SECRET, "customer.updated", body, "1")
    return letter(kit, WEBHOOK, Webhook(headers, body, NOW))


def keep(kit: Kit, *letters: Letter) -> None:
    letter_stream.keep(kit.redis, letters)
    letter_stream.absorb(kit)


def states(kit: Kit) -> list[tuple[str, str]]:
    with reading(kit.engine) as connection:
        rows = connection.execute(select(models.dead_letters.c.state, models.dead_letters.c.reason))
        return [(str(state), str(reason)) for state, reason in rows]


def events(kit: Kit, store: AddedStore) -> list[Event]:
    entries = stream.read(kit.redis, store.partition, stream.START)
    return [event for event in map(stream.decode, entries) if isinstance(event, Event)]


def test_a_letter_absorbed_twice_is_one_row(kit: Kit, store: AddedStore) -> None:
    assert store.number == 1
    one = webhook_letter(kit, CUSTOMER)
    keep(kit, one, one)
    keep(kit, one)
    assert states(kit) == [("open", "because")]
    assert letter_stream.waiting(kit.redis) == 0


def test_too_many_waiting_letters_are_refused(kit: Kit) -> None:
    one = letter(kit, WEBHOOK, {"some": "thing"})
    letter_stream.keep(kit.redis, [one, one], most=2)
    with pytest.raises(BacklogFull):
        letter_stream.keep(kit.redis, [one], most=2)


def test_a_webhook_is_read_again_and_its_events_sealed(kit: Kit, store: AddedStore) -> None:
    keep(kit, webhook_letter(kit, CUSTOMER))
    done = replay(kit, "shop")
    assert (done.replayed, done.failed) == (1, 0)
    (event,) = events(kit, store)
    assert (event.type, event.personal, event.received_at) == ("customer_updated", {}, NOW)
    assert kit.sealer.open("shop", event.sealed)["email"] == SEEDED
    assert states(kit) == [("replayed", "because")]
    assert replay(kit, "shop").replayed == 0


def test_a_webhook_that_still_cannot_be_read_stays_open_with_its_reason(
    kit: Kit, store: AddedStore
) -> None:
    keep(kit, webhook_letter(kit, {"id": 3}))
    done = replay(kit)
    assert (done.replayed, done.failed) == (0, 1)
    ((state, reason),) = states(kit)
    assert (state, reason) == ("open", done.problems[0][1])
    assert reason != "because"
    assert events(kit, store) == []


def test_a_servers_message_is_read_again(kit: Kit, store: AddedStore) -> None:
    said = {"event": "Product Viewed", "anonymousId": "v", "properties": {"product_id": "p"}}
    batch = msgspec.json.encode({"batch": [{"type": "track", **said}]})
    keep(kit, letter(kit, TRACK, Call("batch", batch, NOW)))
    assert replay(kit, "shop").replayed == 1
    assert [event.source for event in events(kit, store)] == ["server"]


def test_events_go_back_into_the_stream_and_their_store_is_let_in(
    kit: Kit, store: AddedStore
) -> None:
    with transaction(kit.engine) as connection:
        dead_letters.write_events(connection, kit.sealer, [(viewed(), "no"), (viewed(2), "no")])
        connection.execute(update(models.stores).values(poison=21))
    assert replay(kit, "shop").replayed == 2
    assert len(events(kit, store)) == 2
    with reading(kit.engine) as connection:
        assert connection.execute(select(models.stores.c.poison)).scalar() == 0


def test_only_the_named_letters_are_played(kit: Kit, store: AddedStore) -> None:
    with transaction(kit.engine) as connection:
        dead_letters.write_events(connection, kit.sealer, [(viewed(), "no"), (viewed(2), "no")])
    assert replay(kit, "shop", [viewed(2).id.hex()]).replayed == 1
    assert [event.id for event in events(kit, store)] == [viewed(2).id]
    with pytest.raises(NoLetterId, match="dead-letters list"):
        replay(kit, "shop", ["no id"])


def test_a_replay_cut_short_is_taken_up_again(kit: Kit, store: AddedStore) -> None:
    with transaction(kit.engine) as connection:
        dead_letters.write_events(connection, kit.sealer, [(viewed(), "no")])
    replay(kit, "shop")
    with transaction(kit.engine) as connection:
        # As a kill between appending and marking leaves it.
        connection.execute(update(models.dead_letters).values(state=dead_letters.REPLAYING))
        assert [one.state for one in dead_letters.list_letters(connection)] == ["replaying"]
    assert replay(kit, "shop").replayed == 1
    first, second = events(kit, store)
    assert first.id == second.id


def test_what_fails_again_is_open_again(kit: Kit, store: AddedStore) -> None:
    assert store.number == 1
    with transaction(kit.engine) as connection:
        dead_letters.write_events(connection, kit.sealer, [(viewed(), "no")])
    replay(kit, "shop")
    with transaction(kit.engine) as connection:
        dead_letters.write_events(connection, kit.sealer, [(viewed(), "still not")])
    assert states(kit) == [("open", "still not")]


def test_a_refused_action_is_due_again(kit: Kit, store: AddedStore) -> None:
    key = "1:win-back:7:event:0"
    with transaction(kit.engine) as connection:
        row = {"key": key, "store": store.number, "state": "refused", "reason": "refused"}
        connection.execute(insert(models.actions).values(row))
        sealed = kit.sealer.seal_bytes("shop", msgspec.json.encode({"key": key}))
        dead_letters.write_bodies(connection, [("shop", "action", "refused", 1, sealed)])
    assert replay(kit, "shop").replayed == 1
    with reading(kit.engine) as connection:
        actions = models.actions.c
        assert connection.execute(select(actions.state, actions.reason)).one() == ("due", "")


def test_an_entry_that_is_no_event_is_kept(kit: Kit) -> None:
    entry = stream.Entry("5-0", b"no event")
    with transaction(kit.engine) as connection:
        dead_letters.write_broken(connection, kit.sealer, [(entry, "not an event")], 1)
    assert replay(kit).failed == 1
    assert [state for state, _ in states(kit)] == ["open"]


def test_a_letter_shows_nothing_of_a_person_and_is_found_for_erasing(
    kit: Kit, store: AddedStore
) -> None:
    assert store.number == 1
    keep(kit, webhook_letter(kit, CUSTOMER))
    with transaction(kit.engine) as connection:
        (row,) = connection.execute(select(models.dead_letters)).all()
        assert SEEDED not in repr(row)
        assert SEEDED.encode() not in bytes(row.sealed)
        found = {("email", kit.sealer.blind("shop", SEEDED))}
        assert searching.delete_letters(connection, kit.sealer, "shop", found) == 1


@pytest.mark.parametrize("key", [("customer_id", "c1"), ("email", SEEDED)])
def test_a_letter_of_somebody_erased_is_not_kept(
    kit: Kit, store: AddedStore, key: tuple[str, str]
) -> None:
    kind, name = key
    blind = kit.sealer.blind("shop", name) if kind == "email" else name
    row = {"store": store.number, "hash": hash_of(kit.sealer, "shop", (kind, blind)), "at": 1}
    with transaction(kit.engine) as connection:
        connection.execute(insert(models.erasures).values(row))
    other = {"id": "c2", "updated_at": "2026-11-24T11:00:00Z"}
    keep(kit, webhook_letter(kit, CUSTOMER), webhook_letter(kit, other))
    assert len(states(kit)) == 1


def test_the_sweep_absorbs_what_waits(kit: Kit, store: AddedStore) -> None:
    assert store.number == 1
    letter_stream.keep(kit.redis, [webhook_letter(kit, CUSTOMER)])
    sweep(kit)
    assert len(states(kit)) == 1
