"""What was found, told to a shop's owner: the file, the segments, who leaves, what campaigns do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connectors.registry import platforms
from segmentation.catalogues import counted
from worker.trying.books import Book
from worker.trying.findings import Findings
from worker.trying.left_out import LeftOut
from worker.trying.outcomes import Outcome
from worker.trying.reasoning import about

_MEANINGS: Final = {
    "champions": "buy often, spend most, were here lately",
    "loyal": "come back regularly",
    "promising": "a few orders so far, on their usual rhythm",
    "new": "began to buy lately",
    "at_risk": "were good customers and are late now",
    "hibernating": "have been quiet for a long time",
    "lost": "are very unlikely to return by themselves",
}
_MOST_REASONS: Final = 8
_WIDE: Final = 14  # characters of a number's heading
_SHORT: Final = 90  # days of history below which lateness is a guess


@dataclass(frozen=True)
class Window:
    """The days in which campaigns were judged, and the first and last of them."""

    days: int
    start: date
    end: date


def tell(console: Console, name: str, book: Book, found: Findings, window: Window) -> None:
    """Print the whole story."""
    _tell_file(console, name, book, found)
    _tell_segments(console, book, found)
    _tell_slipping(console, book, found)
    _tell_campaigns(console, book, found, window)
    _tell_next(console, name, book, found)


def heading(console: Console, text: str) -> None:
    """A part of the story begins."""
    console.print()
    console.rule(f"[bold]{text}", align="left", characters="─", style="cyan")


def sheet(*columns: str, left: int = 1) -> Table:
    """A table whose first ``left`` columns are words and whose others are numbers."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
        header_style="bold",
    )
    for at, column in enumerate(columns):
        side: Literal["left", "right"] = "left" if at < left else "right"
        # Words wrap before numbers do; somebody's own long column name may.
        is_whole = at >= left and len(column) <= _WIDE
        table.add_column(column, justify=side, overflow="fold", no_wrap=is_whole)
    return table


def tell_left_out(console: Console, left_out: Sequence[LeftOut]) -> None:
    """What was not taken, and why."""
    if not left_out:
        console.print("Nothing was left out.")
        return
    table = sheet("left out because", "rows", "first in line")
    for one in left_out[:_MOST_REASONS]:
        table.add_row(Text(one.reason), f"{one.rows:,}", f"{one.line:,}" if one.line else "")
    rest = sum(one.rows for one in left_out[_MOST_REASONS:])
    if rest:
        table.add_row("other reasons", f"{rest:,}", "")
    console.print(Padding(table, (0, 0, 0, 2)))


def bullets(console: Console, lines: Sequence[str]) -> None:
    """Sentences, one below the other."""
    for line in lines:
        console.print(Padding(Text(f"· {line}"), (0, 0, 0, 2)))


def _money(book: Book, amount: float) -> str:
    return f"{amount:,.0f} {book.currency}" if book.is_currency_known else f"{amount:,.0f}"


def _day(at: date) -> str:
    return f"{at.day} {at:%B %Y}"


def _tell_file(console: Console, name: str, book: Book, found: Findings) -> None:
    heading(console, f"What was read in {name}")
    spent = sum(one.spent for one in found.segments)
    console.print(
        Text.assemble(
            f"{counted(book.rows, 'row', 'rows')}, recognised as ",
            (book.kind, "bold"),
            ": ",
            (counted(book.orders, "order", "orders"), "bold"),
            " by ",
            (counted(book.customers, "customer", "customers"), "bold"),
            f" from {_day(book.first.date())} to {_day(book.last.date())}",
            *((", worth ", (_money(book, spent), "bold"), " before returns.") if spent else (".",)),
        )
    )
    notes = list(book.notes)
    if not book.is_currency_known:
        notes.append("no currency is named: amounts have no sign (give one with --currency)")
    bullets(console, notes)
    tell_left_out(console, book.left_out)
    if (book.last - book.first).days < _SHORT:
        span = counted((book.last - book.first).days + 1, "day", "days")
        console.print(
            f"It covers {span}: too few to be sure who is late. A year of orders says more."
        )
    if found.set_aside:
        events = counted(found.set_aside, "event", "events")
        console.print(f"Set aside, as unusable: {events}.")


def _tell_segments(console: Console, book: Book, found: Findings) -> None:
    heading(console, "Who your customers are")
    how = (
        "Groups learned from what they bought, each with a stage"
        if found.is_learned
        else "Stages by rule (groups are learned from 200 buyers and 90 days on)"
    )
    console.print(f"{how}. How long they have been quiet and their orders are typical of each.")
    unit = f", {book.currency}" if book.is_currency_known else ""
    money = (f"spent{unit}", "of all") if any(one.spent for one in found.segments) else ()
    table = sheet("segment", "customers", *money, "quiet for", "orders")
    for one in found.segments:
        style = "yellow" if one.stage == "at_risk" else ""
        table.add_row(
            Text(one.name, style=style),
            f"{one.customers:,}",
            *(f"{one.spent:,.0f}", f"{one.share_of_spend:.0%}")[: len(money)],
            counted(round(one.days_since_order), "day", "days"),
            f"{one.orders:,.0f}",
        )
    console.print(Padding(table, (0, 0, 0, 2)))
    stages = dict.fromkeys(one.stage for one in found.segments)
    for stage in (one for one in _MEANINGS if one in stages):
        console.print(Text(f"  {stage.replace('_', ' ')}: {_MEANINGS[stage]}", style="dim"))


def _tell_slipping(console: Console, book: Book, found: Findings) -> None:
    slipping = found.slipping
    heading(console, "Who is slipping away")
    if not slipping.customers:
        console.print("Nobody: no good customer is later than usual.")
    else:
        console.print(_late(book, found))
        money = ("spent",) if slipping.spent else ()
        table = sheet("customer", "orders", *money, "last order")
        for one in slipping.people:
            ago = f"{counted(one.days_since_order, 'day', 'days')} ago"
            spent = (_money(book, one.spent),) if money else ()
            table.add_row(Text(one.id), f"{one.orders:,}", *spent, ago)
        console.print(Padding(table, (0, 0, 0, 2)))
    if slipping.gone:
        more, once = " more" if slipping.customers else "", bool(slipping.gone_spent)
        console.print(
            f"{slipping.gone:,}{more} have been quiet for so long that they are hibernating or "
            f"lost{f'; they once spent {_money(book, slipping.gone_spent)}' * once}."
        )


def _late(book: Book, found: Findings) -> Text:
    slipping = found.slipping
    spent = (
        " They spent ",
        (_money(book, slipping.spent), "bold"),
        f" so far, {slipping.share_of_spend:.0%} of everything. Those who spent most, of",
    )
    return Text.assemble(
        (counted(slipping.customers, "customer is", "customers are"), "bold yellow"),
        " at risk: they used to buy and are late.",
        *(spent if slipping.spent else (" Some of",)),
        " the ones that are past their own usual time between orders:",
    )


def _tell_campaigns(console: Console, book: Book, found: Findings, window: Window) -> None:
    heading(console, f"What the ready campaigns would have done in the last {window.days} days")
    console.print(
        f"Replayed from {_day(window.start)} to {_day(window.end)}, event by event. The control "
        "group is drawn at random and gets nothing, so that you can see what a campaign brings. "
        "Cost at most: if every coupon were used to the full."
    )
    table = sheet("campaign", "reached", "control", "coupons", "cost at most", "bought anyway")
    judged_first = sorted(found.campaigns, key=lambda one: bool(one.missing))
    for one in judged_first:
        if one.missing:
            table.add_row(one.id, *["-"] * 5, style="dim")
            continue
        anyway = f"{one.bought_anyway:,}" if one.reached else "-"
        cost = _money(book, one.cost_at_most) if one.coupons else "-"
        table.add_row(
            one.id, f"{one.reached:,}", f"{one.control:,}", f"{one.coupons:,}", cost, anyway
        )
    console.print(Padding(table, (0, 0, 0, 2)))
    for one in judged_first:
        head = Text.assemble((one.id, "bold"), f": {one.description}")
        console.print(Padding(head, (0, 0, 0, 2)))
        for line in about(one):
            console.print(Padding(Text(line, style="dim"), (0, 0, 0, 4)))
    _tell_cost(console, book, [one for one in found.campaigns if one.coupons])


def _tell_cost(console: Console, book: Book, giving: Sequence[Outcome]) -> None:
    """What the coupons come to; campaigns that give none cost nothing."""
    if not giving:
        return
    coupons, total = (sum(one.coupons for one in giving), sum(one.cost_at_most for one in giving))
    anyway = sum(one.bought_anyway for one in giving)
    console.print()
    console.print(
        f"In all {counted(coupons, 'coupon', 'coupons')}, {_money(book, total)} at most; "
        f"{anyway:,} would have gone to people who ordered anyway, a discount for "
        "nothing. That is what the control group shows."
    )


def _tell_next(console: Console, name: str, book: Book, found: Findings) -> None:
    heading(console, "What to do next")
    win_back = next((one for one in found.campaigns if one.id == "win-back" and one.reached), None)
    if win_back is not None:
        console.print(
            f"Begin with [bold]win-back[/bold]: it would have spoken to {win_back.reached:,} who "
            "were leaving. In a connected store it starts in shadow: it counts and pushes nothing "
            "until you start it."
        )
    tell_connecting(console, book.platform)
    console.print(
        Text(f"{name} stays where it is; nothing of it was kept or sent anywhere.", style="dim")
    )


def tell_connecting(console: Console, platform: str) -> None:
    """The line that connects a store of some platform, or of any that there is."""
    known = [one for one in platforms() if one != "sandbox"]
    chosen = platform if platform in known else "PLATFORM"
    console.print("Connect your store:")
    line = f"shoal store add my-shop --platform {chosen} --url https://YOUR-SHOP"
    console.print(Padding(Text(line, style="bold green"), (0, 0, 0, 2)), soft_wrap=True)
    if chosen != platform:
        said = f"There is no connector for {platform} yet. " if platform else ""
        console.print(f"{said}Platforms: {', '.join(known)}; any other tells by docs/api.md.")
