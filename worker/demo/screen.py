"""What the terminal shows while the log is played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connectors.events import moment
from worker.database import reading
from worker.demo.scene import Pushed, Scene, SeenCoupon, SeenMove, look
from worker.demo.stage import Moment
from worker.demo.theatre import Theatre
from worker.demo.venue import Words
from worker.runtime import Kit

EVERY: Final = 0.7  # seconds between two looks at the tables
WIDTH: Final = 96  # of the picture, and at most of the screen
_HEIGHT: Final = 27
_AROUND: Final = 17  # lines that are neither moves nor coupons
_BEFORE: Final = "Reading the purchases, and making up the visits around them …"
_PICTURED_AT: Final = 0.6  # of the play


@dataclass
class Screen:
    """Progress, segments as they form, coupons as they appear."""

    console: Console
    kit: Kit
    store: int
    live: Live
    words: Words
    picture: Path | None = None
    _looked_at: float = 0.0
    _tenths: int = field(default=0)

    def on_step(self, now: Moment) -> None:
        """Show how far the play is."""
        is_last = now.step == now.steps
        is_pictured = self.picture is not None and now.step >= _PICTURED_AT * now.steps
        tenths = 10 * now.step // now.steps
        is_line = not self.console.is_terminal and tenths > self._tenths
        if not (is_last or is_pictured or is_line or monotonic() - self._looked_at > EVERY):
            return
        self._looked_at, self._tenths = monotonic(), tenths
        width, height = min(self.console.width, WIDTH), self.console.height
        if is_pictured and self.picture is not None:
            _save(self.picture, drawn(now, self._look(_HEIGHT), WIDTH, self.words))
            self.picture = None
        if is_line:
            self.console.print(line(now, self._look(0)), highlight=False)
        if self.console.is_terminal:
            self.live.update(drawn(now, self._look(height), width, self.words), refresh=True)

    def _look(self, height: int) -> Scene:
        with reading(self.kit.engine) as connection:
            return look(connection, self.store, moves_for(height))


@contextmanager
def screen(console: Console, there: Theatre, picture: Path | None = None) -> Iterator[Screen]:
    """A live screen for the length of the block; without a terminal a line now and then."""
    if not console.is_terminal:
        console.print(_BEFORE, highlight=False)
    with Live(
        Text(_BEFORE) if console.is_terminal else Text(),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    ) as live:
        number, words = there.target.number, there.venue.words
        yield Screen(console, there.kit, number, live, words, picture)


def moves_for(height: int) -> int:
    """How many moves, and as many coupons, a screen of so many lines has room for."""
    return max(0, min(height - _AROUND, 8)) // 2


def line(now: Moment, scene: Scene) -> str:
    """How far the play is, for a file or a pipe."""
    coupons = sum(one.coupons for one in scene.pushed)
    customers = sum(row["customers"] for row in scene.segments)
    return (
        f"{moment(now.now):%d %b %Y}: {now.counts['sent']:,} events sent, {customers:,} customers "
        f"in segments, {coupons:,} coupons in the store"
    )


def drawn(now: Moment, scene: Scene, width: int, words: Words) -> RenderableType:
    """The whole screen at a moment, ``width`` columns wide."""
    tables = Table.grid(padding=(0, 3))
    tables.add_row(_segments(scene, width - 62), _pushed(scene.pushed))
    return Group(
        Text(words.title, "bold"),
        _progress(now, width),
        Text(),
        tables,
        *((Text(), _moves(scene.moves)) if scene.moves else ()),
        *((Text(), _coupons(scene.coupons)) if scene.coupons else ()),
        Text(words.after if now.step == now.steps else "", "yellow"),
    )


def _progress(now: Moment, width: int) -> Table:
    row = Table.grid(padding=(0, 2))
    left = now.seconds / now.step * (now.steps - now.step)
    row.add_row(
        Text(f"{moment(now.now):%d %b %Y}", "bold"),
        ProgressBar(now.steps, now.step, width=width - 52),
        f"{now.counts['sent']:,} events",
        f"{now.counts['sent'] / max(now.seconds, 0.001):,.0f} a second",
        f"{left // 60:.0f}:{left % 60:02.0f} left",
    )
    return row


def _titled(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold cyan", box=None, pad_edge=False
    )


def _segments(scene: Scene, width: int) -> Table:
    table = _titled("Segments form")
    table.add_column("segment", min_width=11)
    table.add_column("customers", justify="right", min_width=9)
    table.add_column("", width=width)
    most = max([1, *(row["customers"] for row in scene.segments)])
    for row in scene.segments:
        bar = "█" * round(row["customers"] / most * width)
        table.add_row(row["name"], f"{row['customers']:,}", Text(bar, "cyan"))
    return table


def _pushed(rows: list[Pushed]) -> Table:
    table = _titled("Coupons appear in the store")
    table.caption, table.caption_justify = "others: tags and recommendations", "right"
    table.add_column("campaign", min_width=18)
    table.add_column("coupons", justify="right", style="green")
    table.add_column("others", justify="right")
    for row in rows:
        table.add_row(row.campaign, f"{row.coupons:,}", f"{row.others:,}")
    return table


def _moves(rows: list[SeenMove]) -> Table:
    table = _titled("Who moved last")
    table.show_header = False
    for row in rows:
        way = f"{row.before} → {row.after}" if row.before else f"→ {row.after}"
        table.add_row(f"{row.at:%d %b}", f"customer {row.customer}", Text(way, "cyan"), row.why)
    return table


def _coupons(rows: list[SeenCoupon]) -> Table:
    table = _titled("Who got a coupon last")
    table.show_header = False
    for row in rows:
        code = Text(row.code, "green")
        table.add_row(f"{row.at:%d %b}", f"customer {row.customer}", code, row.off, row.campaign)
    return table


def _save(path: Path, screen: RenderableType) -> None:
    console = Console(width=WIDTH, file=StringIO(), record=True, force_terminal=True)
    console.print(screen)
    console.save_svg(str(path), title="shoal demo")
