"""The live screen fits its terminal: nothing is cut off, and it says what forms and appears."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from campaigns.library import READY
from connectors.events import microseconds
from segmentation.model import stage_name
from segmentation.rules import STAGES
from worker.demo.scene import Pushed, Scene, SeenCoupon, SeenMove
from worker.demo.screen import drawn, line, moves_for
from worker.demo.stage import Moment
from worker.demo.venue import Words

DAY = datetime(2011, 11, 30, tzinfo=UTC)
WORDS = Words("Two years of purchases", "Played", "Two years", "All of it is made up.")
NOW = Moment(microseconds(DAY), 340, 375, {"sent": 123_456}, 193.0)


def scene(most: int) -> Scene:
    """As wide as it gets: the longest names, large numbers."""
    return Scene(
        [
            {"id": one, "name": stage_name(one), "customers": 1_234 * (at + 1)}
            for at, one in enumerate(STAGES)
        ],
        [Pushed(one, 12_345, 23_456) for one in READY],
        [SeenMove(DAY, "123456", "Hibernating", "Promising", "groups were learned")] * most,
        [SeenCoupon(DAY, "123456", "TREAT-7XXFQXCHSJBY", "12.50 GBP off", max(READY, key=len))]
        * most,
    )


def shown(width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=StringIO(), record=True)
    console.print(drawn(NOW, scene(moves_for(height)), width, WORDS))
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (96, 27), (96, 60)])
def test_it_fits_and_nothing_is_cut_off(width: int, height: int) -> None:
    lines = shown(width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for words in (
        "30 Nov 2011",
        "123,456 events",
        "640 a second",
        "0:20 left",
        "Segments form",
        "Coupons appear in the store",
        "Hibernating → Promising",
        "TREAT-7XXFQXCHSJBY",
        "12.50 GBP off",
        *READY,
        *map(stage_name, STAGES),
    ):
        assert words in text, words
    moves = [one for one in lines if "customer 123456" in one]
    assert len(moves) == 2 * moves_for(height) >= 4
    assert len({len(one.split("customer")[0]) for one in moves}) == 1


def test_in_a_small_terminal_the_tables_come_first() -> None:
    assert moves_for(12) == 0
    assert any("at_risk" in one or "At risk" in one for one in shown(80, 12))


def test_without_a_terminal_a_line_says_how_far_it_is() -> None:
    assert line(NOW, scene(0)) == (
        "30 Nov 2011: 123,456 events sent, 34,552 customers in segments, "
        "74,070 coupons in the store"
    )
