"""How somebody asks a demo that is still there: its settings as a file for a shell."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

from worker.settings import PREFIX, Settings, environment_of

FILE: Final = "environment"
_NEEDED: Final = tuple(f"{PREFIX}{name}" for name in ("HOME", "REDIS_URL", "DATABASE_URL"))
_KEY: Final = f"{PREFIX}SECRET_KEY"


def write_environment(folder: Path, settings: Settings) -> None:
    """Write what a shell has to know so that `shoal` there speaks of this demo."""
    ours = environment_of(settings)
    lines = [f"export {name}={shlex.quote(ours[name])}" for name in _NEEDED if name in ours]
    if not settings.is_embedded_database and _KEY in ours:
        lines.append(f"export {_KEY}={shlex.quote(ours[_KEY])}")
    lines.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")


def how_to_ask(folder: Path) -> str:
    """The line to type in another terminal before `shoal …`."""
    return f". {shlex.quote(str(folder / FILE))}"
