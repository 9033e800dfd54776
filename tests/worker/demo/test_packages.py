"""Where Vendure's packages are looked for, and what is said where there is no Node."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.demo.vendure import packages
from worker.demo.vendure.packages import LOCK, NodeMissing, installed_packages, packages_in


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without Node, packages or a clone; its PATH is one empty folder."""
    monkeypatch.setattr(packages, "IN_A_CLONE", tmp_path / "clone")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_without_node_it_says_what_is_missing_and_what_to_run(machine: Path) -> None:
    with pytest.raises(NodeMissing) as told:
        installed_packages(print)
    for words in ("Node 20 or newer", "https://nodejs.org", "`make demo-vendure`"):
        assert words in str(told.value)
    program(machine / "bin" / "node", "echo 18.20.4")
    program(machine / "bin" / "npm", "exit 0")
    with pytest.raises(NodeMissing, match="20 or newer"):
        installed_packages(print)


def test_npm_brings_them_once(machine: Path) -> None:
    node = program(machine / "bin" / "node", "echo 22.1.0")
    program(machine / "bin" / "npm", 'echo "$@" >> asked')
    said: list[str] = []
    found = installed_packages(said.append)
    assert found == installed_packages(said.append)
    assert (found.folder, found.node) == (machine / "cache" / "shoal" / "vendure", str(node))
    assert (found.folder / "asked").read_text().startswith("ci --ignore-scripts")
    assert len(said) == 1
    assert (found.folder / LOCK.name).read_bytes() == LOCK.read_bytes()


def test_what_npm_says_is_passed_on_and_tried_again(machine: Path) -> None:
    program(machine / "bin" / "node", "echo 22.1.0")
    program(machine / "bin" / "npm", "echo no network >&2; exit 1")
    for _ in range(2):
        with pytest.raises(NodeMissing, match="no network"):
            installed_packages(lambda _: None)


def test_packages_of_another_version_are_none(machine: Path) -> None:
    clone = machine / "clone"
    node = program(machine / "elsewhere" / "node", "echo 20.0.0")
    clone.mkdir()
    (clone / "node").write_text(f"{node}\n")
    (clone / LOCK.name).write_bytes(LOCK.read_bytes())
    assert installed_packages(print).node == str(node)
    (clone / LOCK.name).write_bytes(b"{}")
    assert packages_in(clone) is None
