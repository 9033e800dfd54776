"""Commands of the second day: backup, restore, resume, install-service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, print_json, say

_NEW = Annotated[Path, typer.Argument(help="The file to write; there must be none yet.")]
_MADE = Annotated[Path, typer.Argument(help="A file that `shoal backup` made.")]
_STORE = Annotated[str, typer.Argument(help="The store's id.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the console script."""
    app.command()(backup)
    app.command()(restore)
    app.command()(resume)
    app.command()(install_service)


def backup(file: _NEW, *, json: Json = False) -> None:
    """Write everything of the database into one file, while everything runs."""
    import os

    from connectors.events import moment
    from worker.backup import back_up
    from worker.settings import settings_from

    made = back_up(settings_from(os.environ), file)
    keys = sorted({*made.keys.sealed, made.keys.finds})
    rows = sum(table.rows for table in made.tables.values())
    at = moment(made.made_at).isoformat(timespec="seconds")
    if json:
        told = {"file": str(file), "bytes": file.stat().st_size, "rows": rows, "at": at}
        print_json({**told, "revision": made.revision, "keys": keys})
        return
    kept = counted(rows, "row as of {at} is", "rows as of {at} are").format(at=at)
    say(f"{kept} in {file} ({file.stat().st_size:,} bytes)")
    say(f"To restore it takes the secret keys {', '.join(keys)}: keep them elsewhere")


def restore(file: _MADE, *, json: Json = False) -> None:
    """Put a backup into an empty home or database; the stores are then read again."""
    import os

    from connectors.events import moment
    from worker.restoring import restore as put_back
    from worker.settings import settings_from

    made = put_back(settings_from(os.environ), file)
    at = moment(made.made_at).isoformat(timespec="seconds")
    if json:
        print_json({"file": str(file), "at": at, "stores": made.stores})
        return
    say(f"Everything is as it was at {at}: {', '.join(made.stores) or 'no store yet'}")
    say("Start `shoal up`: each store is read again from before then, and pushes wait for it")


def resume(store: _STORE, *, json: Json = False) -> None:
    """Let a store push again, whatever stopped its pushes."""
    from worker import restored
    from worker.cli.context import opened
    from worker.database import transaction
    from worker.stores import load_store, pause_store

    with opened() as kit, transaction(kit.engine) as connection:
        found = load_store(connection, store)
        mark = restored.marks(connection).get(found.number)
        if mark is not None:
            restored.resume(connection, found.number, mark)
        pause_store(connection, found.number, "")
    if json:
        print_json({"store": found.id, "was_paused": found.paused})
        return
    say(f"{found.id} pushes again" if found.paused else f"{found.id} was not stopped")


def install_service(
    *,
    print_: Annotated[bool, typer.Option("--print", help="Only show the unit.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the unit away again.")] = False,
) -> None:
    """Write a systemd user unit that keeps `shoal up` running."""
    import os
    import shlex

    from worker import service_unit
    from worker.settings import settings_from

    settings = settings_from(os.environ)
    if print_:
        say(service_unit.unit_text(settings).rstrip())
        return
    if remove:
        is_gone = service_unit.remove(settings)
        say(f"{service_unit.unit_path()} {'is gone' if is_gone else 'was not there'}")
        if is_gone:
            say(f"systemctl --user stop {service_unit.NAME} && systemctl --user daemon-reload")
        return
    path = service_unit.install(settings)
    say(f"{path} runs `shoal up` in {settings.home}, with the SHOAL_* settings of now")
    say(f"systemctl --user daemon-reload && systemctl --user enable --now {service_unit.NAME}")
    say(f"loginctl enable-linger {shlex.quote(service_unit.user())}  # after logout")
