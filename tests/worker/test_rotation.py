"""A new key amid events: nothing becomes unreadable, addresses and codes stay what they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event as Flag
from threading import Thread

import pytest
import redis
from sqlalchemy import select, update
from sqlalchemy.engine import URL

from connectors.events import Event
from tests.worker.driving import Driver, driver_on
from tests.worker.test_backup import story
from worker import dead_letters, models, rotation, stream
from worker.database import reading, transaction
from worker.rotation import reseal, sealed_by, waiting
from worker.runtime import Kit, close_kit, open_kit
from worker.sealing import key_ids, seal_events, split_keys
from worker.secret_key import add_secret_key, ensure_secret_key, secret_keys
from worker.settings import Settings
from worker.stores import config_of, list_stores


@pytest.fixture
def keyed(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database_url: URL
) -> Iterator[Driver]:
    """A driver whose keys lie in the home's file."""
    here = replace(settings, secret_key="")
    assert ensure_secret_key(replace(here, database_url="")) is not None
    with driver_on(here, valkey, valkey_url, database_url) as made:
        yield made


def counts(kit: Kit) -> set[str]:
    with reading(kit.engine) as connection:
        return set(sealed_by(connection))


def everyone(kit: Kit) -> dict[int, dict[str, str]]:
    with reading(kit.engine) as connection:
        rows = connection.execute(models.profiles.select()).all()
    assert {row.key_id for row in rows} == {bytes(row.sealed)[1:5].hex() for row in rows}
    return {row.customer: kit.sealer.open("shop", bytes(row.sealed)) for row in rows}


def test_a_key_is_changed_amid_events(keyed: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 7)
    told, begun, resealed = story(keyed, 240), Flag(), Flag()

    def run() -> None:
        for start in range(0, len(told), 3):
            keyed.tell(*told[start : start + 3])
            if start > len(told) // 3:
                begun.set()
            if start > 2 * len(told) // 3:
                assert resealed.wait(60)

    secret, old = keyed.kit.coupon_secret, keyed.kit.sealer.key_id
    thread = Thread(target=run)
    thread.start()
    assert begun.wait(60)
    add_secret_key(keyed.kit.settings)
    fresh = open_kit(keyed.kit.settings)
    assert reseal(fresh).rows > 7
    resealed.set()
    thread.join()
    # Who runs on reads what the new key sealed, and seals with the old one still.
    assert keyed.values(models.dead_letters, "reason") == []
    assert counts(fresh) == {old, fresh.sealer.key_id}
    done = reseal(fresh)
    assert done.unreadable == []
    assert done.rows
    assert counts(fresh) == {fresh.sealer.key_id}
    assert reseal(fresh).rows == 0
    people = everyone(fresh)
    assert len(people) == 40
    assert all({"email", "name"} <= person.keys() for person in people.values())
    assert fresh.coupon_secret == secret
    assert fresh.sealer.blind("shop", "c1@example.org") == keyed.kit.sealer.blind(
        "shop", "c1@example.org"
    )
    with reading(fresh.engine) as connection:
        (store,) = list_stores(connection)
    assert config_of(store, fresh.sealer).secrets["api_key"] == "k"
    close_kit(fresh)


def test_what_lies_within_letters_and_waits_for_its_order_is_sealed_anew(keyed: Driver) -> None:
    kit, old = keyed.kit, keyed.kit.sealer.key_id
    keyed.tell(keyed.refund("r1", "unheard of", name="Ana"))
    aside = seal_events(kit.sealer, [keyed.order("o2", "c2", name="Ben")])
    later = seal_events(kit.sealer, [keyed.order("o3", "c3", name="Cem")])
    stream.append(kit.redis, keyed.partition, later)
    add_secret_key(kit.settings)
    fresh = open_kit(kit.settings)
    with transaction(kit.engine) as connection:
        # Sealed outside with the new key, inside with the old one.
        dead_letters.write_events(connection, fresh.sealer, [(aside[0], "why")])
        dead_letters.write_broken(
            connection, kit.sealer, [(stream.Entry("1-0", b"no event"), "why")], 0
        )
    assert old in counts(fresh)
    assert waiting(fresh) == {old: 1}
    assert reseal(fresh).unreadable == []
    assert counts(fresh) == {fresh.sealer.key_id}
    with reading(fresh.engine) as connection:
        letters = models.dead_letters.c
        rows = connection.execute(select(letters.store, letters.sealed).where(letters.store != ""))
        (letter,) = rows.all()
    clear = fresh.sealer.open_bytes(letter.store, bytes(letter.sealed))
    inner = stream.decode(stream.Entry("0-1", clear))
    assert isinstance(inner, Event)
    assert fresh.sealer.open("shop", inner.sealed) == {"name": "Ben"}
    assert inner.sealed[1:5].hex() == fresh.sealer.key_id
    close_kit(fresh)


def test_what_no_key_opens_is_named_and_left_and_the_rest_goes_on(keyed: Driver) -> None:
    for name in ("c1", "c2", "c3"):
        keyed.tell(keyed.order(f"o{name}", name, name=name))
    first = min(everyone(keyed.kit))
    damaged = b"\x01\xff\xff\xff\xff" + bytes(40)
    with transaction(keyed.kit.engine) as connection:
        profiles = models.profiles.c
        connection.execute(
            update(models.profiles).where(profiles.customer == first).values(sealed=damaged)
        )
    add_secret_key(keyed.kit.settings)
    fresh = open_kit(keyed.kit.settings)
    done = reseal(fresh)
    assert done.unreadable == [("shoal_profiles", str(first))]
    assert counts(fresh) == {fresh.sealer.key_id, "ffffffff"}
    close_kit(fresh)


def test_a_new_key_stands_first_and_the_oldest_last(keyed: Driver) -> None:
    settings = keyed.kit.settings
    (oldest,) = key_ids(secret_keys(settings))
    add_secret_key(settings)
    made = add_secret_key(settings)
    assert split_keys(secret_keys(settings)) == made
    assert key_ids(secret_keys(settings))[-1] == oldest
    assert len(set(made)) == 3
    assert (settings.home / "secret.key").stat().st_mode & 0o777 == 0o600
