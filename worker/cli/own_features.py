"""``shoal features plan``, ``apply``, ``show`` and ``select``: what groups are learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, tell

if TYPE_CHECKING:  # a command imports what it needs
    from segmentation.constructed import Declared
    from segmentation.selection import Carrying, Selection
    from segmentation.wording import Words
    from worker.own_features import Change

File = Annotated[Path, typer.Argument(help="A file of YAML.")]
_OTHERS: Final = 8  # features outside the model that are shown without --all


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal features``."""
    for command in (plan, apply, show, select):
        app.command()(command)


def plan(
    file: File, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Show what applying a file would change, and each feature's values among the customers."""
    from segmentation.constructed import completed
    from worker import own_features
    from worker.cli.context import reading_shop
    from worker.drawing import drawn, features_of, ids_of, is_buyer
    from worker.feature_files import read_file
    from worker.wording import sample_words, words_here

    declared = read_file(file)
    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        present = own_features.declared_features(connection, shop.number)
        changes = own_features.plan(present, declared)
        buyers = ids_of(connection, is_buyer(shop.number))
        columns = features_of(connection, shop, drawn(buyers))
    columns = completed(columns, declared.features)
    found = own_features.figures(declared, columns)
    said = (
        *own_features.consequences(shop, declared, words),
        *own_features.idle(shop, declared, words),
        *own_features.hardly_known(declared, columns, words),
        *own_features.touched(shop, changes, words),
    )
    counted = sample_words(words, len(columns["orders"]), len(buyers))
    if json:
        told = [{**one, "change": changes[one["name"]]} for one in found]
        removed = [name for name, change in changes.items() if change == "removed"]
        told += [{"name": name, "change": "removed"} for name in removed]
        read = {"read": len(columns["orders"]), "customers": len(buyers)}
        print_json({"store": shop.id, "features": told, "sentences": said, **read})
        return
    _show_changes(words, shop.id, changes, found)
    for sentence in filter(None, (counted if found else "", *said)):
        tell(sentence)


def _show_changes(
    words: Words, store: str, changes: Mapping[str, Change], found: Sequence[dict[str, Any]]
) -> None:
    values = {one["name"]: _told(one) for one in found}
    rows = [
        (name, change_words(words, change), *values.get(name, ("",) * 4))
        for name, change in changes.items()
    ]
    headings = (
        *(words.say("feature"), words.say("change"), words.say("known")),
        *(words.say("0.5 % below"), words.say("median"), words.say("0.5 % above")),
    )
    if rows:
        print_table(
            words.say("What the features file of {store} says", store=store), headings, rows
        )


def _told(one: dict[str, Any]) -> tuple[str, ...]:
    if not one["known"]:
        return "0%", "", "", ""
    return f"{one['known']:.0%}", *(_figure(one[name]) for name in ("low", "median", "high"))


def _figure(value: float) -> str:
    from segmentation.wording import number

    is_plain = abs(value) >= 100 or abs(value) < 1e-4  # noqa: PLR2004 - three figures, no powers
    return number(round(value, 3)) if is_plain else f"{value:.3g}"


def change_words(words: Words, change: str) -> str:
    """What applying a file does to one entry: new, changed, same or removed."""
    said = {
        "new": words.say("new"),
        "changed": words.say("changed"),
        "same": words.say("same"),
        "removed": words.say("removed"),
    }
    return said[change]


def apply(
    file: File, store: StoreOption = "", language: LanguageOption = "", *, json: Json = False
) -> None:
    """Put a file's features in force; every version is kept with who and when."""
    import getpass

    from connectors.events import microseconds
    from worker import own_features
    from worker.cli.context import changing_shop
    from worker.feature_files import read_file
    from worker.wording import words_here

    declared = read_file(file)
    with changing_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        changes = own_features.plan(
            own_features.declared_features(connection, shop.number), declared
        )
        wall, by = microseconds(kit.clock()), getpass.getuser()
        version = own_features.declare(connection, shop.number, declared, wall, by)
    said = (
        *own_features.consequences(shop, declared, words),
        *own_features.idle(shop, declared, words),
        *own_features.touched(shop, changes, words),
    )
    if json:
        told = {"store": shop.id, "version": version, "features": changes, "sentences": said}
        print_json(told)
        return
    for name, change in changes.items():
        tell(words.say("{name}: {change}", name=name, change=change_words(words, change)))
    in_force = words.say(
        "Version {version} of {store}'s features is in force.", version=version, store=shop.id
    )
    for sentence in (in_force, *said):
        tell(sentence)


def show(store: StoreOption = "", language: LanguageOption = "", *, json: Json = False) -> None:
    """Show a store's own features, what its groups are learned from, and every version."""
    from segmentation.constructed import completed
    from worker import own_features
    from worker.cli.context import reading_shop
    from worker.drawing import drawn, features_of, ids_of, is_buyer
    from worker.wording import sample_words, words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        declared = own_features.declared_features(connection, shop.number)
        versions = own_features.versions(connection, shop.number)
        buyers = ids_of(connection, is_buyer(shop.number))
        columns = features_of(connection, shop, drawn(buyers))
    columns = completed(columns, declared.features)
    known = own_features.completeness(declared, columns)
    read = len(columns["orders"])
    if json:
        told = {"declared": declared, "versions": versions, "in_model": shop.model.features}
        counted = {"known": known, "read": read, "customers": len(buyers)}
        print_json({"store": shop.id, **told, **counted})
        return
    _show_own(words, shop.id, declared, known)
    from_file, of_model = ", ".join(declared.learn_from), ", ".join(shop.model.features)
    if from_file:
        tell(words.say("Groups are to be learned from: {features}", features=from_file))
    if of_model:
        version = shop.model.version
        tell(
            words.say(
                "Version {version} was learned from: {features}",
                version=version,
                features=of_model,
            )
        )
    if known and (counted_on := sample_words(words, read, len(buyers))):
        tell(counted_on)
    for one in versions:
        values = {"version": one["version"], "at": one["at"][:16].replace("T", " ")}
        tell(words.say("version {version}, {at} UTC, by {who}", **values, who=one["by"]))


def _show_own(words: Words, store: str, declared: Declared, known: dict[str, float]) -> None:
    from segmentation.wording_preparation import reading_words

    rows = [
        (one.name, f"{known[one.name]:.0%}", *reading_words(words, one))
        for one in (*declared.features, *declared.prepare)
    ]
    if not rows:
        tell(words.say("None yet: `shoal features apply FILE`."))
        return
    headings = (
        *(words.say("feature"), words.say("known"), words.say("bounds")),
        *(words.say("unknown"), words.say("transform"), words.say("meaning")),
    )
    print_table(words.say("What the features file of {store} says", store=store), headings, rows)


def select(
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Show every other feature too.")] = False,
    json: Json = False,
) -> None:
    """Say which features carry the store's groups, and propose a smaller set."""
    from worker.cli.context import reading_shop
    from worker.drawing import buyers_of
    from worker.known_fields import FIELDS, known_fields, sentence
    from worker.own_features import declared_features
    from worker.selecting import paste, selected, sentences
    from worker.wording import sample_words, words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        found = selected(connection, shop)
        declared = declared_features(connection, shop.number)
        known = known_fields(connection, shop, tuple(dict.fromkeys(FIELDS.values())))
        buyers = buyers_of(connection, shop.number)
    said = tuple(sentences(found, declared, shop.model.candidate, words))
    if json:
        told = {"store": shop.id, "model": shop.model.version, "selection": found, "known": known}
        learn_from = {"learn_from": paste(found), "sentences": said, "customers": buyers}
        print_json({**told, **learn_from})
        return
    title = words.say(
        "What carries the groups of {store}, model {version}",
        store=shop.id,
        version=shop.model.version,
    )
    _show_carrying(words, title, found, every=every)
    fields = [sentence(words, one) for one in known if one.known]
    counted = sample_words(words, found.customers, buyers)
    for text in filter(None, (counted, *fields, *said)):
        tell(text)


def _show_carrying(words: Words, title: str, found: Selection, *, every: bool) -> None:
    used = [one for one in found.features if one.is_used]
    others = [one for one in found.features if not one.is_used]
    shown = [*used, *(others if every else others[:_OTHERS])]
    headings = (
        *(words.say("feature"), words.say("proposal"), words.say("known")),
        *(words.say("variance between groups"), words.say("move when dealt anew")),
        *(words.say("tells of the tree"), words.say("same groups without")),
        words.say("says the same as"),
    )
    print_table(title, headings, [_row(words, one, found.keep) for one in shown])
    if len(shown) < len(found.features):
        tell(words.say("{number} more with --all", number=len(found.features) - len(shown)))


def _row(words: Words, one: Carrying, keep: Sequence[str]) -> tuple[str, ...]:
    place = words.say("keep") if one.feature in keep else words.say("leave out")
    shares = (one.known, one.variance, one.moves, one.information)
    told = ("" if value is None else f"{value:.0%}" for value in shares)
    without = "" if one.without is None else f"{one.without:.2f}"
    used = place if one.is_used else words.say("not used")
    return one.feature, used, *told, without, one.same_as
