"""How the demo speaks with whoever plays: a process that is told a line and answers with one.

The first line says what to play and where. Each further one asks for a step; at the end comes one
that says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Actor(Protocol):
    """Whoever plays.

    Attributes
    ----------
    steps
        How many there are.
    about
        What there is to say beforehand.
    """

    steps: int
    about: dict[str, Any]

    def step(self, number: int) -> dict[str, Any]:
        """Play a step, from 0 on; its ``end`` (business time) and what was ``sent`` so far."""

    def close(self) -> None:
        """Write down everything."""


def serve(actor_of: Callable[[dict[str, Any]], Actor]) -> None:
    """Be the process that plays what standard input asks for."""
    lines: Iterator[str] = iter(sys.stdin.readline, "")
    actor = actor_of(json.loads(next(lines)))
    _say({"steps": actor.steps, **actor.about})
    for number in range(actor.steps):
        if not next(lines, ""):
            return
        _say(actor.step(number))
    actor.close()
    _say({"done": True})


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
