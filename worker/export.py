"""Everything Shoal holds about one person, as one JSON-ready object (GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import Connection, LargeBinary, Table, select

from connectors.events import moment
from connectors.records import exponent
from segmentation.deriving import derived
from worker import models
from worker.erasure import everyone_in
from worker.legible import COLUMNS, decoded
from worker.own_features import declared_features
from worker.roster import records_of
from worker.sealing import Sealer
from worker.shop import Shop

_TABLES: Final = {
    "identities": models.identities,
    "orders": models.orders,
    "refunds": models.refunds,
    "carts": models.carts,
    "events": models.events,
    "segment_changes": models.segment_changes,
    "memberships": models.memberships,
    "membership_changes": models.membership_changes,
    "decisions": models.decisions,
    "holds": models.holds,
    "actions": models.actions,
    "codes": models.codes,
    "timers": models.timers,
}
_TIMES: Final = frozenset(
    {
        "at",
        "since",
        "received_at",
        "made_at",
        "due_at",
        "expires_at",
        "accepted_at",
        "try_at",
        "finished_at",
        "redeemed_at",
        "ordered_at",
        "created_at",
        "segment_since",
        "last_order",
        "last_seen",
    }
)
_JSON: Final = frozenset({"coupons", "detail", "payload"})
# Of no meaning outside: packed records and sets of hashes, shown as features instead.
_PACKED: Final = frozenset({"record", "products"})


def export_customer(
    connection: Connection, sealer: Sealer, shop: Shop, customer: int
) -> dict[str, Any]:
    """One person's data: profile opened, features derived, every row of every table.

    Parameters
    ----------
    customer
        Our id; whoever was merged into or with it is included.

    Raises
    ------
    CannotOpen
        If the profile was sealed by a key that is not here.
    """
    ids = sorted(everyone_in(connection, shop.number, {customer}))
    return {
        "store": shop.id,
        "customer": customer,
        "profile": _profile(connection, sealer, shop, ids),
        "customers": _rows(connection, models.customers, "id", ids),
        "features": _features(connection, shop, ids),
        **{name: _rows(connection, table, "customer", ids) for name, table in _TABLES.items()},
    }


def _profile(
    connection: Connection, sealer: Sealer, shop: Shop, ids: Sequence[int]
) -> dict[str, str]:
    profiles = models.profiles.c
    rows = connection.execute(
        select(profiles.sealed).where(profiles.customer.in_(ids)).order_by(profiles.customer)
    ).scalars()
    found: dict[str, str] = {}
    for sealed in rows:
        found |= sealer.open(shop.id, bytes(sealed or b""))
    return found


def _features(connection: Connection, shop: Shop, ids: Sequence[int]) -> dict[str, float | None]:
    people = models.customers.c
    row = connection.execute(
        select(people.id, people.record).where(people.id.in_(ids), people.merged_into.is_(None))
    ).first()
    if row is None:
        return {}
    records = records_of(connection, shop.number, [row.id], [bytes(row.record)])
    own, places = declared_features(connection, shop.number).features, exponent(shop.currency)
    columns = derived(records, shop.now, own, currency_exponent=places)
    return {
        name: None if np.isnan(column[0]) else float(column[0]) for name, column in columns.items()
    }


def _rows(
    connection: Connection, table: Table, key: str, ids: Sequence[int]
) -> list[dict[str, Any]]:
    query = select(table).where(table.c[key].in_(ids)).order_by(*table.primary_key.columns)
    binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    return [
        {
            name: _shown(name, value, is_binary=name in binary)
            for name, value in row.items()
            if name not in _PACKED
        }
        for row in connection.execute(query).mappings()
    ]


def _shown(name: str, value: Any, *, is_binary: bool) -> Any:
    if value is None or value == b"":
        return None
    if is_binary:
        return bytes(value).hex() if name in {"id", "event"} else msgspec.msgpack.decode(value)
    if name in _TIMES:
        return moment(value).isoformat() if value > 0 else None
    if name in COLUMNS:
        known = decoded(value)
        return value if known is None else known  # even what cannot be read is theirs
    return msgspec.json.decode(value) if name in _JSON else value
