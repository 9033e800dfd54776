"""A real Vendure 3.7 as a process that tests start, kill and start again."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from worker.demo.vendure.packages import Packages
from worker.demo.vendure.store import READY, SERVER, VendureStore

PATIENCE = 180.0  # seconds for a boot with schema and sample data on a busy machine


@dataclass
class Vendure(VendureStore):
    """One installation: its folder keeps the database through kills."""

    node: str = ""
    keeps: bool = True
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Boot, with sample data the first time; back when both APIs answer."""
        said = self.folder / "server.log"
        database = {"DATABASE": str(self.folder / "shop.sqlite") if self.keeps else ""}
        with said.open("ab") as file:
            begun = file.tell()
            self.process = subprocess.Popen(  # noqa: S603 - the store under test
                [self.node, str(SERVER)],
                cwd=self.folder,
                env=self.environment(database),
                stdout=file,
                stderr=file,
            )
        end = monotonic() + PATIENCE
        while READY.encode() not in said.read_bytes()[begun:]:
            assert self.process.poll() is None, said.read_text()[-4000:]
            assert monotonic() < end, said.read_text()[-4000:]
            sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: nothing is said, nothing is saved."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def real_vendure(
    packages: Packages, folder: Path, webhook_url: str, *, keeps: bool = True
) -> Iterator[Vendure]:
    """A running store of an empty folder in which the plugin was written already."""
    with httpx.Client(timeout=120) as http:
        store = Vendure(packages.folder, folder, webhook_url, http, node=packages.node, keeps=keeps)
        store.start()
        try:
            yield store
        finally:
            store.kill()


def written(path: Path, told: dict[str, Any]) -> None:
    """Leave figures for whoever reads the end of `make test-stores`."""
    path.write_text(json.dumps(told) + "\n")
