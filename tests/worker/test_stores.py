from __future__ import annotations

import pytest
from sqlalchemy import Engine

from worker import installation, models
from worker.database import reading, transaction
from worker.errors import StoreRefused, UnknownStore
from worker.sealing import Sealer, sealer_from
from worker.stores import (
    AddedStore,
    NewStore,
    add_store,
    config_of,
    key_hash,
    list_stores,
    load_store,
    partition_of,
    renew_server_key,
)

NEW = NewStore(
    id="shop",
    platform="sandbox",
    url="https://api.shop.example",
    currency="EUR",
    time_zone="Europe/Berlin",
    options={"attributes": "size:text"},
    secrets={"webhook_secret": "a very secret secret"},
    origins="https://shop.example, https://www.shop.example",
)


@pytest.fixture
def sealer() -> Sealer:
    return sealer_from("a key for the tests only")


def added(database: Engine, sealer: Sealer, new: NewStore = NEW) -> AddedStore:
    with transaction(database) as connection:
        installation.partitions(connection, 8)
        return add_store(connection, sealer, new, 1)


def test_a_store_comes_back_as_its_connector_needs_it(database: Engine, sealer: Sealer) -> None:
    one = added(database, sealer)
    with reading(database) as connection:
        store = load_store(connection, "shop")
        assert load_store(connection, one.number) == store
    config = config_of(store, sealer)
    assert config.secrets == {"webhook_secret": "a very secret secret"}
    assert config.options == {"attributes": "size:text"}
    assert store.origins == ("https://shop.example", "https://www.shop.example")
    assert "secret" not in repr(config)


def test_secrets_and_the_server_key_are_nowhere_in_clear(database: Engine, sealer: Sealer) -> None:
    one = added(database, sealer)
    with reading(database) as connection:
        row = connection.execute(models.stores.select()).one()
    assert one.server_key not in repr(row)
    assert "very secret" not in repr(row)
    assert b"very secret" not in bytes(row.secrets)
    assert row.server_key_hash == key_hash(one.server_key)
    assert one.server_key not in repr(one)


def test_numbers_follow_each_other_and_partitions_follow_the_id(
    database: Engine, sealer: Sealer
) -> None:
    first = added(database, sealer)
    second = added(database, sealer, NewStore(id="b", platform="sandbox", url="", currency="EUR"))
    assert (first.number, second.number) == (1, 2)
    assert first.partition == partition_of("shop", 8)
    with reading(database) as connection:
        assert [one.id for one in list_stores(connection)] == ["shop", "b"]


def test_a_partition_is_the_same_for_ever() -> None:
    assert [partition_of(name, 8) for name in ("shop", "b", "c")] == [6, 5, 3]


def test_everything_wrong_is_said_at_once(database: Engine, sealer: Sealer) -> None:
    added(database, sealer)
    wrong = NewStore(
        id="Shop!",
        platform="sandbox",
        url="ftp://shop",
        currency="euro",
        time_zone="Europe/Berln",
        clock="sun",
        options={"attributes": "size:texts"},
        origins="shop.example",
    )
    with pytest.raises(StoreRefused) as refused:
        added(database, sealer, wrong)
    said = str(refused.value)
    assert len(refused.value.problems) == 7
    for word in ("id 'Shop!'", "currency", "clock", "url", "Europe/Berlin?", "origin", "'text'"):
        assert word in said


def test_an_id_is_taken_once(database: Engine, sealer: Sealer) -> None:
    added(database, sealer)
    with pytest.raises(StoreRefused, match="taken"):
        added(database, sealer)


def test_an_unknown_store_is_told_the_nearest(database: Engine, sealer: Sealer) -> None:
    added(database, sealer)
    with reading(database) as connection, pytest.raises(UnknownStore, match="did you mean 'shop'"):
        load_store(connection, "shp")


def test_a_renewed_key_replaces_the_old_one(database: Engine, sealer: Sealer) -> None:
    one = added(database, sealer)
    with transaction(database) as connection:
        key = renew_server_key(connection, "shop")
        assert load_store(connection, "shop").server_key_hash == key_hash(key)
    assert key != one.server_key
