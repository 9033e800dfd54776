"""One row a customer with every feature, now or as of a time, as a table for people's own tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from connectors.events import moment
from connectors.records import exponent
from segmentation import running
from segmentation.features import BY_NAME
from segmentation.record import Records
from segmentation.running import FactKind, Facts
from worker import models
from worker.batch import FactTuple, offset_at
from worker.catalogue import NO_SLOT
from worker.cells import FileRefused
from worker.sales import all_purchases_of_store
from worker.touches import KINDS


def features_table(
    connection: Connection, store: int, currency: str, now: int, *, as_of: int | None = None
) -> pd.DataFrame:
    """``customer_id`` and every feature, times as aware UTC; customers with a platform id.

    Parameters
    ----------
    now
        Business time to age to when ``as_of`` is None, int microseconds.
    as_of
        Compute everything again from the log, without what is at or after this time.
    """
    columns = models.customers.c
    rows = connection.execute(
        select(columns.id, columns.platform_id, columns.record)
        .where(columns.store == store, columns.platform_id != "", columns.merged_into.is_(None))
        .order_by(columns.platform_id)
    ).all()
    if as_of is None:
        records = running.unpack([bytes(row.record) for row in rows])
    else:
        records = _as_of(connection, store, currency, [row.id for row in rows], as_of)
    at = now if as_of is None else as_of
    values = running.derive(records, at, currency_exponent=exponent(currency))
    table = pd.DataFrame({"customer_id": [row.platform_id for row in rows], **values})
    for name in values:
        if BY_NAME[name].unit == "time":
            table[name] = pd.to_datetime(table[name], unit="us", utc=True)
    return table if as_of is None else table[(table["orders"] > 0) | table["views"].gt(0)]


def _as_of(
    connection: Connection, store: int, currency: str, customers: Sequence[int], as_of: int
) -> Records:
    place = {customer: row for row, customer in enumerate(customers)}
    records = running.empty(len(customers))
    purchases, products = all_purchases_of_store(connection, store, currency, as_of)
    pointers = _pointers(connection, store)
    facts = [
        (pointers.get(fact[0], fact[0]), *fact[1:])
        for fact in (
            *purchases,
            *_touches(connection, store, as_of),
            *_redemptions(connection, store, as_of),
        )
    ]
    known = [(place[fact[0]], *fact[1:]) for fact in facts if fact[0] in place]
    if known:
        running.fold(records, Facts.of(known))
    for customer, row in place.items():
        records["distinct_products"][row] = len(products.get(customer, ()))
    _recompute(records, [fact for fact in known if fact[1] in {FactKind.ORDER, FactKind.REFUND}])
    return records


def _recompute(records: Records, purchases: Sequence[FactTuple]) -> None:
    chosen = np.flatnonzero(running.pending(records).purchases)
    if not len(chosen):
        return
    place = {int(row): at for at, row in enumerate(chosen)}
    again = records[chosen]
    facts = [(place[fact[0]], *fact[1:]) for fact in purchases if fact[0] in place]
    running.purchases(again, Facts.of(facts))
    records[chosen] = again


def _touches(connection: Connection, store: int, as_of: int) -> list[FactTuple]:
    events = models.events.c
    zone = _zone(connection, store)
    rows = connection.execute(
        select(events.customer, events.type, events.at, events.body).where(
            events.store == store, events.at < as_of, events.type.in_(list(KINDS))
        )
    )
    found: list[FactTuple] = []
    for row in rows:
        said = msgspec.msgpack.decode(bytes(row.body)) if row.body else {}
        slot, stated = int(said.get("slot", -1)), said.get("utc_offset")
        offset = int(stated) if isinstance(stated, int | float) else offset_at(zone, moment(row.at))
        found.append((row.customer, KINDS[row.type], row.at, 0, 0, 0, slot, offset))
    return found


def _pointers(connection: Connection, store: int) -> dict[int, int]:
    """Merged customers, whom the log may still name, and who stands for each."""
    columns = models.customers.c
    rows = connection.execute(
        select(columns.id, columns.merged_into).where(
            columns.store == store, columns.merged_into.is_not(None)
        )
    )
    return {row.id: row.merged_into for row in rows}


def _redemptions(connection: Connection, store: int, as_of: int) -> list[FactTuple]:
    codes, orders = models.codes.c, models.orders.c
    rows = connection.execute(
        select(orders.customer, codes.redeemed_at)
        .join(models.orders, (orders.store == codes.store) & (orders.order_id == codes.order_id))
        .where(codes.store == store, codes.redeemed_at < as_of)
    )
    return [
        (row.customer, FactKind.REDEMPTION, row.redeemed_at, 0, 0, 0, NO_SLOT, 0) for row in rows
    ]


def _zone(connection: Connection, store: int) -> ZoneInfo | None:
    columns = models.stores.c
    name = connection.execute(select(columns.time_zone).where(columns.number == store)).scalar_one()
    return None if name == "UTC" else ZoneInfo(name)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as what the file's name says: .csv, .csv.gz, .parquet or .jsonl.

    Raises
    ------
    FileRefused
        If the name says none of these, or its folder takes no file.
    """
    draft = path.with_name(f".part-{path.name}")  # nobody finds half a table under its name
    try:
        _write(table, draft)
        draft.replace(path)
    except (OSError, ImportError) as error:
        why = getattr(error, "strerror", "") or error
        message = f"{path}: cannot be written: {why}"
        raise FileRefused(message) from None
    finally:
        draft.unlink(missing_ok=True)


def _write(table: pd.DataFrame, path: Path) -> None:
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        table.to_csv(path, index=False)
    elif path.name.endswith(".parquet"):
        table.to_parquet(path, index=False)
    elif name.endswith(".jsonl"):
        table.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        given = path.with_name(path.name.removeprefix(".part-"))
        message = f"{given}: expected a name that ends in .csv, .csv.gz, .parquet or .jsonl"
        raise FileRefused(message)
