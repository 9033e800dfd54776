"""A customer's record that is damaged is computed again, as far back as the log goes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from segmentation import running
from segmentation.clocks import FOREVER
from segmentation.errors import UnknownSchema
from segmentation.record import FORMER, SCHEMA, Records
from worker import bulk, models
from worker.database import is_reading
from worker.refolding import refolded

_SCHEMAS: Final = 1 << 16  # beyond this a number is no version of a record, but damage
_HEAD: Final = 4  # bytes in which a record says its schema
_log = logging.getLogger("shoal.drain")


def mended(
    connection: Connection, store: int, customers: Sequence[int], packed: Sequence[bytes]
) -> Records:
    """Records of some customers, those that are damaged from orders and events; they are kept.

    Raises
    ------
    UnknownSchema
        If one is whole but of another version of Shoal, which is for that version to write.
    """
    records, lost = running.empty(len(packed)), list[int]()
    for at, one in enumerate(packed):
        try:
            records[at] = running.unpack([one])[0]
        except UnknownSchema:
            if _is_of_another_version(one):
                raise
            lost.append(at)
    columns, ids = ("id", "merged_into"), [customers[at] for at in lost]
    into = {
        row[0]: row[1] for row in bulk.select_keys(connection, models.customers, columns, "id", ids)
    }
    # Whoever stands for somebody who yielded has it all; theirs is empty.
    standing = [at for at in lost if into[customers[at]] is None]
    alive = [customers[at] for at in standing]
    records[standing] = refolded(connection, store, alive, before=FOREVER)
    _keep(connection, ids, records[lost])
    return records


def _is_of_another_version(packed: bytes) -> bool:
    schema = int.from_bytes(packed[:_HEAD], "little")
    return len(packed) >= _HEAD and 0 < schema < _SCHEMAS and schema not in (SCHEMA, *FORMER)


def _keep(connection: Connection, customers: Sequence[int], records: Records) -> None:
    for one in customers:
        _log.warning("customer %s: a damaged record is computed again from the log", one)
    if not is_reading(connection):
        rows = list(zip(customers, running.pack(records), strict=True))
        bulk.update(connection, models.customers, ("id", "record"), rows)
