"""One row a customer with every feature, now or as of a time, as a table for people's own tools."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, or_, select

from connectors.records import exponent
from segmentation.constructed import entry
from segmentation.deriving import derived
from segmentation.features import DEMOGRAPHIC
from worker import models
from worker.cells import FileRefused
from worker.own_features import declared_features
from worker.refolding import refolded
from worker.roster import records_of


def features_table(
    connection: Connection, store: int, currency: str, now: int, *, as_of: int | None = None
) -> pd.DataFrame:
    """``customer_id`` and every feature, the store's own too; times as aware UTC, no visitors.

    ``customer_id`` is the platform's; our own for people of whom only an e-mail is known.

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
        .where(
            columns.store == store,
            or_(columns.platform_id != "", columns.is_known),
            columns.merged_into.is_(None),
        )
        .order_by(columns.platform_id, columns.id)
    ).all()
    if as_of is None:
        packed = [bytes(row.record) for row in rows]
        records = records_of(connection, store, [row.id for row in rows], packed)
    else:
        records = refolded(connection, store, [row.id for row in rows], before=as_of)
    at = now if as_of is None else as_of
    own = declared_features(connection, store).features
    values = derived(records, at, own, currency_exponent=exponent(currency))
    table = pd.DataFrame(
        {"customer_id": [row.platform_id or str(row.id) for row in rows], **values}
    )
    for name in values:
        if entry(name, own).unit == "time":
            table[name] = pd.to_datetime(table[name], unit="us", utc=True)
    return table if as_of is None else table[(table["orders"] > 0) | table["views"].gt(0)]


def completeness(table: pd.DataFrame) -> dict[str, float]:
    """Of how many of a table's customers each demographic feature is known, 0 to 1."""
    shares = {name: float(table[name].notna().mean()) for name in DEMOGRAPHIC}
    return {name: 0.0 if np.isnan(share) else share for name, share in shares.items()}


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as what the file's name says: .csv, .csv.gz, .parquet or .jsonl.

    Raises
    ------
    FileRefused
        If the name says none of these, or its folder takes no file.
    """
    write_tables([table], path)


def write_tables(tables: Iterable[pd.DataFrame], path: Path) -> None:
    """Write tables of the same columns as one, a table at a time; see :func:`write_table`."""
    draft = path.with_name(f".part-{path.name}")  # nobody finds half a table under its name
    try:
        _write(iter(tables), draft)
        draft.replace(path)
    except (OSError, ImportError) as error:
        why = getattr(error, "strerror", "") or error
        message = f"{path}: cannot be written: {why}"
        raise FileRefused(message) from None
    finally:
        draft.unlink(missing_ok=True)


def _write(tables: Iterator[pd.DataFrame], path: Path) -> None:
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".jsonl")):
        opener = gzip.open if path.name.endswith(".gz") else open
        with opener(path, "wt", encoding="utf-8", newline="") as file:
            for number, table in enumerate(tables):
                if name.endswith(".csv"):
                    table.to_csv(file, index=False, header=not number)
                else:
                    table.to_json(file, orient="records", lines=True, date_format="iso")
    elif path.name.endswith(".parquet"):
        _write_parquet(tables, path)
    else:
        given = path.with_name(path.name.removeprefix(".part-"))
        message = f"{given}: expected a name that ends in .csv, .csv.gz, .parquet or .jsonl"
        raise FileRefused(message)


def _write_parquet(tables: Iterator[pd.DataFrame], path: Path) -> None:
    first = next(tables, pd.DataFrame())
    second = next(tables, None)
    if second is None:
        first.to_parquet(path, index=False)
        return
    from pyarrow import Table  # noqa: PLC0415 - an extra, which most exports do without
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - the same

    whole = Table.from_pandas(first, preserve_index=False)
    with ParquetWriter(path, whole.schema) as file:
        file.write_table(whole)
        for table in chain((second,), tables):
            file.write_table(Table.from_pandas(table, schema=whole.schema, preserve_index=False))
