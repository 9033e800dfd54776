"""One customer as one fixed-size record: its layout, and how it is packed.

Integers hold counts, money (minor units) and times (microseconds since 1970 UTC); floats hold
decayed sums. ``RECORD`` names each number, ``BLOCKS`` is the same memory by blocks, so that a
batch is added with one operation per block. NaN never stands in a record.

A decayed sum is kept forward: S = sum of w * 2^((t - landmark) / half-life), so adding and merging
are +, and reading multiplies by one constant. The landmark is 2020-01-01 UTC, moved by whole eras
of 512 weeks (the record's ``era``), which keeps 2^x finite at any date. Source: Cormode,
Shkapenyuk, Srivastava, Xu, "Forward Decay", ICDE 2009.

A later schema only adds fields at the end, so a record of an earlier one is read by filling up what
it lacks with what :func:`empty` has there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from segmentation.errors import UnknownSchema
from segmentation.features import HALF_LIVES, SERIES, SLOTS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# A structured array; numpy's types say no more.
Records = npt.NDArray[np.void]

SCHEMA: Final = 3
# The time of what has not happened, where the greatest counts; look at the count before comparing.
# Where the least counts ("first"), its negative stands.
NEVER: Final = -(2**62)
DAY: Final = 86_400_000_000  # microseconds
LANDMARK: Final = 1_577_836_800_000_000  # 2020-01-01 UTC
ERA: Final = 512 * 7 * DAY
NO_ERA: Final = -(2**31)
ORDERS_KEPT: Final = 8
SESSIONS_KEPT: Final = 4
NEEDS_PURCHASES: Final = 1
NEEDS_BROWSING: Final = 2

COUNTS: Final = (
    "views",
    "searches",
    "carts",
    "checkouts",
    "orders",
    "refunds",
    "contacts",
    "opens",
    "clicks",
    "redemptions",
)
CIRCLES: Final = ("hour_cos", "hour_sin", "weekday_cos", "weekday_sin")
# Sums over orders and refunds; a square is three limbs of 24 bits (segmentation.moments).
MONEY: Final = (
    "revenue",
    "square_high",
    "square_middle",
    "square_low",
    "items",
    "discount",
    "refunded",
)
SUMS: Final = (
    *COUNTS,
    *(f"act_{name}" for name in CIRCLES),
    *MONEY,
    *(f"order_{name}" for name in CIRCLES),
)
# What customers say, in sums; the last two are of refunds and computed again with them.
VOICE: Final = (
    "reviews",
    "surveys",
    "complaints",
    "tickets",
    "rating",  # hundredths of a star
    "satisfaction",  # millionths
    "ticket_seconds",
    "timed_tickets",
    "returns",
    "fault_returns",
)
MOODS: Final = ("complaints", "reviews", "rating")  # decayed by 90 days
# Who the customer is, in coarse values; 0: unknown. Together eight bytes, so that the numbers of
# every record stay where a processor reads them at once.
PERSON: Final = ("birth_year", "household_size", "education", "gender", "income_band")
FIRSTS: Final = ("first_act_at", "first_order_at")
LASTS: Final = ("last_act_at", "last_cart_at", "last_order_at")

_HEAD: Final[list[tuple[str, str]]] = [
    ("schema", "<u4"),
    ("flags", "<u4"),
    ("era", "<i8"),
    ("distinct_products", "<i8"),
]
_TAIL: Final[list[tuple[str, str, tuple[int, ...]]]] = [
    ("decayed", "<f8", (len(SERIES), len(HALF_LIVES))),
    ("categories", "<f8", (2, SLOTS)),  # by acts, by orders
    ("order_times", "<i8", (ORDERS_KEPT,)),
    ("order_floor", "<i8", ()),  # the newest order before order_times
    ("gap_squares", "<i8", (3,)),  # of the gaps up to order_floor
    ("session_starts", "<i8", (SESSIONS_KEPT,)),
    ("session_ends", "<i8", (SESSIONS_KEPT,)),
    ("session_floor", "<i8", ()),  # the end of the newest session before those
    ("sessions_before", "<i8", ()),
    ("browsing_before", "<i8", ()),  # microseconds
]
_MOODS: Final = ("moods", "<f8", (len(MOODS),))
_PERSON: Final = list(zip(PERSON, ("<i2", "<i2", "<i2", "i1", "i1"), strict=True))
RECORD: Final = np.dtype(
    [
        *_HEAD,
        *((name, "<i8") for name in (*SUMS, *FIRSTS, *LASTS)),
        *_TAIL,
        *((name, "<i8") for name in VOICE),
        _MOODS,
        *_PERSON,
    ]
)
BLOCKS: Final = np.dtype(
    [
        *_HEAD,
        ("sums", "<i8", (len(SUMS),)),
        ("firsts", "<i8", (len(FIRSTS),)),
        ("lasts", "<i8", (len(LASTS),)),
        *_TAIL,
        ("voice", "<i8", (len(VOICE),)),
        _MOODS,
        *_PERSON,
    ]
)
# Earlier schemas that are read, and how many bytes a record had.
FORMER: Final = {
    schema: int(RECORD.fields[name][1]) if RECORD.fields else 0
    for schema, name in enumerate((VOICE[0], PERSON[0]), 1)
}


class Recompute(NamedTuple):
    """Which records ask for the log; boolean, one per record."""

    purchases: Bools
    browsing: Bools


def empty(count: int) -> Records:
    """Records of that many customers of whom nothing is known."""
    records = np.zeros(count, RECORD)
    blocks = records.view(BLOCKS)
    blocks["schema"] = SCHEMA
    blocks["era"] = NO_ERA
    blocks["firsts"] = -NEVER
    blocks["lasts"] = NEVER
    for name in ("order_times", "order_floor", "session_starts", "session_ends", "session_floor"):
        blocks[name] = NEVER
    return records


def pending(records: Records) -> Recompute:
    """Which records need their purchases or their browsing computed from the log."""
    flags = records["flags"]
    return Recompute((flags & NEEDS_PURCHASES) != 0, (flags & NEEDS_BROWSING) != 0)


def pack(records: Records) -> list[bytes]:
    """Each record as bytes, to be stored."""
    size = RECORD.itemsize
    raw = np.ascontiguousarray(records).tobytes()
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def unpack(packed: Sequence[bytes]) -> Records:
    """Records from what :func:`pack` gave, now or at an earlier schema; writable.

    Raises
    ------
    UnknownSchema
        If a record has a size or version that is neither this one's nor of ``FORMER``.
    """
    size = RECORD.itemsize
    if {*map(len, packed)} != {size}:
        packed = [one if len(one) == size else _filled_up(one) for one in packed]
    records: Records = np.frombuffer(bytearray().join(packed), RECORD)
    if (records["schema"] != SCHEMA).any():
        message = f"packed record of schema {set(records['schema'].tolist())}: expected {SCHEMA}"
        raise UnknownSchema(message)
    return records


def _filled_up(packed: bytes) -> bytes:
    """A record of an earlier schema as one of this."""
    schema = int.from_bytes(packed[:4], "little")
    if FORMER.get(schema) != len(packed):
        size = RECORD.itemsize
        message = f"packed record of {len(packed)} bytes: expected {size} (schema {SCHEMA})"
        raise UnknownSchema(message)
    return _NOBODY[:4] + packed[4:] + _NOBODY[len(packed) :]


_NOBODY: Final = empty(1).tobytes()


def product_key(store: str, product_id: str) -> int:
    """Sixty-four bits that stand for one product of one store."""
    raw = store.encode() + b"\x00" + product_id.encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


def united(packed: bytes, keys: Iterable[int]) -> tuple[bytes, int]:
    """A packed set of product keys with more keys in it, and its size.

    ``packed`` is sorted little-endian uint64 (empty at first); equal sets give equal bytes. The
    size goes into the record's ``distinct_products``; two sets are united by unpacking one with
    ``numpy.frombuffer(packed, "<u8")``.
    """
    more = np.fromiter(keys, np.dtype("<u8"))
    every = np.unique(np.concatenate([np.frombuffer(packed, "<u8"), more]))
    return every.tobytes(), len(every)
