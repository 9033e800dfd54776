"""Pages are walked to their end, even on platforms that never end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.pagination import Page, by_cursor, by_number


@given(st.integers(0, 40), st.integers(1, 7))
def test_every_item_comes_once(count: int, size: int) -> None:
    def cursored(cursor: str | None) -> Page[int]:
        start = int(cursor or 0)
        more = start + size < count
        return Page(
            tuple(range(start, min(start + size, count))), str(start + size) if more else None
        )

    def numbered(number: int) -> tuple[int, ...]:
        return tuple(range((number - 1) * size, min(number * size, count)))

    assert list(by_cursor(cursored)) == list(range(count))
    assert list(by_number(numbered, size)) == list(range(count))


def test_a_last_page_that_repeats_ends_the_walk() -> None:
    assert list(by_number(lambda number: (1, 2) if number == 1 else (3, 4), 2)) == [1, 2, 3, 4]


def test_a_cursor_that_repeats_ends_the_walk() -> None:
    assert list(by_cursor(lambda _: Page((1,), "again"))) == [1, 1]
