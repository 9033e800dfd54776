"""What is set once for the whole installation and kept in the database ever after."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection, select

from worker import bulk, models
from worker.cursors import add_cursors
from worker.sealing import Sealer

SCOPE: Final = "shoal"  # in place of a store's id where a secret is no store's
COUPON_SECRET: Final = "coupon_secret"  # noqa: S105 - the name of a row


def partitions(connection: Connection, wanted: int) -> int:
    """The number of partitions: ``wanted`` at the first start, the stored one from then on."""
    number = int(_kept(connection, "partitions", str(wanted)))
    add_cursors(connection, number)
    return number


def coupon_secret(connection: Connection, sealer: Sealer) -> bytes:
    """What codes are minted from: made once, kept sealed, independent of the secret key."""
    fresh = sealer.seal_bytes(SCOPE, secrets.token_bytes(32)).hex()
    return sealer.open_bytes(SCOPE, bytes.fromhex(_kept(connection, COUPON_SECRET, fresh)))


def salt(connection: Connection) -> str:
    """What control groups are drawn with: made once, no secret, never changed."""
    return _kept(connection, "salt", secrets.token_hex(16))


def known_salt(connection: Connection) -> str | None:
    """The same where nothing may be written; None before the first draw."""
    return _read(connection, "salt")


def _kept(connection: Connection, name: str, fresh: str) -> str:
    found = _read(connection, name)
    if found is not None:
        return found
    bulk.insert_missing(connection, models.meta, ("name", "value"), [(name, fresh)])
    return _read(connection, name) or fresh


def _read(connection: Connection, name: str) -> str | None:
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == name)).scalar()
    return None if found is None else str(found)
