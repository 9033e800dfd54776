"""`shoal try`, from beginning to end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.prompt import Prompt
from rich.text import Text

from connectors.currencies import CODES
from worker import process_clock
from worker.cells import FileRefused
from worker.database import reading
from worker.replay import fingerprint
from worker.sheets import open_sheet, rows, size_of
from worker.trying import story, trial
from worker.trying.asking import Ask, Wishes, layout_of
from worker.trying.books import Book
from worker.trying.findings import Findings, findings_of
from worker.trying.order_tables import Setting, read_orders
from worker.trying.people_story import tell_people
from worker.trying.people_tables import PeopleTable, read_people
from worker.trying.segment_files import is_messages, read_messages

_PICTURED: Final = 96  # characters of a line in a picture
_SAMPLE: Final = 200  # rows that tell what kind of table it is


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for.

    ``groups`` is of a customer table; 0 lets it say. ``picture`` is where to save what is printed.
    """

    path: Path
    mapping: str = ""
    dates: str = ""
    currency: str = ""
    time_zone: str = "UTC"
    groups: int = 0
    is_asking: bool = False
    picture: Path | None = None


def try_file(wanted: Wanted, *, quiet: bool) -> dict[str, Any]:
    """Read a file, play it, and tell what was found; the same as plain values.

    Raises
    ------
    ShoalError
        If the file cannot be read as a shop's.
    """
    _refuse_currency(wanted.currency)
    console = Console(
        file=StringIO() if quiet else None,
        highlight=False,
        record=wanted.picture is not None,
        width=None if wanted.picture is None else _PICTURED,
    )
    with _progress(quiet=quiet) as bar:
        read = _read(wanted, bar)
        if isinstance(read, Book):
            found, window = _played(read, wanted, bar.advance)
    if isinstance(read, PeopleTable):
        tell_people(console, wanted.path.name, read)
        told = _people_said(read)
    else:
        story.tell(console, wanted.path.name, read, found, window)
        told = _said(read, found, window)
    if wanted.picture is not None:
        console.save_svg(str(wanted.picture), title=f"shoal try {wanted.path.name}")
    return told


def _refuse_currency(code: str) -> None:
    if code and code not in CODES:
        message = f"--currency {code!r}: expected an ISO 4217 code such as EUR"
        raise FileRefused(message)


Advance = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Bar:
    """Shows (what, done, of how many); asks with the bar out of the way."""

    advance: Advance
    ask: Ask


@contextmanager
def _progress(*, quiet: bool) -> Iterator[_Bar]:
    """A bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    is_shown = not quiet and console.is_terminal
    with Progress(console=console, disable=not is_shown, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        def ask(question: str, proposal: str) -> str:
            bar.stop()
            try:
                return Prompt.ask(Text(question), default=proposal, console=console)
            finally:
                bar.start()

        yield _Bar(advance, ask)


def _read(wanted: Wanted, bar: _Bar) -> Book | PeopleTable:
    path, now = wanted.path, process_clock.now()
    setting = Setting(wanted.time_zone, wanted.currency, now)

    def on_bytes(done: int) -> None:
        bar.advance(f"Reading {path.name}", done, size_of(path))

    if is_messages(path):
        return read_messages(path, setting, on_bytes)
    sheet = open_sheet(path)
    sample = [row.cells for row in islice(rows(sheet), _SAMPLE) if row.cells]
    if not sample:
        message = f"{path}: expected rows below the header, found none"
        raise FileRefused(message)
    wishes = Wishes(wanted.mapping, wanted.dates, bar.ask if wanted.is_asking else None)
    layout = layout_of(sheet, sample, wishes)
    if layout is None:
        return read_people(sheet, wanted.groups, on_bytes)
    return read_orders(sheet, layout, wishes, setting, on_bytes)


def _played(book: Book, wanted: Wanted, advance: Advance) -> tuple[Findings, story.Window]:
    start, end = trial.window_of(book.first, book.last)
    done = 0

    def on_events(number: int) -> None:
        nonlocal done
        done += number
        advance("Replaying it", done, book.event_count)

    salt = fingerprint(wanted.path)
    with trial.trial(book.currency, wanted.time_zone, salt) as tried:
        events = book.events(trial.STORE, process_clock.now())
        trial.play(tried, events, (start, end), on_events)
        shop = tried.shop()
        with reading(tried.kit.engine) as connection:
            found = findings_of(connection, shop, book)
    window = story.Window((end - start).days, start.date(), book.last.date())
    return found, window


def _said(book: Book, found: Findings, window: story.Window) -> dict[str, Any]:
    return {
        "kind": book.kind,
        "rows": book.rows,
        "orders": book.orders,
        "customers": book.customers,
        "first": book.first.isoformat(),
        "last": book.last.isoformat(),
        "currency": book.currency if book.is_currency_known else None,
        "notes": list(book.notes),
        "map": book.map_text,
        "left_out": [asdict(one) for one in book.left_out],
        "days": window.days,
        **asdict(found),
    }


def _people_said(table: PeopleTable) -> dict[str, Any]:
    groups = [
        {
            "name": group.name,
            "customers": group.size,
            "typical": {name: _finite(value) for name, value in group.typical.items()},
            "share_of_spend": table.shares[at] if table.shares else None,
            "often": table.words[at],
            "people": list(table.ids[at]) if table.ids else [],
        }
        for at, group in enumerate(table.groups.groups)
    ]
    return {
        "kind": "a table of customers",
        "rows": table.rows,
        "columns": list(table.columns),
        "filled": dict(table.filled),
        "silhouette": table.groups.silhouette,
        "silhouette_by_chance": table.groups.chance,
        "is_apart": table.groups.is_apart,
        "groups": groups,
        "notes": list(table.notes),
        "left_out": [asdict(one) for one in table.left_out],
    }


def _finite(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124 - NaN is not itself


def is_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
