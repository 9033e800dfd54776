"""Loaded into a Celery worker (``-I``): each of its processes says when it can work.

A file under ``SHOAL_HOME/ready`` for the parent once it consumes, and one for every child.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from celery.signals import worker_process_init, worker_ready

FOLDER: Final = "ready"


@worker_ready.connect
@worker_process_init.connect
def _say_so(**_told: Any) -> None:
    folder = Path(os.environ["SHOAL_HOME"]) / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()


def ready_pids(home: Path) -> set[int]:
    """Processes that said so."""
    folder = home / FOLDER
    return {int(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
