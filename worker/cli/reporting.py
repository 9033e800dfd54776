"""``shoal segments report``: a store's customers as one page for its owner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.output import Json, LanguageOption, StoreOption, print_json, tell


def register(app: typer.Typer) -> None:
    """Add the command to ``shoal segments``."""
    app.command()(report)


def report(
    out: Annotated[Path, typer.Option(help="The .html file to write.")] = Path("report.html"),
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Write a page for the owner: who customers are, what changed, what to do about each stage."""
    from segmentation.wording import number
    from worker.cli.context import reading_shop
    from worker.plotting import require_plotly
    from worker.reporting.gathering import gathered
    from worker.reporting.page import page
    from worker.reporting.summary import summary
    from worker.wording import words_here

    require_plotly()
    if out.suffix.lower() not in {".html", ".htm"}:
        problem = f"--out {out}: expected a name that ends with .html"
        raise typer.BadParameter(problem)
    if not out.parent.is_dir():
        problem = f"--out {out}: there is no folder {out.parent}"
        raise typer.BadParameter(problem)
    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        found = gathered(connection, shop)
    out.write_text(page(found, words), encoding="utf-8")
    if json:
        print_json({"file": str(out), "language": words.language, **summary(found)})
        return
    tell(
        words.count(
            "{number} customer of {store}: {file}, which any browser opens",
            "{number} customers of {store}: {file}, which any browser opens",
            number(found.customers),
            store=found.store,
            file=out,
        )
    )
