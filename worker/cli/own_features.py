"""``shoal features plan``, ``apply``, ``show`` and ``select``: what groups are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.output import Json, StoreOption, print_json, print_table, tell

if TYPE_CHECKING:  # a command imports what it needs
    from segmentation.selection import Carrying

File = Annotated[Path, typer.Argument(help="A file of YAML.")]
_COLUMNS: Final = ("feature", "change", "known", "0.5 % below", "median", "0.5 % above")
_CARRIED: Final = (
    *("feature", "proposal", "known", "variance between groups", "move when dealt anew"),
    *("tells of the tree", "same groups without", "says the same as"),
)
_OTHERS: Final = 8  # features outside the model that are shown without --all


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal features``."""
    for command in (plan, apply, show, select):
        app.command()(command)


def plan(file: File, store: StoreOption = "", *, json: Json = False) -> None:
    """Show what applying a file would change, and each feature's values among the customers."""
    from segmentation.constructed import completed
    from worker import own_features
    from worker.cli.context import reading_shop
    from worker.drawing import drawn, features_of, ids_of, is_buyer
    from worker.feature_files import read_file

    declared = read_file(file)
    with reading_shop(store) as (_, connection, shop):
        present = own_features.declared_features(connection, shop.number)
        changes = own_features.plan(present, declared)
        columns = features_of(connection, shop, drawn(ids_of(connection, is_buyer(shop.number))))
    columns = completed(columns, declared.features)
    found = own_features.figures(declared, columns)
    said = (
        *own_features.consequences(shop, declared),
        *own_features.hardly_known(declared, columns),
        *own_features.touched(shop, changes),
    )
    if json:
        told = [{**one, "change": changes[one["name"]]} for one in found]
        removed = [name for name, change in changes.items() if change == "removed"]
        told += [{"name": name, "change": "removed"} for name in removed]
        print_json({"store": shop.id, "features": told, "sentences": said})
        return
    values = {one["name"]: _told(one) for one in found}
    rows = [(name, change, *values.get(name, ("",) * 4)) for name, change in changes.items()]
    if rows:
        print_table(f"Features of {shop.id}'s own", _COLUMNS, rows)
    for sentence in said:
        tell(sentence)


def _told(one: dict[str, Any]) -> tuple[str, ...]:
    if not one["known"]:
        return "0%", "", "", ""
    return f"{one['known']:.0%}", *(f"{one[name]:.3g}" for name in ("low", "median", "high"))


def apply(file: File, store: StoreOption = "", *, json: Json = False) -> None:
    """Put a file's features in force; every version is kept with who and when."""
    import getpass

    from connectors.events import microseconds
    from worker import own_features
    from worker.cli.context import changing_shop
    from worker.feature_files import read_file

    declared = read_file(file)
    with changing_shop(store) as (kit, connection, shop):
        changes = own_features.plan(
            own_features.declared_features(connection, shop.number), declared
        )
        wall, by = microseconds(kit.clock()), getpass.getuser()
        version = own_features.declare(connection, shop.number, declared, wall, by)
    said = (*own_features.consequences(shop, declared), *own_features.touched(shop, changes))
    if json:
        told = {"store": shop.id, "version": version, "features": changes, "sentences": said}
        print_json(told)
        return
    for name, change in changes.items():
        tell(f"{name}: {change}")
    tell(f"Version {version} of {shop.id}'s features is in force.")
    for sentence in said:
        tell(sentence)


def show(store: StoreOption = "", *, json: Json = False) -> None:
    """Show a store's own features, what its groups are learned from, and every version."""
    from segmentation.constructed import as_feature
    from segmentation.features import cut_at, read_as, unknown_as
    from worker import own_features
    from worker.cli.context import reading_shop

    with reading_shop(store) as (_, connection, shop):
        declared = own_features.declared_features(connection, shop.number)
        versions = own_features.versions(connection, shop.number)
    used = shop.model.features
    if json:
        told = {"declared": declared, "versions": versions, "in_model": used}
        print_json({"store": shop.id, **told})
        return
    entries = [as_feature(one) for one in declared.features]
    rows = [(one.name, cut_at(one), unknown_as(one), read_as(one), one.meaning) for one in entries]
    if rows:
        headings = ("feature", "bounds", "unknown", "transform", "meaning")
        print_table(f"Features of {shop.id}'s own", headings, rows)
    else:
        tell("None yet: `shoal features apply FILE`.")
    if declared.learn_from:
        tell(f"Groups are to be learned from: {', '.join(declared.learn_from)}")
    if used:
        tell(f"Version {shop.model.version} was learned from: {', '.join(used)}")
    for one in versions:
        tell(f"version {one['version']}, {one['at']}, by {one['by']}")


def select(
    store: StoreOption = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Show every other feature too.")] = False,
    json: Json = False,
) -> None:
    """Say which features carry the store's groups, and propose a smaller set."""
    from segmentation.wording import Words
    from worker.cli.context import reading_shop
    from worker.known_fields import FIELDS, known_fields, sentence
    from worker.own_features import declared_features
    from worker.selecting import paste, selected, sentences

    with reading_shop(store) as (_, connection, shop):
        found = selected(connection, shop)
        declared = declared_features(connection, shop.number)
        known = known_fields(connection, shop, tuple(dict.fromkeys(FIELDS.values())))
    said = tuple(sentences(found, declared, shop.model.candidate))
    if json:
        told = {"store": shop.id, "model": shop.model.version, "selection": found, "known": known}
        print_json({**told, "learn_from": paste(found), "sentences": said})
        return
    used = [one for one in found.features if one.is_used]
    others = [one for one in found.features if not one.is_used]
    shown = [*used, *(others if every else others[:_OTHERS])]
    title = f"What carries the groups of {shop.id}, model {shop.model.version}"
    print_table(title, _CARRIED, [_row(one, found.keep) for one in shown])
    if len(shown) < len(found.features):
        tell(f"{len(found.features) - len(shown)} more with --all")
    for one in known:
        if one.known:
            tell(sentence(Words(), one))
    for text in said:
        tell(text)


def _row(one: Carrying, keep: Sequence[str]) -> tuple[str, ...]:
    place = "keep" if one.feature in keep else "leave out"
    shares = (one.known, one.variance, one.moves, one.information)
    told = ("" if value is None else f"{value:.0%}" for value in shares)
    without = "" if one.without is None else f"{one.without:.2f}"
    return one.feature, place if one.is_used else "not used", *told, without, one.same_as
