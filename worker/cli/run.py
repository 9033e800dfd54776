"""Commands that run something: up, demo, replay, doctor, db upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, print_json, print_table, say

_LOG = (
    "CSV, Parquet or JSON lines, a row an order line; times without an offset are in the "
    "store's time zone."
)
_database = typer.Typer(help="The database.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the console script."""
    app.command()(up)
    app.command()(demo)
    app.command()(replay)
    app.command()(doctor)
    _database.callback()(_only)
    _database.command()(upgrade)
    app.add_typer(_database, name="db")


def _only() -> None:
    """Keep `upgrade` a command of its own."""


def up() -> None:
    """Start everything and keep it running until Ctrl-C."""
    import os

    from worker.settings import settings_from
    from worker.up import up as run

    run(settings_from(os.environ))


def demo(
    events: Annotated[
        int | None,
        typer.Option(
            help="About so many events; 0 is the whole log. Else 20000, 900 with Vendure.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws what is made up around the purchases.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Leave everything in this folder.", show_default=False)
    ] = None,
    sabotage: Annotated[
        str, typer.Option(help="drop, double or skew: break one thing, to see it noticed.")
    ] = "",
    picture: Annotated[
        Path | None,
        typer.Option(help="Save the screen in the midst of it as SVG.", show_default=False),
    ] = None,
    store: Annotated[
        str,
        typer.Option(
            help="`vendure`: the last 30 days of it, against a real Vendure (needs Node)."
        ),
    ] = "sandbox",
    *,
    stay: Annotated[bool, typer.Option("--stay", help="Keep running until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Play two years of a real shop's purchases through the front door, with a proof."""
    from worker.demo.command import Asked, wanted_from
    from worker.demo.command import demo as run

    wanted = wanted_from(Asked(store, events, seed, keep, sabotage, picture))
    told, is_proven = run(wanted, quiet=json, stay=stay)
    if json:
        print_json(told)
    if not is_proven:
        raise typer.Exit(1)


def upgrade(
    backup: Annotated[
        Path | None, typer.Option(help="Back up into this file before.", show_default=False)
    ] = None,
    *,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Change an SQLite file without a backup.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the database's tables up to date."""
    import os

    from worker.backup import back_up
    from worker.database import database_url, open_engine
    from worker.settings import make_home, settings_from
    from worker.upgrading import bring_up_to_date

    settings = settings_from(os.environ)
    make_home(settings)
    engine = open_engine(database_url(settings))
    try:
        if backup is not None:
            back_up(settings, backup)
        changed = bring_up_to_date(engine, is_meant=no_backup or backup is not None)
    finally:
        engine.dispose()
    if json:
        print_json({"changed": changed})
        return
    say("The tables are up to date." if not changed else "The tables were brought up to date.")


def doctor(*, json: Json = False) -> None:
    """Look whether everything is as it should be, and say what to do where it is not."""
    import os

    from worker.checkup import examine
    from worker.settings import settings_from

    findings = examine(settings_from(os.environ))
    if json:
        told = [{"check": one.check, "ok": one.is_ok, "said": one.said} for one in findings]
        print_json({"ok": all(one.is_ok for one in findings), "findings": told})
    else:
        rows = [("ok" if one.is_ok else "NO", one.check, one.said) for one in findings]
        print_table("Doctor", ("", "check", "what"), rows)
    code = max((one.exit_code for one in findings), default=0)
    if code:
        raise typer.Exit(code)


def replay(
    file: Annotated[Path, typer.Argument(help=_LOG)],
    store: Annotated[str, typer.Option(help="The store's id; its clock must be `log`.")],
    map_: Annotated[str, typer.Option("--map", help="OURS=THEIRS, separated by commas.")] = "",
    *,
    json: Json = False,
) -> None:
    """Play a purchase log into a store, in the log's own time; goes on where it was cut off."""
    from worker.cli.context import opened, with_redis
    from worker.playing import replay_file

    with opened() as kit, with_redis(kit.settings):
        told = replay_file(kit, file, store, map_, quiet=json)
    if json:
        print_json(told)
    else:
        events = counted(told["events"], "event", "events")
        customers = counted(told["customers"], "customer", "customers")
        say(f"Played into {store}: {events} of {customers}")
        if told["skipped"]:
            say(f"{told['skipped']} of them had been played before")
        for missing in told["missing"]:
            say(f"The file has no column for {missing}")
        if told["rejected"]:
            lacking = "order, customer, time, quantity or price"
            rows = counted(told["rejected"], "row", "rows")
            say(f"Left out: {rows} without {lacking}")
    if told["rejected"]:
        raise typer.Exit(3)
