"""`shoal try`: what a file says of a shop, without any store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.output import Json, print_json

_FILE = (
    "An order export of Shopify or WooCommerce, Segment's messages (.jsonl), order lines, or a "
    "table of customers."
)


def register(app: typer.Typer) -> None:
    """Add the command to the console script."""
    app.command(name="try")(try_)


def try_(
    file: Annotated[Path, typer.Argument(help=_FILE)],
    map_: Annotated[str, typer.Option("--map", help="OURS=THEIRS, separated by commas.")] = "",
    dates: Annotated[
        str, typer.Option(help="day-first or month-first, where dates do not say.")
    ] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217, where the file does not say.")] = "",
    time_zone: Annotated[str, typer.Option(help="Of times without an offset.")] = "UTC",
    groups: Annotated[
        int, typer.Option(help="How many groups in a table of customers; 0 lets it say.")
    ] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Save what is printed as SVG.", show_default=False)
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is certain.")] = False,
    json: Json = False,
) -> None:
    """Show what Shoal sees in a file: segments, who is leaving, what campaigns would have done."""
    from worker.trying.command import Wanted, is_terminal, try_file

    wanted = Wanted(
        path=file,
        mapping=map_,
        dates=dates,
        currency=currency,
        time_zone=time_zone,
        groups=groups,
        picture=picture,
        is_asking=is_terminal() and not yes and not json,
    )
    told = try_file(wanted, quiet=json)
    if json:
        print_json(told)
