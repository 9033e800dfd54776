"""Bulk statements do the same on both databases."""

from __future__ import annotations

from sqlalchemy import Engine, select

from worker import bulk, models
from worker.database import transaction

EVENT = ("id", "store", "type", "body")


def identifier(number: int) -> bytes:
    return number.to_bytes(8) + b"\x00\xff" * 4


def test_upsert_inserts_and_replaces_only_the_named_columns(database: Engine) -> None:
    with transaction(database) as connection:
        everything = ("store", "product_id", "title", "price", "stock", "is_available")
        bulk.upsert(
            connection,
            models.products,
            everything,
            [(1, "a", "Ä 'quoted'", 2**40, None, True), (1, "b", "B", 5, 3, False)],
        )
        bulk.upsert(connection, models.products, ("store", "product_id", "price"), [(1, "a", -7)])
        found = bulk.select_pairs(connection, models.products, everything, 1, ["a", "b", "c"])
    assert sorted(tuple(row) for row in found) == [
        (1, "a", "Ä 'quoted'", -7, None, True),
        (1, "b", "B", 5, 3, False),
    ]


def test_update_replaces_the_named_columns_of_rows_that_are_there(database: Engine) -> None:
    columns = ("id", "store", "type")
    rows = [(identifier(number), number, "page_viewed", b"body") for number in range(3)]
    with transaction(database) as connection:
        bulk.upsert(connection, models.events, EVENT, rows)
        changed = [(identifier(2), 7, "search"), (identifier(9), 9, "search")]
        bulk.update(connection, models.events, columns, changed)
        found = bulk.select_keys(
            connection, models.events, EVENT, "id", [identifier(at) for at in range(10)]
        )
    assert sorted((bytes(row[0]), row[1], row[2], bytes(row[3])) for row in found) == [
        (identifier(0), 0, "page_viewed", b"body"),
        (identifier(1), 1, "page_viewed", b"body"),
        (identifier(2), 7, "search", b"body"),
    ]


def test_nothing_in_is_nothing_done(database: Engine) -> None:
    with transaction(database) as connection:
        bulk.upsert(connection, models.products, ("store", "product_id"), [])
        bulk.update(connection, models.products, ("product_id", "title"), [])
        bulk.delete_keys(connection, models.events, "id", [])
        assert bulk.insert_new(connection, models.events, EVENT, []) == set()
        assert bulk.select_keys(connection, models.events, EVENT, "id", []) == []
        assert bulk.select_pairs(connection, models.products, ("title",), 1, []) == []
        assert bulk.select_identities(connection, 1, []) == []


def test_insert_new_says_which_were_new_and_leaves_the_others(database: Engine) -> None:
    with transaction(database) as connection:
        first = [(identifier(number), 1, "old", b"\x00'") for number in range(0, 50, 2)]
        assert bulk.insert_new(connection, models.events, EVENT, first) == {row[0] for row in first}
    with transaction(database) as connection:
        second = [(identifier(number), 1, "new", b"") for number in range(50)]
        fresh = bulk.insert_new(connection, models.events, EVENT, second)
        assert fresh == {identifier(number) for number in range(1, 50, 2)}
        assert bulk.insert_new(connection, models.events, EVENT, second) == set()
        rows = bulk.select_keys(
            connection, models.events, ("id", "type", "body"), "id", [row[0] for row in second]
        )
    assert {row[0]: row[1] for row in rows} == {
        identifier(number): "new" if number % 2 else "old" for number in range(50)
    }
    assert {bytes(row[2]) for row in rows if row[1] == "old"} == {b"\x00'"}


def test_insert_missing_keeps_what_is_there(database: Engine) -> None:
    with transaction(database) as connection:
        bulk.insert_missing(connection, models.meta, ("name", "value"), [("a", "1")])
        bulk.insert_missing(connection, models.meta, ("name", "value"), [("a", "2"), ("b", "3")])
        name = models.meta.c.name
        ours = select(name, models.meta.c.value).where(name.in_(("a", "b")))
        found = connection.execute(ours).all()
    assert sorted(map(tuple, found)) == [("a", "1"), ("b", "3")]


def test_increase_adds(database: Engine) -> None:
    key = ("store", "name", "label")
    with transaction(database) as connection:
        for by in (3, 2**40, -1):
            bulk.increase(connection, models.tallies, key, "count", [(1, "n", "x", by)])
        assert connection.execute(select(models.tallies.c["count"])).scalar() == 2**40 + 2


def test_keys_may_be_numbers_texts_and_many(database: Engine) -> None:
    with transaction(database) as connection:
        ids = [2**53 + number for number in range(5_000)]
        bulk.upsert(
            connection, models.customers, ("id", "platform_id"), [(one, f"p{one}") for one in ids]
        )
        assert len(bulk.select_keys(connection, models.customers, ("id",), "id", ids)) == 5_000
        (row,) = bulk.select_keys(
            connection, models.customers, ("id",), "platform_id", [f"p{ids[7]}", "nobody"]
        )
        assert row[0] == ids[7]
        bulk.delete_keys(connection, models.customers, "id", ids[1:])
        assert bulk.select_keys(connection, models.customers, ("id",), "id", ids) == [(ids[0],)]


def test_identities_come_with_what_is_known_of_the_customer(database: Engine) -> None:
    with transaction(database) as connection:
        bulk.upsert(
            connection,
            models.identities,
            ("store", "kind", "key", "customer"),
            [(1, "email", "ab", 5), (1, "cart", "ab", 6), (2, "email", "ab", 7)],
        )
        bulk.upsert(
            connection, models.customers, ("id", "platform_id", "is_known"), [(5, "shop-5", True)]
        )
        wanted = [("email", "ab"), ("cart", "ab"), ("cart", "nobody's")]
        found = bulk.select_identities(connection, 1, wanted)
    assert sorted((row[0], row[1], row[2], row[3], bool(row[4])) for row in found) == [
        ("cart", "ab", 6, "", False),
        ("email", "ab", 5, "shop-5", True),
    ]
