"""``shoal store plugin``: the store's side of a platform that sends no webhooks by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.output import Json, print_json, say


def register(app: typer.Typer) -> None:
    """Add the command to ``shoal store``."""
    app.command()(plugin)


def plugin(
    platform: Annotated[str, typer.Argument(help="The connector's name, such as vendure.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder, or one that holds it already.")],
    *,
    json: Json = False,
) -> None:
    """Write the plugin that a store needs to tell us what happens, and say what to do with it."""
    from worker.store_plugin import write_plugin

    files = write_plugin(platform, out)
    if json:
        print_json({"platform": platform, "folder": str(out), "files": files})
        return
    say(f"The plugin for {platform} is in {out}: {', '.join(files)}")
    say(f"What to do now, in the store and here, is in {out / 'README.md'}")
