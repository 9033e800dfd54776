"""How a table is made: names with our prefix, columns of five kinds.

Times are int64 microseconds since 1970 UTC, money int64 minor units of the store's currency, so
that both databases compare and add them alike. ``store`` is the store's number, not its text id.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

PREFIX: Final = "shoal_"
metadata: Final = MetaData()


def table(name: str, *parts: Column[object] | Index) -> Table:
    """A table of ours."""
    return Table(PREFIX + name, metadata, *parts)


def key(name: str, kind: type[Text | BigInteger | Integer]) -> Column[object]:
    """A column of the primary key."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def text(name: str, default: str = "") -> Column[object]:
    """Text, empty by default."""
    return Column(name, Text, nullable=False, default=default, server_default=default)


def number(name: str, default: int = 0) -> Column[object]:
    """An int64, 0 by default."""
    return Column(name, BigInteger, nullable=False, default=default, server_default=str(default))


def maybe(name: str) -> Column[object]:
    """An int64 that may be unknown."""
    return Column(name, BigInteger, nullable=True)


def flag(name: str) -> Column[object]:
    """Yes or no, no by default."""
    return Column(name, Boolean, nullable=False, default=False, server_default="0")


def blob(name: str) -> Column[object]:
    """Bytes that may be absent."""
    return Column(name, LargeBinary, nullable=True)
