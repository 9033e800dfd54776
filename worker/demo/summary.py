"""The demo's last screen: what a shop owner wants to know, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, select

from connectors.events import moment
from worker import models
from worker.campaign_reports import overview
from worker.database import reading
from worker.demo.figures import failures
from worker.demo.theatre import Theatre, shop_of, status_url
from worker.explaining import explain
from worker.shop import Shop

_SHOWN: Final = 3


def show(console: Console, there: Theatre, told: Mapping[str, Any]) -> None:
    """Print the summary."""
    shop = shop_of(there.kit)
    console.print()
    console.rule("[bold]Two years of a gift shop, played in " + f"{told['seconds']:.0f} seconds")
    console.print(
        f"{told['events']['sent']:,} deliveries, {told['events_per_second']:,} a second, about "
        f"{told['customers']:,} customers. The purchases are real (UCI Online Retail II, CC BY "
        "4.0); visits, carts left, birthdays and consents around them are made up.\n"
    )
    console.print(_segments(told))
    with reading(there.kit.engine) as connection:
        console.print(_campaigns(connection, shop))
        for line in _examples(connection, shop):
            console.print(line, highlight=False)
    _proof(console, told)
    console.print(
        "\nWhat would stop it now: `shoal campaigns pause --all` stops every push within 5 seconds."
    )
    console.print(f"Status page: {status_url(there.stack)}")


def _segments(told: Mapping[str, Any]) -> Table:
    table = Table(title="Who the customers are now", title_justify="left", box=None)
    table.add_column("segment")
    table.add_column("customers", justify="right")
    table.add_column("share", justify="right")
    for row in told["segments"]:
        share = row["customers"] / max(told["customers"], 1)
        table.add_row(row["name"], f"{row['customers']:,}", f"{share:.0%}")
    return table


def _campaigns(connection: Connection, shop: Shop) -> Table:
    table = Table(title="What was done for them", title_justify="left", box=None)
    table.add_column("campaign")
    for name in ("reached", "control group", "not now", "cost at most"):
        table.add_column(name, justify="right")
    for row in overview(connection, shop):
        table.add_row(
            row["campaign"],
            f"{row['fired']:,}",
            f"{row['held_out']:,}",
            f"{row['held']:,}",
            row["cost_at_most"],
        )
    return table


def _examples(connection: Connection, shop: Shop) -> list[str]:
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
        .order_by(holds.at.desc(), holds.customer)
        .limit(1)
    ).first()
    lines = []
    for row, what in ((got, "got a coupon from"), (not_now, "got nothing from")):
        if row is not None:
            when = f"{moment(row.made_at):%d %b %Y}"
            lines.append(f"\nCustomer {row.platform_id} {what} {row.campaign} on {when}:")
            lines += [f"  {one}" for one in _reasons(connection, shop, row.campaign, row.customer)]
            ask = f"shoal campaigns explain {row.platform_id} --campaign {row.campaign}"
            lines.append(f"  Ask for any customer: `{ask}`")
    return lines


def _reasons(connection: Connection, shop: Shop, campaign: str, customer: int) -> list[str]:
    running = next(one for one in shop.campaigns if one.campaign.id == campaign)
    recorded = explain(connection, shop, running, customer).recorded
    return list(recorded[-1].sentences[:_SHOWN]) if recorded else []


def _proof(console: Console, told: Mapping[str, Any]) -> None:
    events, coupons = told["events"], told["coupons"]
    console.print("\n[bold]The proof, taken from outside")
    marks = {
        f"{events['sent']:,} sent by the player = {events['applied']:,} applied + "
        f"{events['duplicates']:,} repeated + {events['dead_letters']:,} unreadable and kept; "
        f"lost {events['lost']}": events["lost"] == 0,
        f"{coupons['in_store']:,} coupons in the store's own ledger of {coupons['due']:,} due; "
        f"{coupons['to_quiet_customers']:,} to customers nothing was heard of for a day": (
            coupons["in_store"] == coupons["due"]
        ),
        f"coupons twice: {coupons['twice']}": coupons["twice"] == 0,
        "every feature of every customer equals a recomputation from what was sent, by another "
        "process": told["features_equal_batch"],
    }
    for words, is_right in marks.items():
        mark = "[green]✓[/]" if is_right else "[bold red]✗[/]"
        console.print(f"  {mark} {words}", highlight=False)
    latency = told["latency_ms"]
    if latency["p50"] is not None:
        console.print(
            f"  From a webhook to its effect in the store: half within {latency['p50']:,} ms, "
            f"95 % within {latency['p95']:,} ms; memory at most {told['peak_memory_mb']:,} MB."
        )
    for problem in failures(told):
        console.print(f"[bold red]{problem}")
