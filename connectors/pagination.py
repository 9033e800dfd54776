"""Going through pages to the end, whatever a platform calls the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page: its items, and what to ask for next (None: this was the last)."""

    items: tuple[T, ...]
    next: str | None = None


def by_cursor(fetch: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """All items of all pages; stops where a platform hands out the same cursor again.

    Parameters
    ----------
    fetch
        Reads the page of a cursor; None asks for the first.
    """
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next
        if cursor is None or cursor in seen:
            return
        seen.add(cursor)


def by_number(fetch: Callable[[int], tuple[T, ...]], size: int) -> Iterator[T]:
    """All items of pages numbered from 1, up to the first short, empty or repeated page.

    Magento repeats its last page for ever, so an unchanged page ends the walk too.

    Parameters
    ----------
    fetch
        Reads the page of a number.
    size
        Items a full page holds.
    """
    number = 1
    before: tuple[T, ...] = ()
    while True:
        items = fetch(number)
        if not items or items == before:
            return
        yield from items
        if len(items) < size:
            return
        number, before = number + 1, items
