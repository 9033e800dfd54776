"""``shoal dead-letters``: list and replay."""

from __future__ import annotations

from typing import Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, StoreOption, print_json, print_table, say

app = typer.Typer(
    help="What could not be applied: kept, listed, played again.", no_args_is_help=True
)


@app.command(name="list")
def list_(
    store: StoreOption = "",
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    *,
    json: Json = False,
) -> None:
    """List the newest open dead letters with their reasons."""
    from worker.cli.context import opened
    from worker.database import reading
    from worker.dead_letters import list_letters
    from worker.stores import load_store

    with opened() as kit, reading(kit.engine) as connection:
        if store:
            load_store(connection, store)
        found = list_letters(connection, store, limit=limit)
    if json:
        told = [
            {
                "id": one.id,
                "store": one.store,
                "kind": one.kind,
                "at": one.at.isoformat(),
                "reason": one.reason,
            }
            for one in found
        ]
        print_json({"dead_letters": told})
        return
    rows = [(one.id, one.store, one.kind, one.at.isoformat(), one.reason) for one in found]
    print_table("Dead letters", ("id", "store", "kind", "at", "reason"), rows)


@app.command()
def replay(
    letters: Annotated[list[str] | None, typer.Argument(help="Ids; all when left out.")] = None,
    store: StoreOption = "",
    *,
    json: Json = False,
) -> None:
    """Play dead letters again; what is known already stops at the event log."""
    from worker.cli.context import chosen_store, opened, with_redis
    from worker.database import reading
    from worker.letter_replay import replay as play_again

    with opened() as kit, with_redis(kit.settings):
        with reading(kit.engine) as connection:
            name = chosen_store(connection, store)
        done = play_again(kit, name, letters or [])
    if json:
        told = [{"id": one, "problem": why} for one, why in done.problems]
        print_json(
            {
                "store": name,
                "replayed": done.replayed,
                "failed": done.failed,
                "problems": told,
            }
        )
    else:
        for one, why in done.problems:
            say(f"{one}: {why}")
        played = counted(done.replayed, "dead letter", "dead letters")
        say(f"Played again: {played} of {name}; {done.failed} could not be")
    if done.failed:
        raise typer.Exit(3)
