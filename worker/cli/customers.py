"""``shoal customers``: show, explain, export, erase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, say, tell

if TYPE_CHECKING:  # a command imports what it needs when it runs
    from worker.customer_files import Report

app = typer.Typer(help="One customer: what is known, why, and forgetting.", no_args_is_help=True)
Who = Annotated[str, typer.Argument(help="Our id, the platform's id or an e-mail.")]


@app.command()
def show(
    customer: Who, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Show a customer's features and segment."""
    from segmentation.wording_features import label
    from segmentation.wording_groups import segment_words
    from worker.cli.context import reading_shop
    from worker.customer_reports import card
    from worker.people import find_customer
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        found = card(connection, shop, find_customer(connection, kit.sealer, shop, customer))
    if json:
        print_json(found)
        return
    ours, theirs = found["customer"], found["customer_id"] or words.say("none")
    say(words.say("Customer {customer} (store's id {id})", customer=ours, id=theirs))
    group = found["group"] or found["segment"]
    told = f"{segment_words(words, group)} ({group})" if group else words.say("none yet")
    say(words.say("Segment: {segment}", segment=told))
    features = found["features"].items()
    rows = [(name, label(words, name), f"{value:,.2f}") for name, value in features]
    headings = (words.say("feature"), words.say("name"), words.say("value"))
    print_table(words.say("Features"), headings, rows, words.say("none"))


@app.command()
def explain(
    customer: Who, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Say why a customer is in their segments or not, and how they came there."""
    from worker.cli.context import reading_shop
    from worker.customer_reports import why
    from worker.people import find_customer
    from worker.rule_reports import rules_of
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        who = find_customer(connection, kit.sealer, shop, customer)
        found = why(connection, shop, who, words)
        found["rules"] = rules_of(connection, shop, who, words)
    if json:
        print_json(found)
        return
    tell(found["sentence"])
    for line in found["details"]:
        tell(f"  {line}")
    for one in found["rules"]:
        tell(f"{one['name']} ({one['id']}): {one['words']}")
        tell(f"  {one['because']}")
    rows = [
        (one["day"], one["from_name"], one["to_name"], one["cause_words"], one["model"])
        for one in found["changes"]
    ]
    headings = (words.say("at"), words.say("from"), words.say("to"), words.say("why"))
    print_table(words.say("Changes of segment"), (*headings, words.say("model")), rows)


@app.command()
def export(customer: Who, store: StoreOption = "") -> None:
    """Print everything that is held about a customer as one JSON object."""
    from worker.cli.context import reading_shop
    from worker.export import export_customer
    from worker.people import find_customer

    with reading_shop(store) as (kit, connection, shop):
        who = find_customer(connection, kit.sealer, shop, customer)
        print_json(export_customer(connection, kit.sealer, shop, who))


@app.command()
def erase(
    customer: Who,
    store: StoreOption = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Forget a person: in every table, the stream, dead letters and files."""
    from worker.cli.context import chosen_shop, opened, with_redis
    from worker.database import reading
    from worker.forgetting import erase_now
    from worker.people import find_customer

    with opened() as kit, with_redis(kit.settings):
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            who = find_customer(connection, kit.sealer, shop, customer)
        if not yes:
            typer.confirm(f"Erase customer {who} of {shop.id} for ever?", abort=True)
        erase_now(kit, shop, who)
    if json:
        print_json({"erased": who})
        return
    say(f"Customer {who} is erased. A keyed hash stays, so that a redelivery brings nobody back.")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: Klaviyo, Mautic, Shopify, or any other.")],
    store: StoreOption = "",
    map_: Annotated[str, typer.Option("--map", help="OURS=THEIRS, separated by commas.")] = "",
    dates: Annotated[str, typer.Option(help="day-first or month-first.")] = "",
    *,
    json: Json = False,
) -> None:
    """Take attributes, consents and suppressions from a file; triggers nothing, repeats nothing."""
    import sys
    from dataclasses import asdict

    from rich.progress import Progress

    from worker.cli.context import chosen_store, opened, with_redis
    from worker.customer_files import import_customers
    from worker.database import reading
    from worker.sheets import size_of
    from worker.trying.asking import Wishes

    is_quiet = json or not sys.stdout.isatty()
    with (
        opened() as kit,
        with_redis(kit.settings),
        Progress(disable=is_quiet, transient=True) as bar,
    ):
        with reading(kit.engine) as connection:
            name = chosen_store(connection, store)
        task = bar.add_task(f"Reading {file.name}", total=size_of(file) if file.exists() else 1)
        report = import_customers(
            kit, file, name, Wishes(map_, dates), lambda done: bar.update(task, completed=done)
        )
    if json:
        print_json(asdict(report))
    else:
        _say_report(report)
    if report.rejected_rows:
        raise typer.Exit(3)


def _say_report(report: Report) -> None:
    rows = counted(report.rows, "row", "rows")
    say(f"Taken into {report.store}: {report.taken} of {rows} of {report.source}")
    if report.already:
        say(f"{report.already} had been taken before")
    for what, number in sorted(report.counts.items()):
        say(f"  {what}: {number}")
    if report.left_out:
        say(f"Left out, as the store has no attribute of the name: {', '.join(report.left_out)}")
        say(f"  if it is one of ours: --map OURS={report.left_out[0]}; names: docs/files.md")
    for note in report.notes:
        say(note)
    for line, reason in report.rejected:
        say(f"line {line}: left out, {reason}")
    if report.rejected_rows > len(report.rejected):
        say(f"and {counted(report.rejected_rows - len(report.rejected), 'more row', 'more rows')}")
