"""The file of a backup: a tar of compressed members, its manifest last.

A file that was cut off has no manifest, so a half backup is never taken for a whole one. A member
is an SQLite file, or the rows of one table in PostgreSQL's text format of ``COPY``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from worker.errors import BackupRefused

FORMAT: Final = 1
SQLITE_MEMBER: Final = "database.sqlite.gz"
_MANIFEST: Final = "manifest.json"
_PART: Final = 1 << 20
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

Kind = Literal["sqlite", "postgresql"]
Cell = str | None


class Keys(msgspec.Struct, frozen=True):
    """Names of secret keys, never the keys: which one finds addresses, which ones have sealed."""

    finds: str
    sealed: tuple[str, ...]


class TableCopy(msgspec.Struct, frozen=True):
    """What the backup holds of one table."""

    columns: tuple[str, ...]
    rows: int


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself.

    Attributes
    ----------
    made_at
        Operating time before the snapshot, int microseconds.
    versions
        Of Shoal, Python and the database.
    cursors
        How far each partition's stream had been committed.
    content
        SHA-256 of an SQLite snapshot's pages; empty for PostgreSQL.
    members
        SHA-256 of each member as it stands in the file.
    """

    format: int
    kind: Kind
    made_at: int
    revision: str
    versions: dict[str, str]
    keys: Keys
    stores: tuple[str, ...]
    cursors: dict[int, str]
    tables: dict[str, TableCopy]
    content: str
    members: dict[str, str]


def table_member(table: str) -> str:
    """The name of a table's member."""
    return f"tables/{table}.copy.gz"


def add_member(tar: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file as a member; its SHA-256."""
    tar.add(path, arcname=name, recursive=False, filter=_nobodys)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def add_manifest(tar: tarfile.TarFile, manifest: Manifest) -> None:
    """Write the manifest, which makes the file whole."""
    told = msgspec.json.format(msgspec.json.encode(manifest))
    entry = tarfile.TarInfo(_MANIFEST)
    entry.size = len(told)
    tar.addfile(_nobodys(entry), io.BytesIO(told))


@contextmanager
def opened(path: Path) -> Iterator[tuple[tarfile.TarFile, Manifest]]:
    """A backup's file with its manifest, every member compared with it.

    Raises
    ------
    BackupRefused
        If there is no such file, it is no backup, was cut off, is damaged, or comes from a newer
        version.
    """
    if not path.is_file():
        msg = f"{path}: there is no such file; expected one that `shoal backup` made"
        raise BackupRefused(msg)
    try:
        with tarfile.open(path, "r:") as tar:
            manifest = _manifest(tar, path)
            for name, digest in manifest.members.items():
                with member(tar, name, path) as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != digest:  # type: ignore[arg-type] # tarfile's readers are such files
                        msg = f"{path}: {name} is damaged: expected another backup"
                        raise BackupRefused(msg)
            yield tar, manifest
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        msg = f"{path}: expected a whole file that `shoal backup` made"
        raise BackupRefused(msg) from None


def member(tar: tarfile.TarFile, name: str, path: Path) -> IO[bytes]:
    """A member as it stands in the file."""
    try:
        found = tar.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        msg = f"{path}: {name} lacks: expected a whole file that `shoal backup` made"
        raise BackupRefused(msg)
    return found


def unpacked(tar: tarfile.TarFile, name: str, path: Path) -> gzip.GzipFile:
    """A member's content."""
    return gzip.GzipFile(fileobj=member(tar, name, path))


def parts(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """A file in parts of a mebibyte."""
    while part := file.read(_PART):
        yield part


def cells(line: str) -> list[Cell]:
    """A line of ``COPY``'s text format as texts; None stands for NULL."""
    return [None if cell == r"\N" else _plain(cell) for cell in line.rstrip("\n").split("\t")]


def _plain(cell: str) -> str:
    if "\\" not in cell:
        return cell
    signs = iter(cell)
    return "".join(
        _ESCAPES.get(after := next(signs), after) if sign == "\\" else sign for sign in signs
    )


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    with member(tar, _MANIFEST, path) as file:
        told = file.read()
    try:
        number = msgspec.json.decode(told, type=dict[str, object]).get("format")
        if number == FORMAT:
            return msgspec.json.decode(told, type=Manifest)
    except msgspec.MsgspecError:
        number = "…"
    msg = f"{path}: format {number}, expected {FORMAT}: restore it with the version that made it"
    raise BackupRefused(msg)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry
