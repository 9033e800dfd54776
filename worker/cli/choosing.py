"""``shoal segments compare`` and ``promote``: which way of finding groups suits the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, tell

if TYPE_CHECKING:  # a command imports what it needs
    from collections.abc import Callable

    from segmentation.choosing.candidates import Comparison
    from segmentation.wording import Words
    from worker.known_fields import KnownField

_REDUCTIONS: Final = ("none", "pca", "factors")
_SHOWN: Final = 20


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal segments``."""
    app.command()(compare)
    app.command()(promote)


def compare(
    store: StoreOption = "",
    k: Annotated[str, typer.Option("--k", help="Numbers of groups: 2..12, or 4,6,8.")] = "2..12",
    methods: Annotated[str, typer.Option(help="Some of the six, separated by commas.")] = "",
    reduce: Annotated[
        str, typer.Option(help="In front: none, pca, factors, separated by commas.")
    ] = ",".join(_REDUCTIONS),
    sample: Annotated[int, typer.Option(help="Customers read, by lot.", min=100)] = 50_000,
    out: Annotated[Path | None, typer.Option(help="Plots: an .html file to write.")] = None,
    language: LanguageOption = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Show every candidate.")] = False,
    json: Json = False,
) -> None:
    """Compare six ways of finding groups on the store's customers, and say which to take."""
    from connectors.events import microseconds
    from worker.cli.context import chosen_shop, opened
    from worker.comparing import compared, snapshot
    from worker.comparing_kept import keep
    from worker.comparing_plan import plan_of
    from worker.comparing_plots import write_plots
    from worker.database import reading, transaction
    from worker.known_fields import known_fields, used_fields
    from worker.own_features import declared_features
    from worker.plotting import require_plotly
    from worker.wording import words_here

    if out is not None:
        require_plotly()
    with opened() as kit:
        with _progress() as step, reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            words = words_here(kit, connection, shop, language)
            plan = plan_of(shop, k, methods, reduce, declared_features(connection, shop.number))
            fields = used_fields(plan.features, plan.constructed)
            known = known_fields(connection, shop, fields)
            seen = snapshot(connection, shop, plan, sample, lambda what: step(what, 0, 0))
        with _progress() as step:
            found = compared(seen, plan, step)
        with transaction(kit.engine) as connection:
            keep(connection, shop, found, microseconds(kit.clock()))
    if out is not None:
        write_plots(found, out)
    _show(words, found, known, every=every, json=json)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error where somebody sits at a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield step


def _show(
    words: Words, found: Comparison, known: Sequence[KnownField], *, every: bool, json: bool
) -> None:
    from segmentation.wording import number
    from worker import comparing_report as report
    from worker.known_fields import sentence

    if json:
        print_json(report.as_json(found) | {"known": known})
        return
    order = report.ordered(found)
    shown = order if every else order[:_SHOWN]
    headings = [
        [words.say(one) for one in its] for its in (report.SHAPE_COLUMNS, report.WORTH_COLUMNS)
    ]
    how_many = number(len(order))
    shape = words.count("{number} candidate: shape", "{number} candidates: shape", how_many)
    worth = words.count("{number} candidate: worth", "{number} candidates: worth", how_many)
    _wide_table(shape, headings[0], report.shape_rows(shown))
    tell("")
    _wide_table(worth, headings[1], report.worth_rows(shown, words))
    if len(shown) < len(order):
        tell(words.say("{number} more with --all", number=len(order) - len(shown)))
    if tried := report.tried_rows(found):
        columns = [words.say(one) for one in report.TRIED_COLUMNS]
        print_table(words.say("Classifiers (cross-validated; * carries)"), columns, tried)
    for told in (*(sentence(words, one) for one in known), *report.sentences(found, words)):
        tell(told)
    if found.recommended:
        command = f"shoal segments promote {found.recommended}"
        tell(words.say("To publish it: {command}", command=command))


def _wide_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Nine columns go on a usual terminal without frames only."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for at, column in enumerate(columns):
        table.add_column(column, no_wrap=at == 0, justify="left" if at == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def promote(
    candidate: Annotated[str, typer.Argument(help="Its id in the last comparison.")],
    store: StoreOption = "",
    language: LanguageOption = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    json: Json = False,
) -> None:
    """Publish a candidate as the next version, after showing who moves and what that touches."""
    from worker.cli.context import chosen_shop, opened
    from worker.cli.segment_versions import publication
    from worker.comparing_kept import kept, publishable
    from worker.database import reading
    from worker.promoting import promotion, publish
    from worker.wording import words_here

    if json and not yes:
        problem = "--json asks nothing: add --yes to publish"
        raise typer.BadParameter(problem)
    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            words = words_here(kit, connection, shop, language)
            chosen = promotion(connection, shop, publishable(kept(connection, shop), candidate))
        if not json:
            _show_migration(words, chosen)
        if not yes:
            question = words.say(
                "Publish {candidate} as version {version} of {store}?",
                candidate=candidate,
                version=chosen.model.version,
                store=shop.id,
            )
            typer.confirm(question, abort=True)
        is_told = publish(kit, shop, chosen)
    if json:
        print_json(_promoted(words, candidate, chosen, is_told=is_told))
        return
    tell(publication(words, chosen.model.version, is_told=is_told))


def _show_migration(words: Words, chosen: Any) -> None:
    from segmentation.wording import number
    from segmentation.wording_groups import segment_words
    from worker.promoting import sentences

    groups = [
        (
            group.id,
            segment_words(words, group.id),
            chosen.sizes[group.id],
            ", ".join(group.formerly),
        )
        for group in chosen.model.groups
    ]
    headings = (
        *(words.say("id"), words.say("name"), words.say("customers"), words.say("formerly")),
    )
    print_table(words.say("Groups after it"), headings, groups)
    moves = [
        (one.before or words.say("none"), one.after, one.customers)
        for one in chosen.migration.moves
    ]
    columns = (words.say("from"), words.say("to"), words.say("customers"))
    print_table(words.say("Who moves"), columns, moves[:_SHOWN], words.say("none"))
    if len(moves) > _SHOWN:
        more = number(len(moves) - _SHOWN)
        tell(words.count("and {number} smaller move", "and {number} smaller moves", more))
    for sentence in sentences(chosen, words):
        tell(sentence)


def _promoted(words: Words, candidate: str, chosen: Any, *, is_told: bool) -> dict[str, Any]:
    from worker.promoting import sentences

    return {
        "candidate": candidate,
        "version": chosen.model.version,
        "groups": [
            {
                "id": group.id,
                "name": group.name,
                "formerly": group.formerly,
                "customers": chosen.sizes[group.id],
            }
            for group in chosen.model.groups
        ],
        "moves": chosen.migration.moves,
        "touched": chosen.touched,
        "sentences": sentences(chosen, words),
        "is_told": is_told,
    }
