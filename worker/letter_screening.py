"""Letters that come after their person was erased: they are not kept.

An erasure searches the letters that stand in the table (worker.searching). One that is still on its
way, or delivered again later, is known here by the keyed hashes that an erasure leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from worker import bulk, models
from worker.dead_letters import Letter
from worker.erasure import hash_of
from worker.errors import CannotOpen
from worker.identities import Key
from worker.sealing import Sealer
from worker.searching import addresses_in, values_in

_KINDS: Final = ("customer_id", "anonymous_id", "cart", "order")


def without_erased(
    connection: Connection, sealer: Sealer, letters: Iterable[Letter]
) -> list[Letter]:
    """The letters that speak of nobody who was erased."""
    stores = _stores_with_erasures(connection)
    return [
        letter
        for letter in letters
        if letter.store not in stores
        or not _is_erased(connection, sealer, letter, stores[letter.store])
    ]


def _stores_with_erasures(connection: Connection) -> dict[str, int]:
    stores = models.stores.c
    rows = connection.execute(
        select(stores.id, stores.number).where(
            select(models.erasures.c.store).where(models.erasures.c.store == stores.number).exists()
        )
    )
    return {str(row.id): int(row.number) for row in rows}


def _is_erased(connection: Connection, sealer: Sealer, letter: Letter, number: int) -> bool:
    try:
        clear = sealer.open_bytes(letter.store, letter.sealed)
    except CannotOpen:
        return False
    hashes = sorted({hash_of(sealer, letter.store, key) for key in _keys(sealer, letter, clear)})
    return bool(bulk.select_pairs(connection, models.erasures, ("hash",), number, hashes))


def _keys(sealer: Sealer, letter: Letter, clear: bytes) -> set[Key]:
    keys = {("email", sealer.blind(letter.store, one)) for one in addresses_in(clear)}
    return keys | {(kind, value) for value in values_in(clear) for kind in _KINDS}
