"""A store's customers who have ordered, a page at a time, without a query for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from segmentation.record import Records
from worker import bulk, models
from worker.roster import records_of
from worker.shop import Shop

# Customers read at a time: about 25 MB of records.
CHUNK: Final = 20_000
# By the key alone, whose range is the store's: with an index on another column the database would
# sort everybody for each page.
_PAGE: Final = (
    f"SELECT id, grouping, record FROM {models.customers.name} WHERE orders > 0 "  # noqa: S608 - our own table's name
    "AND coalesce(merged_into, 0) = 0 AND id > ? AND id < ?{cut} ORDER BY id LIMIT ?"
)


def pages(
    connection: Connection, shop: Shop, slice_: tuple[int, int] | None
) -> Iterator[tuple[Sequence[int], Sequence[str], Records]]:
    """Ids, groups' ids and records, in the order of the ids.

    ``slice_`` (i, n) takes only the customers whose id leaves i when divided by n.
    """
    number, slices = slice_ or (0, 0)
    statement = _PAGE.format(cut=" AND id % ? = ?" if slices else "")
    cut = (slices, number) if slices else ()
    last, end = shop.ids
    while found := bulk.by_column(connection, statement, (last, end, *cut, CHUNK)):
        ids, groupings, packed = found
        last = ids[-1]
        yield ids, groupings, records_of(connection, shop.number, ids, packed)
