"""``shoal features``: export; the rest stands in `own_features`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from worker.cli import own_features
from worker.cli.output import Json, StoreOption, print_json, tell

app = typer.Typer(help="Features: every number about every customer.", no_args_is_help=True)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="File to write: .csv, .csv.gz, .parquet, .jsonl.")],
    as_of: Annotated[str, typer.Option(help="ISO time: without what is at or after it.")] = "",
    store: StoreOption = "",
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
        _export_anonymous(out, store, least, json=json)
        return
    from zoneinfo import ZoneInfo

    from connectors.events import microseconds
    from worker.cli.context import reading_shop
    from worker.features_export import completeness, features_table, write_table

    with reading_shop(store) as (_, connection, shop):
        at: int | None = None
        if as_of:
            try:
                given = datetime.fromisoformat(as_of)
            except ValueError:
                problem = f"--as-of {as_of!r}: expected a time such as 2011-12-10T00:00:00Z"
                raise typer.BadParameter(problem) from None
            at = microseconds(given if given.tzinfo else given.replace(tzinfo=ZoneInfo("UTC")))
        table = features_table(connection, shop.number, shop.currency, shop.now, as_of=at)
    write_table(table, out)
    if json:
        told = {"file": str(out), "customers": len(table), "features": len(table.columns) - 1}
        print_json(told | {"known": completeness(table)})
        return
    tell(f"{len(table)} customers, {len(table.columns) - 1} features: {out}")
    known = [f"{name} of {share:.0%}" for name, share in completeness(table).items() if share]
    nothing = "No age, income, education or gender is known."
    tell(f"Known: {', '.join(known)}." if known else nothing)


def _export_anonymous(out: Path, store: str, least: int, *, json: bool) -> None:
    from worker.anonymous_export import Made, anonymous_tables, told_features
    from worker.cli.context import reading_shop
    from worker.features_export import write_tables

    made = Made()
    with reading_shop(store) as (_, connection, shop):
        write_tables(anonymous_tables(connection, shop, least, made), out)
    features = len(told_features()) if made.customers else 0
    if json:
        told = {"file": str(out), "customers": made.customers, "features": features}
        print_json(told | {"widened": made.widened, "left_out": made.left_out, "group": least})
        return
    tell(f"{made.customers} customers, {features} features: {out}")
    for name, count in made.widened.items():
        if count:
            tell(f"{name} was widened or left out for {count} customers")
    if made.left_out:
        tell(f"{made.left_out} customers are not in it: too few are like them")


own_features.register(app)
