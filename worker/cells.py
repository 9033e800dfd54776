"""Columns of a file that somebody brings, as numbers, times and ids.

What cannot be read is refused with its row, column and value.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from worker.errors import ShoalError

_FIRST, _LAST = pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")


class FileRefused(ShoalError):
    """A file that cannot be read as what it was given as."""

    exit_code = 2


def read_table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """What a file holds; ids in the columns ``texts`` keep their leading zeros.

    Raises
    ------
    FileRefused
        If there is no such file, or it is not what its name says.
    """
    if not path.exists():
        message = f"{path}: there is no such file"
        raise FileRefused(message)
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith((".jsonl", ".ndjson")):
            return pd.read_json(path, lines=True, dtype=False)
        if name.endswith(".csv"):
            return _csv(path, texts)
    except ImportError:
        message = f"{path}: reading Parquet needs pyarrow: pip install 'shoal[parquet]'"
        raise FileRefused(message) from None
    except pd.errors.EmptyDataError:
        message = f"{path}: expected a header that names its columns, found an empty file"
        raise FileRefused(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: expected UTF-8, found byte 0x{error.object[error.start]:02x}"
        raise FileRefused(message) from None
    except (ValueError, OSError, EOFError) as problem:
        message = f"{path}: {problem}"
        raise FileRefused(message) from None
    message = f"{path}: expected .csv, .csv.gz, .parquet or .jsonl"
    raise FileRefused(message)


def _csv(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    with warnings.catch_warnings():
        # pandas would drop what is too much in a row, or take the first columns for names of rows.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, dtype=dict.fromkeys(texts, "string"), index_col=False)
        except pd.errors.ParserWarning:
            message = f"{path}: expected as many cells in each row as the header has, found more"
            raise FileRefused(message) from None


def numbers(path: Path, column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of finite numbers; empty cells are 0.

    Raises
    ------
    FileRefused
        For the first cell that is none.
    """
    found = pd.to_numeric(column, errors="coerce").astype("float64")
    unread = column.notna().to_numpy() & ~np.isfinite(found.to_numpy())
    _refuse_first(path, column, unread, "a number")
    return found.fillna(0.0)


def moments(path: Path, times: pd.Series[Any], zone: tzinfo) -> pd.Series[Any]:
    """A column of times, in UTC; those without an offset are in ``zone``.

    Raises
    ------
    FileRefused
        For the first cell that is no time, or not one between 1900 and 2200.
    """
    expected = "ISO 8601, all with an offset or all without"
    every = np.ones(len(times), np.bool_)
    if pd.api.types.is_numeric_dtype(times):
        _refuse_first(path, times, every, expected)  # pandas would count from 1970
    try:
        found = pd.to_datetime(times)
    except (ValueError, TypeError, OverflowError):
        each = [pd.to_datetime(one, errors="coerce") is pd.NaT for one in times]
        _refuse_first(path, times, np.array(each) if any(each) else every, expected)
        raise
    if found.dt.tz is None:
        found = found.dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    is_odd = ((found < _FIRST) | (found >= _LAST)).to_numpy()
    _refuse_first(path, times, is_odd, "a time between 1900 and 2200")
    return found.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def _refuse_first(
    path: Path, column: pd.Series[Any], wrong: npt.NDArray[np.bool_], expected: str
) -> None:
    """Refuse the file for the first value that is wrong, if there is one."""
    for at in np.flatnonzero(wrong).tolist():
        row, value = int(column.index[at]) + 1, str(column.iloc[at])
        message = f"{path}: row {row}: {column.name} {value!r}: expected {expected}"
        raise FileRefused(message)


def ids(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of ids as text, empty where there is none; whole numbers without a point."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("string").fillna("").astype(str)
