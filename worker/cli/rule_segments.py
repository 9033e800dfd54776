"""``shoal segments`` by rule: plan, apply, remove; of every kind: members, history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, say, tell
from worker.cli.own_features import change_words

Paths = Annotated[list[Path], typer.Argument(help="Files, or folders with `rules/` in them.")]
Id = Annotated[str, typer.Argument(help="A stage, a group's id or a rule's, like rule.vip.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal segments``."""
    for command in (plan, apply, remove, members, history):
        app.command()(command)


def plan(
    paths: Paths, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Show what applying rule segments would change, and how many would enter and leave."""
    from dataclasses import asdict

    from campaigns.check import Known
    from worker.cli.context import reading_shop
    from worker.known_fields import asked
    from worker.own_features import own_names
    from worker.rule_files import plan_rules, read_rules
    from worker.rule_wording import fact_words
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rules = read_rules(paths, Known(own=own_names(connection, shop.number)))
        found = plan_rules(connection, shop, rules)
        known = asked(connection, shop, rules, words)
    if json:
        told = [{"id": name, **asdict(one)} for name, one in found.items()]
        print_json({"store": shop.id, "rules": told, "known": known})
        return
    columns = (
        *(words.say("segment"), words.say("change"), words.say("customers now")),
        *(words.say("would enter"), words.say("would leave")),
    )
    rows = [
        (name, change_words(words, one.change), one.now, one.entering, one.leaving)
        for name, one in found.items()
    ]
    print_table(words.say("Plan"), columns, rows, words.say("none"))
    for name, one in found.items():
        if one.hourly:
            facts = words.enumerated([fact_words(words, fact) for fact in one.hourly])
            exact = words.say(
                "{segment}: exact in time but for this, asked with each ageing "
                "(SHOAL_TICK_EVERY): {facts}",
                segment=name,
                facts=facts,
            )
            tell(exact)
    for name, sentence in known:
        tell(f"{name}: {sentence}")


def apply(
    paths: Paths, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Make rule files the store's segments; who is in enters silently."""
    import getpass

    from campaigns.check import Known
    from connectors.events import microseconds
    from worker.cli.context import changing_shop
    from worker.own_features import own_names
    from worker.rule_files import apply_rules, read_rules
    from worker.wording import words_here

    with changing_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rules = read_rules(paths, Known(own=own_names(connection, shop.number)))
        wall = microseconds(kit.clock())
        changes = apply_rules(connection, shop, rules, wall, getpass.getuser())
    if json:
        print_json({"store": shop.id, "rules": changes})
        return
    for name, change in changes.items():
        tell(words.say("{name}: {change}", name=name, change=change_words(words, change)))
    if set(changes.values()) - {"same"}:
        tell(
            words.say(
                "`shoal up` asks everybody before its next batch; no campaign wakes because of it."
            )
        )


def remove(
    segment: Annotated[str, typer.Argument(help="A rule segment's id, like rule.vip.")],
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Take a rule segment away; its versions and who was in it stay known."""
    import getpass

    from connectors.events import microseconds
    from worker.cli.context import changing_shop
    from worker.rule_files import named_by, remove_rule
    from worker.wording import words_here

    with changing_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        wall = microseconds(kit.clock())
        remove_rule(connection, shop, segment, wall, getpass.getuser())
        named = named_by(shop, segment)
    if json:
        print_json({"store": shop.id, "removed": segment, "named_by": named})
        return
    tell(
        words.say(
            "{segment} is removed: everybody leaves it before the next batch; no campaign wakes.",
            segment=segment,
        )
    )
    if named:
        tell(
            words.say(
                "warning: it is still named, and waited for in vain, by: {names}",
                names=", ".join(named),
            )
        )


def members(
    segment: Id,
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    json: Json = False,
) -> None:
    """List who is in a segment now: our id, the store's, and since when."""
    from worker.cli.context import reading_shop
    from worker.segment_kinds import members as found_members
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rows = found_members(connection, shop, segment)
    names = ("customer", "customer_id", "since")
    if json:
        print_json({"store": shop.id, "segment": segment, "members": rows})
    elif csv:
        _print_csv(names, [[row[name] for name in names] for row in rows])
    else:
        headings = (words.say("customer"), words.say("the store's id"), words.say("since"))
        title = words.say("{segment} of {store}", segment=segment, store=shop.id)
        told = [[row[one] for one in names] for row in rows]
        print_table(title, headings, told, words.say("none"))


def _print_csv(names: tuple[str, ...], rows: list[list[object]]) -> None:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    say(text.getvalue().rstrip())


def history(
    segment: Id,
    store: StoreOption = "",
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many, the last today.")] = 30,
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Show a segment's size at the end of each day, and who entered and left in it."""
    from worker.cli.context import reading_shop
    from worker.segment_kinds import history as sizes
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rows = sizes(connection, shop, segment, days)
    if json:
        print_json({"store": shop.id, "segment": segment, "days": rows})
        return
    names = ("day", "customers", "entered", "left")
    headings = (
        *(words.say("day"), words.say("customers")),
        *(words.say("entered"), words.say("left")),
    )
    title = words.say("{segment} of {store}", segment=segment, store=shop.id)
    print_table(title, headings, [[row[one] for one in names] for row in rows], words.say("none"))
