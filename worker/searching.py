"""Finding a person in what is sealed: dead letters are opened and searched, for nothing names them.

A letter is the person's if one of their identities stands in it as a whole value, or an e-mail
address whose blind index is theirs. Letters that cannot be parsed are searched as text, where a key
must stand apart from other letters and digits. A letter too many is the lesser harm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from worker import bulk, models
from worker.dead_letters import NO_STORE
from worker.errors import CannotOpen
from worker.identities import Key
from worker.sealing import Sealer

_ADDRESS: Final = re.compile(r"[^\s\"'<>,;:()\[\]\\]+@[^\s\"'<>,;:()\[\]\\]+")
# Numbers are ids only under such names; a quantity of 12 is not customer 12.
_NAMES_ID: Final = re.compile(r"(^|_)(id|key|token|number|code)$|Id$", re.ASCII)
_WORD: Final = re.compile(r"[\w-]+")
_PAGE: Final = 500


def delete_letters(
    connection: Connection, sealer: Sealer, store_id: str, keys: Collection[Key]
) -> int:
    """Delete the dead letters that speak of any of these identities; how many.

    Letters of no known store are searched too.
    """
    names = {name for kind, name in keys if kind != "email"}
    blind = {name for kind, name in keys if kind == "email"}

    def is_theirs(text: str) -> bool:
        return any(sealer.blind(store_id, found) in blind for found in _ADDRESS.findall(text)) or (
            any(index in text for index in blind)
        )

    letters = models.dead_letters.c
    last, gone = b"", 0
    while True:
        rows = connection.execute(
            select(letters.id, letters.store, letters.sealed)
            .where(letters.store.in_((store_id, "")), letters.id > last)
            .order_by(letters.id)
            .limit(_PAGE)
        ).all()
        if not rows:
            return gone
        last = bytes(rows[-1].id)
        opened = ((bytes(row.id), _opened(sealer, row.store, row.sealed)) for row in rows)
        theirs = [
            letter
            for letter, clear in opened
            if is_theirs(clear.decode("utf-8", "replace")) or _names_any(clear, names)
        ]
        bulk.delete_keys(connection, models.dead_letters, "id", theirs)
        gone += len(theirs)


def addresses_in(clear: bytes) -> set[str]:
    """Whatever looks like an e-mail address."""
    return set(_ADDRESS.findall(clear.decode("utf-8", "replace")))


def values_in(clear: bytes) -> set[str]:
    """Every whole value of a body that can be parsed; its words if it cannot."""
    parsed = _parsed(clear)
    if parsed is not None:
        return set(_values(parsed, ""))
    return set(_WORD.findall(clear.decode("utf-8", "replace")))


def _opened(sealer: Sealer, store_id: str, sealed: bytes | None) -> bytes:
    try:
        return sealer.open_bytes(store_id or NO_STORE, bytes(sealed)) if sealed else b""
    except CannotOpen:
        # Sealed by a key that is gone: nobody can read it any more.
        return b""


def _names_any(clear: bytes, names: Collection[str]) -> bool:
    """Whether a body holds one of the names as a whole value."""
    parsed = _parsed(clear)
    if parsed is not None:
        return any(value in names for value in _values(parsed, ""))
    text = clear.decode("utf-8", "replace")
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)


def _parsed(clear: bytes) -> Any:
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            found = decode(clear)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(found, dict | list):
            return found
    return None


def _values(node: Any, name: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _values(value, str(key))
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _values(value, name)
    elif isinstance(node, str):
        yield node
    elif isinstance(node, bytes):
        # A letter may hold another body whole, as bytes.
        inner = _parsed(node)
        if inner is not None:
            yield from _values(inner, name)
    elif isinstance(node, int) and not isinstance(node, bool) and _NAMES_ID.search(name):
        yield str(node)
