"""``shoal segments``: list and show; the rest stands in `segment_versions` and `reporting`."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import reporting, segment_versions
from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, say

app = typer.Typer(help="Segments: who is where, and why.", no_args_is_help=True)


@app.command(name="list")
def list_(store: StoreOption = "", language: LanguageOption = "", *, json: Json = False) -> None:
    """List a store's groups with their stage, name and number of customers."""
    from worker.cli.context import reading_shop
    from worker.segment_reports import groups_of
    from worker.wording import words_of

    with reading_shop(store) as (kit, connection, shop):
        words = words_of(shop, language or kit.settings.language)
        rows = groups_of(connection, shop, words)
    if json:
        print_json({"model": shop.model.version, "kind": shop.model.kind, "segments": rows})
        return
    title = words.say(
        "Segments of {store}, model {version} ({kind})",
        store=shop.id,
        version=shop.model.version,
        kind=shop.model.kind,
    )
    headings = (words.say("id"), words.say("stage"), words.say("name"), words.say("customers"))
    print_table(title, headings, [tuple(row.values()) for row in rows])


@app.command()
def show(
    segment: Annotated[str, typer.Argument(help="A stage or a group's id.")],
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Show what sets a segment's customers apart, as rules too, and how people came and went."""
    from worker.cli.context import reading_shop
    from worker.segment_reports import about
    from worker.segment_telling import lines
    from worker.wording import words_of

    with reading_shop(store) as (kit, connection, shop):
        words = words_of(shop, language or kit.settings.language)
        found = about(connection, shop, segment, words)
    if json:
        print_json(found)
        return
    for line in lines(words, found):
        say(line)


segment_versions.register(app)
reporting.register(app)
