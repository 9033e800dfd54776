"""What the terminal shows while the log is played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import Connection, func, select

from connectors.events import moment
from worker import models
from worker.database import reading
from worker.demo.figures import stages
from worker.demo.stage import Moment
from worker.runtime import Kit

EVERY: Final = 0.7  # seconds between two looks at the tables
_WIDTH: Final = 30


@dataclass
class Screen:
    """Progress, segments as they form, coupons as they appear."""

    console: Console
    kit: Kit
    store: int
    live: Live
    progress: Progress
    task: TaskID
    _looked_at: float = 0.0

    def on_step(self, now: Moment) -> None:
        """Show how far the play is."""
        rate = now.counts["sent"] / max(now.seconds, 0.001)
        self.progress.update(
            self.task,
            total=now.steps,
            completed=now.step,
            date=f"{moment(now.now):%d %b %Y}",
            sent=f"{now.counts['sent']:,} events",
            rate=f"{rate:,.0f}/s",
        )
        if monotonic() - self._looked_at > EVERY:
            self._looked_at = monotonic()
            with reading(self.kit.engine) as connection:
                shown = _tables(connection, self.store)
            self.live.update(Group(self.progress, shown))


@contextmanager
def screen(console: Console, kit: Kit, store: int) -> Iterator[Screen]:
    """A live screen for the length of the block; without a terminal it stays still."""
    progress = Progress(
        TextColumn("{task.fields[date]}"),
        BarColumn(_WIDTH),
        TextColumn("{task.fields[sent]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        auto_refresh=False,
    )
    task = progress.add_task("", total=None, date="", sent="", rate="")
    with Live(
        progress, console=console, refresh_per_second=4, transient=True, redirect_stdout=False
    ) as live:
        yield Screen(console, kit, store, live, progress, task)


def _tables(connection: Connection, store: int) -> Table:
    both = Table.grid(padding=(0, 4))
    both.add_row(_segments(connection, store), _coupons(connection, store))
    return both


def _segments(connection: Connection, store: int) -> Table:
    table = Table(title="Segments", title_justify="left", box=None)
    table.add_column("")
    table.add_column("customers", justify="right")
    table.add_column("")
    rows = stages(connection, store)
    most = max([1, *(row["customers"] for row in rows)])
    for row in rows:
        bar = "█" * round(row["customers"] / most * _WIDTH)
        table.add_row(row["name"], f"{row['customers']:,}", f"[cyan]{bar}[/]")
    return table


def _coupons(connection: Connection, store: int) -> Table:
    table = Table(title="Pushed to the store", title_justify="left", box=None)
    table.add_column("campaign")
    table.add_column("coupons", justify="right")
    table.add_column("others", justify="right")
    for campaign, counts in pushed(connection, store).items():
        others = sum(count for kind, count in counts.items() if kind != "coupon")
        table.add_row(campaign, f"[green]{counts.get('coupon', 0):,}[/]", f"{others:,}")
    return table


def pushed(connection: Connection, store: int) -> dict[str, dict[str, int]]:
    """Done actions by campaign and kind."""
    actions = models.actions.c
    rows: Any = connection.execute(
        select(actions.campaign, actions.kind, func.count())
        .where(actions.store == store, actions.state == "done")
        .group_by(actions.campaign, actions.kind)
        .order_by(actions.campaign)
    ).tuples()
    found: dict[str, dict[str, int]] = {}
    for campaign, kind, count in rows:
        found.setdefault(campaign, {})[kind] = int(count)
    return found
