"""One `shoal up` a home: a lock that the kernel gives back however its holder ends."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from worker import process_clock
from worker.errors import HomeHeld, SecretKeyMissing
from worker.sealing import key_ids
from worker.secret_key import secret_keys
from worker.settings import Settings, make_home

FILE: Final = "up.lock"


@dataclass(frozen=True)
class Holder:
    """Who works in a home.

    Attributes
    ----------
    since
        ISO 8601, UTC.
    seals
        The id of the key that its processes seal with; empty where it is not known.
    """

    pid: int
    since: str
    port: int
    status_port: int
    seals: str = ""


@contextmanager
def holding(settings: Settings) -> Iterator[None]:
    """Hold the home for the length of the block.

    Raises
    ------
    HomeHeld
        Naming who does.
    """
    make_home(settings)
    descriptor = os.open(settings.home / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(settings.home / FILE)
            who = f"process {other.pid}, since {other.since}" if other else "another process"
            msg = f"{settings.home} is held by {who}: stop it, or set SHOAL_HOME to another folder"
            raise HomeHeld(msg) from None
        write_holder(settings)
        yield
        (settings.home / FILE).write_text("")
    finally:
        os.close(descriptor)


def write_holder(settings: Settings) -> None:
    """Say in the lock file who holds it, at which ports it listens and what it seals with."""
    since = process_clock.now().isoformat(timespec="seconds")
    holder = Holder(os.getpid(), since, settings.port, settings.status_port, _seals(settings))
    (settings.home / FILE).write_text(json.dumps(asdict(holder)) + "\n")


def holder_of(settings: Settings) -> Holder | None:
    """Who works in a home now; None when nobody does."""
    try:
        descriptor = os.open(settings.home / FILE, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(settings.home / FILE)
    finally:
        os.close(descriptor)
    return None


def _seals(settings: Settings) -> str:
    with suppress(SecretKeyMissing):
        return key_ids(secret_keys(settings))[0]
    return ""


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None
