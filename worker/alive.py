"""Signs of life: a file that a process touches while it gets on, for containers' health checks.

``python -m worker.alive NAME`` ends with 0 while the process of that name is well. The files lie
under ``SHOAL_HOME/alive``.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from worker.errors import ShoalError
from worker.settings import Settings, settings_from

EVERY: Final = 5.0  # seconds
PATIENCE: Final = 60.0  # seconds: a drain of a second, a slow sweep and a short break do not count


def show(settings: Settings, name: str) -> None:
    """Say that the process of this name gets on. A full disk is no reason to stop it."""
    path = _file(settings, name)
    with suppress(OSError):
        _make(path.parent)
        path.touch()


@lru_cache
def _make(folder: Path) -> None:
    """Once, and nothing around the home: a folder that was removed must not be brought back."""
    folder.parent.mkdir(exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


def silence(settings: Settings, name: str) -> float:
    """Seconds since a process got on; infinite if it never did."""
    try:
        return max(time.time() - _file(settings, name).stat().st_mtime, 0.0)
    except FileNotFoundError:
        return float("inf")


def _file(settings: Settings, name: str) -> Path:
    return settings.home / "alive" / name


def main() -> int:
    """Ask for the process that the argument names."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program's name and the argument
        sys.stderr.write("say which process: python -m worker.alive drain|deliver|beat\n")
        return 2
    name = sys.argv[1]
    try:
        quiet = silence(settings_from(os.environ), name)
    except ShoalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if quiet <= PATIENCE:
        return 0
    seen = "was never seen" if quiet == float("inf") else f"was last seen {quiet:.0f} s ago"
    sys.stderr.write(f"{name} {seen}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
