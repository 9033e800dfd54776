"""Catalogues of translations: read from their sources (gettext's ``.po``), compiled when needed.

There is no compiled file that could differ from its source. A language costs some milliseconds,
once a process, and only where it is asked for.
"""

from __future__ import annotations

import ast
import io
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Final

from segmentation.errors import UnknownLanguage

SOURCE: Final = "en"
"""The language that the code is written in."""

LANGUAGES: Final = (SOURCE, "zh")

_MAGIC: Final = 0x950412DE
_HEADER: Final = 28  # bytes in front of the tables
_KEYWORDS: Final = ("msgid_plural", "msgid", "msgstr")

Entries = Mapping[str, str]
"""Message to translation; plural forms are parted by a NUL on both sides, as in a ``.mo``."""


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language. Raises `UnknownLanguage`, naming those there are."""
    if language not in LANGUAGES:
        message = f"language {language!r}: expected one of {', '.join(LANGUAGES)}"
        raise UnknownLanguage(message)
    if language == SOURCE:
        return NullTranslations()
    return GNUTranslations(io.BytesIO(compiled(entries(source_text(language)))))


def counted(number: int, one: str, many: str) -> str:
    """A number of things where English alone is spoken: ``1 event``, ``2,000 events``."""
    return f"{number:,} {translations(SOURCE).ngettext(one, many, number)}"


def source_text(language: str) -> str:
    """The ``.po`` file of a language."""
    place = files("segmentation") / "locale" / language / "LC_MESSAGES" / "shoal.po"
    return place.read_text("utf-8")


def entries(text: str) -> Entries:
    """What a ``.po`` file translates, its header under ''. What is marked fuzzy is left out."""
    found = {}
    for block in text.split("\n\n"):
        parts = dict(_parts(block))
        if "msgid" in parts and not any(
            line.startswith("#,") and "fuzzy" in line for line in block.splitlines()
        ):
            forms = [told for name, told in parts.items() if name.startswith("msgstr")]
            plural = [parts["msgid_plural"]] if "msgid_plural" in parts else []
            found["\0".join([parts["msgid"], *plural])] = "\0".join(forms)
    return found


def _parts(block: str) -> Iterator[tuple[str, str]]:
    """Keyword and text of each part of an entry, lines joined."""
    keyword, told = "", ""
    for line in block.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        start = line.index('"')
        if line.startswith(_KEYWORDS):
            if keyword:
                yield keyword, told
            keyword, told = line[:start].strip(), ""
        # A .po string is written as a Python one.
        told += ast.literal_eval(line[start:])
    if keyword:
        yield keyword, told


def compiled(found: Entries) -> bytes:
    """The catalogue in gettext's ``.mo`` form (GNU gettext manual, "The Format of GNU MO Files").

    Entries without a translation are left out, so that the message itself is shown.
    """
    pairs = sorted((key.encode(), told.encode()) for key, told in found.items() if told)
    originals = b"\0".join(key for key, _ in pairs) + b"\0"
    told = b"\0".join(text for _, text in pairs) + b"\0"
    tables = _HEADER + 16 * len(pairs)
    first = _spans([key for key, _ in pairs], tables)
    second = _spans([text for _, text in pairs], tables + len(originals))
    sizes = (len(pairs), _HEADER, _HEADER + 8 * len(pairs), 0, 0)
    return struct.pack("<7I", _MAGIC, 0, *sizes) + first + second + originals + told


def _spans(texts: list[bytes], start: int) -> bytes:
    """Length and place of each text, one after the other with a NUL between."""
    table = b""
    for text in texts:
        table += struct.pack("<2I", len(text), start)
        start += len(text) + 1
    return table
