"""What `shoal store add` is told: pairs on the command line, and answers on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from worker.cli.output import say

if TYPE_CHECKING:  # a command imports what it needs
    from connectors.needs import Need
    from worker.store_needs import Ask


def asker() -> Ask | None:
    """Asks for a need on the terminal, secrets unseen; None where nobody sits at one."""
    return _answer if sys.stdin.isatty() else None


def anew() -> Ask | None:
    """Asks for another value of a need; an empty answer keeps the one that is there."""
    return _other_answer if sys.stdin.isatty() else None


def _answer(need: Need) -> str:
    _introduce(need)
    told: str = typer.prompt(f"  {need.name}", hide_input=need.kind == "secret")
    return told.strip()


def _other_answer(need: Need) -> str:
    _introduce(need)
    words = f"  {need.name} (empty: as it is)"
    told: str = typer.prompt(
        words, default="", show_default=False, hide_input=need.kind == "secret"
    )
    return told.strip()


def _introduce(need: Need) -> None:
    say(f"{need.name}: {need.what}")
    if need.where:
        say(f"  found: {need.where}")


def secrets_of(texts: list[str]) -> dict[str, str]:
    """Secrets as NAME=VALUE; a NAME alone is asked for, so that no shell's history keeps it."""
    return pairs([text if "=" in text else f"{text}={_unseen(text)}" for text in texts], "--secret")


def _unseen(name: str) -> str:
    if not sys.stdin.isatty():
        problem = f"--secret {name}: nobody can be asked without a terminal: --secret {name}=VALUE"
        raise typer.BadParameter(problem)
    told: str = typer.prompt(name, hide_input=True)
    return told


def pairs(texts: list[str], name: str) -> dict[str, str]:
    """NAME=VALUE of an option that may be given several times."""
    found = [text.partition("=") for text in texts]
    for text, (key, sign, _) in zip(texts, found, strict=True):
        if not key or not sign:
            shown = text if name != "--secret" else "…"
            problem = f"{name} {shown!r}: expected NAME=VALUE"
            raise typer.BadParameter(problem)
    return {key: value for key, _, value in found}
