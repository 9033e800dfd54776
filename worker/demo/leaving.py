"""However the demo ends, it leaves nothing: what signals do, and what killed demos left."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Final

from worker.embedded import socket_path
from worker.guardian import GRACE
from worker.settings import PREFIX as SETTING
from worker.settings import settings_from

PREFIX: Final = "shoal-demo-"
OWNED: Final = "demo.lock"
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ENDING_TAKES: Final = GRACE + 4  # seconds
_PAUSE: Final = 0.2
_BY_SIGNAL: Final = 128  # what a shell adds to a signal's number


class Leaving:
    """Whether somebody asked the demo to end. While it starts or tidies up, that waits."""

    def __init__(self) -> None:
        self._asked = 0
        self._may_leave = False

    def ask(self, number: int, _: FrameType | None = None) -> None:
        """Note a signal, and leave where that is allowed."""
        self._asked = number
        self._leave()

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a signal end the block.

        Raises
        ------
        SystemExit
            As the status, 128 and the signal's number. It comes once: a second signal does not
            disturb the tidying up.
        """
        try:
            self._may_leave = True
            self._leave()
            yield
        finally:
            self._may_leave = False

    def insist(self) -> None:
        """Leave now if somebody asked: what a signal raises is lost in a finalizer."""
        if self._asked:
            self._may_leave = False
            raise SystemExit(_BY_SIGNAL + self._asked)

    def _leave(self) -> None:
        if self._may_leave:
            self.insist()


@contextmanager
def leaving() -> Iterator[Leaving]:
    """Mind Ctrl-C, SIGTERM and the terminal's end for the length of the block."""
    found = Leaving()
    # Under nohup the terminal's end is ignored, and stays so.
    minded = [kind for kind in _ENDING if signal.getsignal(kind) is not signal.SIG_IGN]
    before = {kind: signal.signal(kind, found.ask) for kind in minded}
    try:
        yield found
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def own_folder(folder: Path, *, keep: bool) -> Iterator[list[Path]]:
    """Make the demo's folder; remove it afterwards, unless it is to be kept.

    Yields the folders of killed demos that were found and removed. A lock that the kernel gives
    back tells them from those of demos that are still playing.
    """
    if keep:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield remove_leftovers()
        finally:
            _remove_socket(folder)
        return
    folder.mkdir(mode=0o700)
    try:
        descriptor = _own(folder)
        try:
            yield remove_leftovers(folder.parent)
        finally:
            os.close(descriptor)
    finally:
        _remove(folder)


def home_of(folder: Path) -> Path:
    """The ``SHOAL_HOME`` of a demo."""
    return folder / "shoal"


def remove_leftovers(parent: Path | None = None) -> list[Path]:
    """Remove what demos left that were killed; which folders."""
    found = []
    for path in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{OWNED}"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if os.fstat(descriptor).st_uid == os.getuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(path.parent)
                    found.append(path.parent)
            finally:
                os.close(descriptor)
    return found


def _remove(folder: Path) -> None:
    """Remove a folder; of a stack that was killed some still write until its guardian ends them."""
    _remove_socket(folder)
    end = monotonic() + _ENDING_TAKES
    shutil.rmtree(folder, ignore_errors=True)
    while folder.exists() and monotonic() < end:
        sleep(_PAUSE)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_socket(folder: Path) -> None:
    """Where the folder's path is too long for a socket, that lies elsewhere."""
    place = socket_path(settings_from({f"{SETTING}HOME": str(home_of(folder))})).parent
    if not place.is_relative_to(folder):
        shutil.rmtree(place, ignore_errors=True)


def _own(folder: Path) -> int:
    """Lock a file and only then give it its name: nobody sees it unlocked before our end."""
    draft = folder / f"{OWNED}.new"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    draft.rename(folder / OWNED)
    return descriptor
