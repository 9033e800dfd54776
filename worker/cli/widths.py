"""Lines that fit a terminal: no word is cut, and Chinese is broken where Chinese may be.

Widths are in terminal cells; a Chinese character takes two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

# Characters of scripts that are written without blanks, and their punctuation.
_WIDE: Final = "\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60"
_CLOSING: Final = "，。、；：？！）》」』】”’…"  # noqa: RUF001 - not the Latin ones
_OPENING: Final = "（《「『【“‘"  # noqa: RUF001 - not the Latin ones
_IN_A_ROW: Final = 8  # cells
# What stays together: a character or a word, what opens before it, what closes after it.
_PIECE: Final = re.compile(
    rf"\s+|[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+|[{_OPENING}])?[{_CLOSING}]*"
)


def pieces(text: str) -> Iterator[str]:
    """The text in parts between which a line may end; blanks are parts, too."""
    return (found[0] for found in _PIECE.finditer(text) if found[0])


def longest(text: str) -> int:
    """Cells that keep the text readable: its longest word, of Chinese some characters in a row."""
    from rich.cells import cell_len

    found = 0
    for word in text.split():
        parts = [cell_len(one) for one in pieces(word)]
        found = max(found, *parts, min(sum(parts), _IN_A_ROW))
    return found


def wrapped(text: str, width: int, hanging: int = 2) -> list[str]:
    """The lines of a text; further ones are set in as far as the first, and by ``hanging`` more.

    A part that is longer than a line stands in one of its own, whole.
    """
    from rich.cells import cell_len

    begins = text[: len(text) - len(text.lstrip())]
    lines, line = [], begins
    for piece in pieces(text.strip()):
        if not line.strip():
            line += piece.lstrip()
        elif cell_len(line + piece.rstrip()) <= width:
            line += piece
        else:
            lines.append(line.rstrip())
            line = f"{begins}{' ' * hanging}{piece.lstrip()}"
    return [*lines, line.rstrip()]


def shared(least: Sequence[int], whole: Sequence[int], room: int) -> list[int]:
    """Widths of a table's columns that have so much room together.

    ``least`` keeps a column's words whole, ``whole`` its lines. Where there is not even room for
    the words, the widest columns but the first give way.
    """
    widths, spare = list(least), room - sum(least)
    for _ in range(-spare if len(widths) > 1 else 0):
        widest = max(range(len(widths) - 1, 0, -1), key=widths.__getitem__)
        widths[widest] = max(widths[widest] - 1, 1)
    for at in sorted(range(len(widths)), key=lambda at: whole[at] - least[at]):
        more = min(whole[at] - least[at], max(spare, 0))
        widths[at] += more
        spare -= more
    return widths
