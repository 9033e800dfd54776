"""``shoal features``: export; the rest stands in `own_features`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli import own_features
from worker.cli.output import Json, LanguageOption, StoreOption, print_json, tell

if TYPE_CHECKING:  # a command imports what it needs
    from segmentation.wording import Words

app = typer.Typer(help="Features: every number about every customer.", no_args_is_help=True)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="File to write: .csv, .csv.gz, .parquet, .jsonl.")],
    as_of: Annotated[str, typer.Option(help="ISO time: without what is at or after it.")] = "",
    store: StoreOption = "",
    language: LanguageOption = "",
    least: Annotated[
        int, typer.Option("--group", min=2, help="With --anonymous: the smallest group, k.")
    ] = 10,
    *,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Without anything that tells who somebody is.")
    ] = False,
    json: Json = False,
) -> None:
    """Write one row per customer with every feature."""
    if anonymous and as_of:
        problem = "--anonymous tells of now only: leave --as-of out"
        raise typer.BadParameter(problem)
    if anonymous:
        _export_anonymous(out, store, least, language, json=json)
        return
    from worker.cli.context import reading_shop
    from worker.features_export import completeness, features_table, write_table
    from worker.wording import words_here

    at = _moment(as_of) if as_of else None
    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        table = features_table(connection, shop.number, shop.currency, shop.now, as_of=at)
    write_table(table, out)
    if json:
        told = {"file": str(out), "customers": len(table), "features": len(table.columns) - 1}
        print_json(told | {"known": completeness(table)})
        return
    tell(_written(words, out, len(table), len(table.columns) - 1))
    known = [
        words.say("{feature} of {share}", feature=name, share=f"{share:.0%}")
        for name, share in completeness(table).items()
        if share
    ]
    if known:
        tell(words.say("Known: {fields}.", fields=words.enumerated(known)))
    else:
        tell(words.say("No age, income, education or gender is known."))


def _moment(as_of: str) -> int:
    from zoneinfo import ZoneInfo

    from connectors.events import microseconds

    try:
        given = datetime.fromisoformat(as_of)
    except ValueError:
        problem = f"--as-of {as_of!r}: expected a time such as 2011-12-10T00:00:00Z"
        raise typer.BadParameter(problem) from None
    return microseconds(given if given.tzinfo else given.replace(tzinfo=ZoneInfo("UTC")))


def _written(words: Words, out: Path, customers: int, features: int) -> str:
    from segmentation.wording import number

    return words.count(
        "{number} customer, {features} features: {file}",
        "{number} customers, {features} features: {file}",
        number(customers),
        features=features,
        file=out,
    )


def _export_anonymous(out: Path, store: str, least: int, language: str, *, json: bool) -> None:
    from segmentation.wording import number
    from worker.anonymous_export import Made, anonymous_tables, told_features
    from worker.cli.context import reading_shop
    from worker.features_export import write_tables
    from worker.wording import words_here

    made = Made()
    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        write_tables(anonymous_tables(connection, shop, least, made), out)
    features = len(told_features()) if made.customers else 0
    if json:
        told = {"file": str(out), "customers": made.customers, "features": features}
        print_json(told | {"widened": made.widened, "left_out": made.left_out, "group": least})
        return
    tell(_written(words, out, made.customers, features))
    for name, count in made.widened.items():
        if count:
            sentence = words.count(
                "{column} was widened or left out for {number} customer",
                "{column} was widened or left out for {number} customers",
                number(count),
                column=name,
            )
            tell(sentence)
    if made.left_out:
        tell(
            words.count(
                "{number} customer is not in it: too few are like them",
                "{number} customers are not in it: too few are like them",
                number(made.left_out),
            )
        )


own_features.register(app)
