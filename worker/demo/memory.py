"""How much memory a tree of processes takes together: the sum of its proportional shares (PSS)."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

EVERY: Final = 0.5  # seconds
_KB_PER_MB: Final = 1_000_000 / 1_024


class Watch:
    """Looks at a process and its descendants until stopped; remembers the peak."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.peak_mb = 0.0
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name="memory", daemon=True)

    def start(self) -> None:
        """Begin to look, twice a second."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(EVERY):
            self.peak_mb = max(self.peak_mb, tree_mb(self._root))


def tree_mb(root: int) -> float:
    """Megabytes of a process and its descendants."""
    parents = _parents()
    chosen: set[int] = set()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        chosen.add(pid)
        waiting += [child for child, parent in parents.items() if parent == pid]
    return sum(map(_kilobytes, chosen)) / _KB_PER_MB


def _parents() -> dict[int, int]:
    if not Path("/proc/self/stat").exists():
        told = _ps("-axo", "pid=,ppid=")
        return {int(pid): int(parent) for pid, parent in map(str.split, told.splitlines())}
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found


def _kilobytes(pid: int) -> int:
    if not Path("/proc/self/stat").exists():
        # macOS tells no proportional numbers: what processes share counts several times there.
        return int(_ps("-o", "rss=", "-p", str(pid)).strip() or 0)
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _ps(*options: str) -> str:
    told = subprocess.run(["/bin/ps", *options], capture_output=True, text=True, check=False)  # noqa: S603 - the system's own
    return told.stdout
