"""``shoal segments``: list and show; others in `rule_segments`, `segment_versions`, `reporting`."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import reporting, rule_segments, segment_versions
from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, tell

app = typer.Typer(help="Segments: who is where, and why.", no_args_is_help=True)


@app.command(name="list")
def list_(store: StoreOption = "", language: LanguageOption = "", *, json: Json = False) -> None:
    """List a store's segments with their kind, stage, name and number of customers."""
    from worker.cli.context import reading_shop
    from worker.segment_kinds import listed
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rows = listed(connection, shop, words)
    if json:
        print_json({"model": shop.model.version, "kind": shop.model.kind, "segments": rows})
        return
    title = words.say(
        "Segments of {store}, model {version} ({kind})",
        store=shop.id,
        version=shop.model.version,
        kind=shop.model.kind,
    )
    headings = (
        *(words.say("id"), words.say("kind"), words.say("stage")),
        *(words.say("name"), words.say("customers")),
    )
    kinds = {"learned": words.say("learned"), "rule": words.say("by rule")}
    told = [tuple((row | {"kind": kinds.get(row["kind"], row["kind"])}).values()) for row in rows]
    print_table(title, headings, told, words.say("none"))


@app.command()
def show(
    segment: Annotated[
        str, typer.Argument(help="A stage, a group's id or a rule's, like rule.vip.")
    ],
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Show what sets a segment's customers apart, as rules too, and how people came and went."""
    from segmentation.segment import kind_of
    from worker.cli.context import reading_shop
    from worker.rule_reports import about_rule, rule_lines
    from worker.segment_reports import about
    from worker.segment_telling import lines
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        is_rule = kind_of(segment) == "rule"
        found = (about_rule if is_rule else about)(connection, shop, segment, words)
    if json:
        print_json(found)
        return
    for line in (rule_lines if is_rule else lines)(words, found):
        tell(line)


rule_segments.register(app)
segment_versions.register(app)
reporting.register(app)
