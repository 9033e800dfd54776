"""Where Vendure's packages are, and the Node that runs them; installed from npm where they lack."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.errors import ShoalError
from worker.supervisor import Say

HERE: Final = Path(__file__).parent
LOCK: Final = HERE / "package-lock.json"
IN_A_CLONE: Final = HERE.parents[2] / ".stores" / "vendure"
_OLDEST: Final = 20  # Node's major version that Vendure 3.7 runs on
_NPM: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class NodeMissing(ShoalError):
    """There is no Node to run a real store with, or npm did not bring the store."""


@dataclass(frozen=True)
class Packages:
    """A folder with ``node_modules``, and the program ``node``."""

    folder: Path
    node: str


def installed_packages(say: Say) -> Packages:
    """Vendure's packages: of `make demo-vendure` in a clone, else of a cache, made if need be.

    Raises
    ------
    NodeMissing
        Saying what is missing and what to run.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shoal" / "vendure"
    for folder in (IN_A_CLONE, cache):
        found = packages_in(folder)
        if found is not None:
            return found
    return _installed(cache, say)


def packages_in(folder: Path) -> Packages | None:
    """What was installed into a folder, if it was to its end and by the lock of this version."""
    try:
        node = (folder / "node").read_text().strip()
        is_ours = (folder / LOCK.name).read_bytes() == LOCK.read_bytes()
    except OSError:
        return None
    return Packages(folder, node) if is_ours and os.access(node, os.X_OK) else None


def _installed(folder: Path, say: Say) -> Packages:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or node_version(node) < _OLDEST:
        message = (
            f"--store vendure: Vendure needs Node {_OLDEST} or newer with npm, and there is none "
            "on PATH; install it (https://nodejs.org), or in a clone of Shoal run "
            "`make demo-vendure`, which brings one along"
        )
        raise NodeMissing(message)
    say(f"Installing Vendure from npm into {folder} (170 MB, once) …")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", LOCK.name):
        shutil.copyfile(HERE / name, folder / name)
    done = subprocess.run(  # noqa: S603 - npm, by the lock
        [npm, *_NPM], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["without a word"])[0]
        message = f"npm ci did not bring Vendure into {folder}: {said}"
        raise NodeMissing(message)
    (folder / "node").write_text(f"{node}\n")  # written last: all of it is there
    return Packages(folder, node)


def node_version(node: str) -> int:
    """The major version of a Node; 0 if it does not start."""
    told = subprocess.run(  # noqa: S603 - asked for its version
        [node, "-p", "process.versions.node"], capture_output=True, text=True, check=False
    )
    major = told.stdout.partition(".")[0]
    return int(major) if major.isdecimal() else 0
