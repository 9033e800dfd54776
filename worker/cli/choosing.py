"""``shoal segments compare`` and ``promote``: which way of finding groups suits the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.output import Json, StoreOption, print_json, print_table, tell

if TYPE_CHECKING:  # a command imports what it needs
    from collections.abc import Callable

    from segmentation.choosing.candidates import Comparison
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

    if out is not None:
        require_plotly()
    with opened() as kit:
        with _progress() as step, reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
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
    _show(found, known, every=every, json=json)


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


def _show(found: Comparison, known: Sequence[KnownField], *, every: bool, json: bool) -> None:
    from segmentation.wording import Words
    from worker import comparing_report as report
    from worker.known_fields import sentence

    if json:
        print_json(report.as_json(found) | {"known": known})
        return
    order = report.ordered(found)
    shown = order if every else order[:_SHOWN]
    title = f"{len(order)} candidates"
    _wide_table(f"{title}: shape", report.SHAPE_COLUMNS, report.shape_rows(shown))
    tell("")
    _wide_table(f"{title}: worth", report.WORTH_COLUMNS, report.worth_rows(shown))
    if len(shown) < len(order):
        tell(f"{len(order) - len(shown)} more with --all")
    if tried := report.tried_rows(found):
        print_table("Classifiers (cross-validated; * carries)", report.TRIED_COLUMNS, tried)
    for told in (*(sentence(Words(), one) for one in known), *report.sentences(found)):
        tell(told)
    if found.recommended:
        tell(f"To publish it: shoal segments promote {found.recommended}")


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
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    json: Json = False,
) -> None:
    """Publish a candidate as the next version, after showing who moves and what that touches."""
    from worker.cli.context import chosen_shop, opened
    from worker.comparing_kept import kept, publishable
    from worker.database import reading
    from worker.promoting import promotion, publish

    if json and not yes:
        problem = "--json asks nothing: add --yes to publish"
        raise typer.BadParameter(problem)
    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            chosen = promotion(connection, shop, publishable(kept(connection, shop), candidate))
        if not json:
            _show_migration(chosen)
        if not yes:
            question = f"Publish {candidate} as version {chosen.model.version} of {shop.id}?"
            typer.confirm(question, abort=True)
        is_told = publish(kit, shop, chosen)
    if json:
        print_json(_promoted(candidate, chosen, is_told=is_told))
        return
    when = "now" if is_told else "when `shoal up` runs"
    tell(f"Version {chosen.model.version} is published; customers move {when}, no campaign wakes.")


def _show_migration(chosen: Any) -> None:
    from worker.promoting import sentences

    groups = [
        (group.id, group.name, chosen.sizes[group.id], ", ".join(group.formerly))
        for group in chosen.model.groups
    ]
    print_table("Groups after it", ("id", "name", "customers", "formerly"), groups)
    moves = [(one.before or "none", one.after, one.customers) for one in chosen.migration.moves]
    print_table("Who moves", ("from", "to", "customers"), moves[:_SHOWN])
    if len(moves) > _SHOWN:
        tell(f"and {len(moves) - _SHOWN} smaller moves")
    for sentence in sentences(chosen):
        tell(sentence)


def _promoted(candidate: str, chosen: Any, *, is_told: bool) -> dict[str, Any]:
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
        "sentences": sentences(chosen),
        "is_told": is_told,
    }
