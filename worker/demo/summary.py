"""The demo's last screen: what a shop owner wants to know, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, select

from campaigns.costs import money_text
from campaigns.reasons import COOLDOWN, QUIET_HOURS
from connectors.events import moment
from worker import models, tallies
from worker.database import reading
from worker.demo.scene import newest_coupons, pushed
from worker.demo.theatre import Theatre, shop_of
from worker.demo.venue import Proof
from worker.explaining import explain
from worker.shop import Shop
from worker.web.status_campaigns import ShownCampaign, live_cost, shown_campaigns

_SHOWN: Final = 3
_BAR: Final = 30


def show(console: Console, there: Theatre, proof: Proof) -> None:
    """Print the summary."""
    shop, told, words = shop_of(there.kit), proof.told, there.venue.words
    console.rule(f"[bold]{words.ending}, played in {told['seconds']:.0f} seconds")
    console.print(
        f"\n{told['customers']:,} customers who bought; {told['events']['sent']:,} deliveries, "
        f"{told['events_per_second']:,} a second. {words.source}\n"
    )
    console.print(_segments(told))
    with reading(there.kit.engine) as connection:
        counts = tallies.read(connection, shop.number)
        shown = shown_campaigns(connection, shop, counts)
        console.print(_campaigns(connection, shop, shown, counts))
        console.print(_coupons(connection, shop))
        for line in _examples(connection, shop):
            console.print(line, highlight=False)
    console.print(_stops(shown))
    _proof(console, proof)


def _titled(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold cyan", box=None)
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left", no_wrap=at == 0)
    return table


def _segments(told: Mapping[str, Any]) -> Table:
    table = _titled("Who the customers are now", "segment", "customers", "share")
    table.add_column("")
    most = max([1, *(row["customers"] for row in told["segments"])])
    for row in told["segments"]:
        share = row["customers"] / max(told["customers"], 1)
        bar = Text("█" * round(row["customers"] / most * _BAR), "cyan")
        table.add_row(row["name"], f"{row['customers']:,}", f"{share:.0%}", bar)
    return table


def _campaigns(
    connection: Connection,
    shop: Shop,
    shown: Sequence[ShownCampaign],
    counts: Mapping[tuple[str, str], int],
) -> Table:
    names = ("campaign", "reached", "coupons", "control group", "held back", "cost at most")
    table = _titled("\nWhat was done for them", *names)
    coupons = {one.campaign: one.coupons for one in pushed(connection, shop.number)}
    for row in shown:
        table.add_row(
            row.id,
            f"{row.fires:,}",
            f"{coupons.get(row.id, 0):,}",
            f"{row.holdouts:,}",
            f"{row.holds:,}",
            row.cost_at_most,
        )
    table.add_section()
    table.add_row(
        "together",
        f"{sum(row.fires for row in shown):,}",
        f"{sum(coupons.values()):,}",
        f"{sum(row.holdouts for row in shown):,}",
        f"{sum(row.holds for row in shown):,}",
        money_text(live_cost(counts), shop.currency),
        style="bold",
    )
    return table


def _coupons(connection: Connection, shop: Shop) -> Table:
    table = _titled("\nWho got a coupon last")
    for name in ("when", "customer", "coupon", "", "campaign"):
        table.add_column(name, no_wrap=True)
    for row in newest_coupons(connection, shop.number, _SHOWN):
        code = Text(row.code, "green")
        table.add_row(f"{row.at:%d %b %Y}", row.customer, code, row.off, row.campaign)
    return table


def _examples(connection: Connection, shop: Shop) -> Iterator[str]:
    """One customer who got a coupon, one who did not, each with its reason."""
    actions, holds, people = models.actions.c, models.holds.c, models.customers.c
    got = connection.execute(
        select(actions.customer, actions.campaign, actions.made_at, people.platform_id)
        .join(models.customers, people.id == actions.customer)
        .where(actions.store == shop.number, actions.kind == "coupon", actions.state == "done")
        .order_by(actions.made_at.desc(), actions.key)
        .limit(1)
    ).first()
    not_now = connection.execute(
        select(holds.customer, holds.campaign, holds.at.label("made_at"), people.platform_id)
        .join(models.customers, people.id == holds.customer)
        .where(holds.store == shop.number, holds.campaign == "win-back")
        # Quiet hours put off, and a cooldown follows a yes; a plain no is more of an answer.
        .order_by(holds.reason.in_([QUIET_HOURS, COOLDOWN]), holds.at.desc(), holds.customer)
        .limit(1)
    ).first()
    for row, question in ((got, "Why this one"), (not_now, "Why not this one")):
        if row is not None:
            yield f"\n[bold cyan]{question}[/]"
            yield (
                f" {moment(row.made_at):%d %b %Y}  customer {row.platform_id}, {row.campaign}: "
                + " ".join(_reasons(connection, shop, row.campaign, row.customer))
            )


def _reasons(connection: Connection, shop: Shop, campaign: str, customer: int) -> list[str]:
    running = next(one for one in shop.campaigns if one.campaign.id == campaign)
    recorded = explain(connection, shop, running, customer).recorded
    return list(recorded[-1].sentences[:_SHOWN]) if recorded else []


def _stops(shown: Sequence[ShownCampaign]) -> Table:
    table = _titled("\nWhat would stop it now")
    table.show_header = False
    table.add_row("all pushes, in 5 s", "`shoal campaigns pause --all`")
    table.add_row("one campaign", f"`shoal campaigns pause {shown[-1].id}`")
    for row in shown:
        table.add_row(row.id, "its limits: " + ("; ".join(row.bounds) or "none"))
    return table


def _proof(console: Console, proof: Proof) -> None:
    console.print("\n[bold cyan]The proof, taken from outside")
    table, told = Table.grid(padding=(0, 1)), proof.told
    for mark in proof.marks:
        sign = Text(" ✓", "green") if mark.is_right else Text(" ✗", "bold red")
        table.add_row(sign, mark.words)
    console.print(table, highlight=False)
    latency = told["latency_ms"]
    if latency["p50"] is not None:
        console.print(
            f"   From a webhook to its coupon in the store: half within {latency['p50']:,.0f} ms, "
            f"95 % within {latency['p95']:,.0f} ms. Memory at most {told['peak_memory_mb']:,} MB.",
            highlight=False,
        )
    for mark in proof.marks:
        if not mark.is_right:
            console.print(f"[bold red]{mark.problem}")
    for line in proof.differences:
        console.print(line, highlight=False)
