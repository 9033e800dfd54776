"""``shoal store secrets``: other credentials for a store that is there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.output import Json, print_json, say

if TYPE_CHECKING:  # a command imports what it needs
    from worker.runtime import Kit
    from worker.store_secrets import Changed


def secrets(
    store: Annotated[str, typer.Argument(help="The store's id.")],
    secret: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, kept sealed; NAME alone is asked for.")
    ] = None,
    forget: Annotated[list[str] | None, typer.Option(help="Keep the secret NAME no more.")] = None,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the store whether it takes them.")
    ] = False,
    json: Json = False,
) -> None:
    """Change a store's secrets: tried on the store first, then taken everywhere within seconds.

    Without --secret and --forget a terminal is asked for each; an empty answer keeps what is.
    """
    from worker.cli.asking import secrets_of
    from worker.cli.context import opened
    from worker.store_secrets import Change, change_secrets

    given, forgets = secrets_of(secret or []), frozenset(forget or [])
    with opened() as kit:
        if not given and not forgets:
            given = _asked(kit, store)
        changed = change_secrets(kit, store, Change(given, forgets, offline))
    if json:
        told = {name: value for name, value in asdict(changed).items() if name != "facts"}
        print_json({"store": store, "is_asked": changed.facts is not None, **told})
    else:
        _tell(store, changed)


def _asked(kit: Kit, store: str) -> dict[str, str]:
    from worker.cli.asking import anew
    from worker.store_secrets import questions

    needs = questions(kit, store)
    ask = anew()
    if ask is None:
        names = " ".join(f"--secret {need.name}=VALUE" for need in needs)
        problem = f"nobody can be asked without a terminal: expected some of {names}"
        raise typer.BadParameter(problem)
    told = {need.name: ask(need) for need in needs}
    return {name: value for name, value in told.items() if value}


def _tell(store: str, changed: Changed) -> None:
    if changed.facts is not None:
        facts = changed.facts
        say(f"{store} takes them: {facts.name}, {facts.currency}, {facts.time_zone}")
        for name, what in sorted(facts.missing.items()):
            say(f"Not granted: {name} ({what})")
    if not changed.changed and not changed.forgotten:
        say("Nothing was changed.")
    for words, names in (("Changed", changed.changed), ("Forgotten", changed.forgotten)):
        if names:
            say(f"{words}: {', '.join(names)}. Running processes take it within 5 seconds.")
    for name in changed.former:
        say(f"What was signed with {name} is taken, too, until nothing is any more; then:")
        say(f"  shoal store secrets {store} --forget {name}")
    if changed.went_on:
        say(f"Its pushes go on; they were stopped: {changed.went_on}")
