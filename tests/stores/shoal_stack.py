"""`shoal up` and the other commands, each a process in a home of their own; and a look inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx
from sqlalchemy import select

from worker.database import reading
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings, environment_of, settings_from
from worker.web.listeners import read_listening

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from worker.cli import main; main()")
PATIENCE = 180.0  # seconds


def eventually(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What a look shows as soon as it shows anything."""
    end = monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert monotonic() < end, f"not within {patience:g} s: {what}"
        sleep(0.25)


@dataclass
class Shoal:
    """A running installation."""

    settings: Settings
    kit: Kit
    door: str

    def run(self, *words: str) -> Any:
        """A command, which must succeed; its JSON."""
        environment = {"PATH": os.environ["PATH"], **environment_of(self.settings)}
        done = subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, *words, "--json"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def rows(self, table: Any, *names: str, **wanted: object) -> list[Any]:
        query = select(*(table.c[name] for name in names)).filter_by(**wanted)
        with reading(self.kit.engine) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def browsed(self, key: str, *messages: dict[str, Any]) -> None:
        """What the storefront's page would say."""
        answer = httpx.post(f"{self.door}/v1/batch", json={"batch": messages}, auth=(key, ""))
        assert answer.is_success, answer.text


@contextmanager
def shoal_up(home: Path) -> Iterator[Shoal]:
    """`shoal up` in a new home."""
    home.mkdir()
    settings = settings_from(
        {
            "SHOAL_HOME": str(home),
            "SHOAL_SECRET_KEY": "of this test only",
            "SHOAL_PRIVATE_HOSTS": "127.0.0.1",
            "SHOAL_TICK_EVERY": "5s",  # so that what is bought together is learned at once
        }
    )
    said = home / "said"
    environment = {"PATH": os.environ["PATH"], **environment_of(settings)}
    with said.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, "up"], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    kit = open_kit(settings)
    try:

        def listening() -> Any:
            assert process.poll() is None, said.read_text()
            return read_listening(settings)

        door = eventually(listening, "the door is open")
        yield Shoal(settings, kit, f"http://{door.host}:{door.port}")
        process.terminate()
        assert process.wait(PATIENCE) == 0, said.read_text()
    finally:
        process.kill()
        process.wait()
        close_kit(kit)
