"""Options that are a length of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:  # a command imports what it needs
    from datetime import timedelta


def span_of(option: str, text: str, *, none: bool = False) -> timedelta:
    """What an option's text says: ``14d``, ``2w``; where ``none`` may be, 0 is none.

    Raises
    ------
    typer.BadParameter
        Naming the option, and the units.
    """
    from datetime import timedelta

    from campaigns.durations import EXPECTED, span

    found = timedelta() if none and text == "0" else span(text)
    if found is None or not (found or none):
        problem = f"{option} {text!r}: expected {EXPECTED}{'; 0 is none' if none else ''}"
        raise typer.BadParameter(problem)
    return found
