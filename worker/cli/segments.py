"""``shoal segments``: list and show."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.output import Json, StoreOption, print_json, print_table

app = typer.Typer(help="Segments: who is where, and why.", no_args_is_help=True)


@app.command(name="list")
def list_(store: StoreOption = "", *, json: Json = False) -> None:
    """List a store's groups with their stage, name and number of customers."""
    from worker.cli.context import reading_shop
    from worker.segment_reports import groups_of

    with reading_shop(store) as (_, connection, shop):
        rows = groups_of(connection, shop)
    if json:
        print_json({"model": shop.model.version, "kind": shop.model.kind, "segments": rows})
        return
    title = f"Segments of {shop.id}, model {shop.model.version} ({shop.model.kind})"
    print_table(title, ("id", "stage", "name", "customers"), [tuple(row.values()) for row in rows])


@app.command()
def show(
    segment: Annotated[str, typer.Argument(help="A stage or a group's id.")],
    store: StoreOption = "",
    *,
    json: Json = False,
) -> None:
    """Show what a segment's customers have in common, and how people came and went."""
    from worker.cli.context import reading_shop
    from worker.segment_reports import about

    with reading_shop(store) as (_, connection, shop):
        found = about(connection, shop, segment)
    if json:
        print_json(found)
        return
    rows = [(name, f"{value:,.2f}") for name, value in found["medians"].items()]
    print_table(f"{segment}: {found['customers']} customers", ("feature", "median"), rows)
    moves = [(cause, number) for cause, number in found["entered"].items()]
    print_table("Entered, by cause", ("cause", "times"), moves)
