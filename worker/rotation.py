"""`shoal keys rotate`: what older keys sealed is sealed anew, in batches, while everything runs.

A row is written only if nobody has written it since it was read, so the drain always wins; a pass
that was cut off is simply begun again. The blind index and the coupons' secret stay as they are:
addresses are found, and codes minted, with what they have been from the first day on.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from worker import models

SEALED = (
    (models.profiles, "sealed"),
    (models.stores, "secrets"),
    (models.dead_letters, "sealed"),
)
COUPON_SECRET = "coupon_secret"  # noqa: S105 - the name of a row


def sealed_by(connection: Connection) -> dict[str, int]:
    """How many things each key has sealed, by its id."""
    counts: dict[str, int] = {}
    for table, name in SEALED:
        named = func.substr(table.c[name], 2, 4)
        query = select(named, func.count()).where(func.length(table.c[name]) > 0).group_by(named)
        for key, count in connection.execute(query):
            counts[bytes(key).hex()] = counts.get(bytes(key).hex(), 0) + int(count)
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == COUPON_SECRET)).scalar()
    if found is not None:
        key = str(found)[2:10]
        counts[key] = counts.get(key, 0) + 1
    return counts
