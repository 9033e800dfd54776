"""docker-compose.yml without Docker: its services as processes of this machine.

What a container brings is put in its place: host names become ports of 127.0.0.1, the folder of a
container's home a folder of its own, and the images of Valkey and PostgreSQL their wheels.
Commands, variables, health checks and order are the file's.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])((?:[^{}])*))?\}")
_UNITS = {"s": 1.0, "ms": 0.001, "m": 60.0}


class VariableMissing(Exception):
    """As Compose stops: the variable, and what the file says of it."""

    def __init__(self, name: str, word: str) -> None:
        super().__init__(f"{name} {word}")


def compose_file(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file as Compose reads it: YAML with merges, then variables."""
    found: dict[str, Any] = _filled(yaml.safe_load(FILE.read_text()), variables)
    return found


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda found: _variable(found, variables), value)


def _variable(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, word = found.groups()
    told = variables.get(name, "")
    if not told and kind == "?":
        raise VariableMissing(name, word)
    return told or (word if kind == "-" else "")


@dataclass
class Container:
    """A process in the place of a container."""

    service: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    health: dict[str, Any] | None


@dataclass
class Composition:
    """The running services.

    Attributes
    ----------
    places
        What stands in the file → what it is here, for addresses.
    """

    file: dict[str, Any]
    folder: Path
    programs: Path
    places: Mapping[str, str]
    containers: list[Container] = field(default_factory=list)

    def start(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        """Start a service as often as the file says, after what it depends on has come up."""
        service = self.file["services"][name]
        for number in range(service.get("deploy", {}).get("replicas", 1)):
            home = self.folder / f"{name}-{number}"
            home.mkdir()
            environment = {
                "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
                "SHOAL_HOME": str(home),
                **{key: self.here(value) for key, value in service["environment"].items()},
                **(extra or {}),
            }
            with (home / "output.log").open("wb") as log:
                process = subprocess.Popen(  # noqa: S603 - the file's own
                    shlex.split(service["command"]),
                    env=environment,
                    stdout=log,
                    stderr=log,
                    cwd=home,
                )
            health = service.get("healthcheck")
            self.containers.append(Container(name, process, environment, health))

    def await_condition(self, name: str, condition: str, seconds: float = 60) -> None:
        """Wait until a service has come as far as another one that depends on it demands."""
        for one in self.of(name):
            if condition == "service_completed_successfully":
                assert one.process.wait(seconds) == 0, self.log(name)
            else:
                end = time.monotonic() + seconds
                while not self.is_healthy(one):
                    assert one.process.poll() is None, self.log(name)
                    assert time.monotonic() < end, f"{name} is not well: {self.log(name)}"
                    time.sleep(0.2)

    def is_healthy(self, one: Container) -> bool:
        """Run its health check, as the file has it."""
        assert one.health is not None
        kind, *command = [self.here(word) for word in one.health["test"]]
        assert kind == "CMD"
        limit = one.health["timeout"]
        seconds = float(limit.rstrip("ms")) * _UNITS[limit.lstrip("0123456789.")]
        done = subprocess.run(  # noqa: S603 - the file's own
            command, env=one.environment, timeout=seconds, check=False, capture_output=True
        )
        return done.returncode == 0

    def of(self, name: str) -> list[Container]:
        """The containers of a service."""
        return [one for one in self.containers if one.service == name]

    def here(self, text: str) -> str:
        """A text of the file with this machine's addresses."""
        for theirs, ours in self.places.items():
            text = str(text).replace(theirs, ours)
        return text

    def log(self, name: str) -> str:
        """What a service printed."""
        return "".join(path.read_text() for path in self.folder.glob(f"{name}-*/output.log"))


@contextmanager
def composition(
    file: dict[str, Any], folder: Path, programs: Path, places: Mapping[str, str]
) -> Iterator[Composition]:
    """A composition whose processes end with the block."""
    made = Composition(file, folder, programs, places)
    try:
        yield made
    finally:
        for one in reversed(made.containers):
            one.process.terminate()
        for one in reversed(made.containers):
            try:
                one.process.wait(30)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()


def in_order(file: dict[str, Any]) -> list[str]:
    """Services that no profile holds back, each after those it depends on."""
    services = {name: one for name, one in file["services"].items() if "profiles" not in one}
    done: list[str] = []
    while len(done) < len(services):
        ready = [
            name
            for name, one in services.items()
            if name not in done and set(one.get("depends_on", {})) <= set(done)
        ]
        assert ready, "services depend on each other in a circle"
        done += ready
    return done
