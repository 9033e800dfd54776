"""Tables that people bring as text: whatever separates and encodes them, a row at a time.

A file is read once for its encoding (UTF-8 or UTF-16, with or without a mark; what is neither is
taken for Windows-1252) and once for its rows, so that its size does not matter.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final, cast

from worker.cells import FileRefused

SEPARATORS: Final = (",", ";", "\t", "|")
NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SUFFIXES: Final = (".csv", ".tsv", ".txt", ".tab")
_WINDOWS: Final = "cp1252"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE: Final = 1 << 20
_LOOKED_AT: Final = 50  # records that tell the separator
_SAMPLE: Final = 256_000  # characters that they may fill
_MANY_ZEROS: Final = 0.2
_HINT: Final = "sep="
# A cell as large as this is a quote that nobody closed.
_LARGEST_CELL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table's file: how it is written, and the names in its first row."""

    path: Path
    encoding: str
    separator: str
    header: tuple[str, ...]
    skipped: int = 0  # lines before the header

    @property
    def said(self) -> str:
        """How it is written, for people."""
        encoding = {_WINDOWS: "Windows-1252", "utf-16": "UTF-16"}.get(self.encoding.lower())
        between = "one column" if len(self.header) == 1 else f"{NAMES[self.separator]}s"
        return f"{encoding or 'UTF-8'}, {between}"


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the number of the line it ends on, and a cell for each name of the header.

    ``cells`` is empty when it had more cells than the header has names.
    """

    line: int
    cells: Sequence[str]


def open_sheet(path: Path) -> Sheet:
    """How a table is written, and its columns.

    Raises
    ------
    FileRefused
        If there is no such file, or it is no table.
    """
    _refuse_kind(path)
    encoding = _encoding(path)
    with _opened(path, encoding) as text:
        sample = text.read(_SAMPLE)
    if not sample.strip():
        message = f"{path}: expected a first row that names the columns, found an empty file"
        raise FileRefused(message)
    first, _, rest = sample.partition("\n")
    hint = first.strip()
    if hint.lower().startswith(_HINT) and len(hint) == len(_HINT) + 1:
        separator, skipped, sample = hint[-1], 1, rest
    else:
        separator, skipped = _separator(sample), 0
    names = next(csv.reader(io.StringIO(sample), delimiter=separator), [])
    header = tuple(" ".join(name.split()) for name in names)
    _refuse_header(path, header)
    return Sheet(path, encoding, separator, header, skipped)


def rows(sheet: Sheet, on_bytes: Callable[[int], None] = lambda _: None) -> Iterator[Row]:
    """The records after the header; empty lines are none.

    Parameters
    ----------
    on_bytes
        Called now and then with how much of the file has been read.

    Raises
    ------
    FileRefused
        If a quote is opened and never closed.
    """
    width, started = len(sheet.header), 1
    with _opened(sheet.path, sheet.encoding, on_bytes) as text:
        for _ in range(sheet.skipped):
            text.readline()
        before = csv.field_size_limit(_LARGEST_CELL)
        reader = csv.reader(text, delimiter=sheet.separator)
        try:
            next(reader, None)
            for cells in reader:
                started = sheet.skipped + reader.line_num + 1
                if len(cells) == width:
                    yield Row(started - 1, cells)
                elif len(cells) > width:
                    extra = any(one.strip() for one in cells[width:])
                    yield Row(started - 1, () if extra else cells[:width])
                elif cells and (len(cells) > 1 or cells[0].strip()):
                    yield Row(started - 1, [*cells, *([""] * (width - len(cells)))])
        except csv.Error:
            message = f"{sheet.path}: line {started}: a quote is opened there and never closed"
            raise FileRefused(message) from None
        finally:
            csv.field_size_limit(before)


def size_of(path: Path) -> int:
    """Bytes that reading the file goes through, for a progress bar."""
    return path.stat().st_size


@contextmanager
def _opened(
    path: Path, encoding: str, on_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[IO[str]]:
    with path.open("rb") as raw:
        counted = _Counted(raw, on_bytes)
        plain = gzip.GzipFile(fileobj=counted) if path.name.endswith(".gz") else counted
        with io.TextIOWrapper(
            cast("IO[bytes]", io.BufferedReader(cast("io.RawIOBase", plain), _PIECE)),
            encoding=encoding,
            errors="replace",
            newline="",
        ) as text:
            yield text


class _Counted(io.RawIOBase):
    """A file that says how far it has been read."""

    def __init__(self, raw: IO[bytes], on_bytes: Callable[[int], None]) -> None:
        super().__init__()
        self._raw, self._on_bytes = raw, on_bytes

    def readable(self) -> bool:
        """Nothing else can be done with it."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's buffer has no name
        """Read on."""
        piece = self._raw.read(len(buffer))
        buffer[: len(piece)] = piece
        self._on_bytes(self._raw.tell())
        return len(piece)


def _refuse_kind(path: Path) -> None:
    if not path.exists():
        message = f"{path}: there is no such file"
        raise FileRefused(message)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".xlsx", ".xls", ".ods")):
        message = f"{path}: expected text: save the sheet as CSV in the program that made it"
        raise FileRefused(message)
    if not path.is_file() or not name.endswith(SUFFIXES):
        message = f"{path}: expected a file that ends in .csv, .tsv, .txt or .csv.gz"
        raise FileRefused(message)


def _encoding(path: Path) -> str:
    try:
        with _bytes(path) as file:
            start = file.read(4096)
            for mark, encoding in _MARKS:
                if start.startswith(mark):
                    return encoding
            zeros = [start[at::2].count(0) > _MANY_ZEROS * len(start) for at in (0, 1)]
            if any(zeros):
                return "utf-16-be" if zeros[0] else "utf-16-le"
            decoder = codecs.getincrementaldecoder("utf-8")()
            decoder.decode(start)
            while piece := file.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _WINDOWS
    except (gzip.BadGzipFile, EOFError):
        message = f"{path}: expected a whole gzip file"
        raise FileRefused(message) from None
    return "utf-8"


def _bytes(path: Path) -> IO[bytes]:
    if path.name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _separator(sample: str) -> str:
    """What cuts the first records most evenly, and into most cells."""
    scores: dict[str, tuple[float, int]] = {}
    for one in SEPARATORS:
        reader = csv.reader(io.StringIO(sample), delimiter=one)
        try:
            widths = [len(cells) for cells in islice(reader, _LOOKED_AT) if cells]
        except csv.Error:
            continue
        is_even = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
        scores[one] = (is_even if widths and widths[0] > 1 else 0.0, widths[0] if widths else 0)
    good = [one for one, (even, width) in scores.items() if even > 1 / 2 and width > 1]
    return max(good, key=lambda one: scores[one][1]) if good else ","


def _refuse_header(path: Path, header: tuple[str, ...]) -> None:
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        message = f"{path}: two columns are named {twice!r}: expected each name once"
        raise FileRefused(message)
    if not any(header):
        message = f"{path}: expected a first row that names the columns"
        raise FileRefused(message)
