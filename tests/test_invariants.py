"""Each invariant has tests that carry its name, and was seen to fail without what it rests on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
INVARIANTS: Final = tuple(f"I{number}" for number in range(1, 12))
SEEN: Final = ROOT / "docs" / "decisions" / "0009-invariants-seen-to-fail.md"
CLOCKS: Final = frozenset({"now", "utcnow", "today", "time", "time_ns"})
# Where the wall is read: once for all of worker, for the age of a file, and where a connector
# stamps what it has just read from another machine.
MAY_READ_THE_WALL: Final = re.compile(
    r"worker/(process_clock|alive)\.py|connectors/\w+/(api|reading|walks)\.py"
    r"|connectors/sandbox/server/.*"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def marked() -> dict[str, frozenset[str]]:
    """The names of the tests of each invariant."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                for name in _marks(node):
                    found.setdefault(name, set()).add(node.name)
    return {name: frozenset(tests) for name, tests in found.items()}


def _marks(test: Function) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.invariant":
            yield from (str(ast.literal_eval(one)) for one in mark.args)


def seen() -> dict[str, list[str]]:
    """Rows of the page that says how each was seen to fail: invariant -> other columns."""
    rows = re.findall(r"^\| (I\d+) \|(.*)\|$", SEEN.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_invariant_has_tests() -> None:
    assert sorted(marked()) == sorted(INVARIANTS)


def test_the_architecture_lists_the_same() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert tuple(re.findall(r"^\| (I\d+) \|", page, re.MULTILINE)) == INVARIANTS


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_was_seen_to_fail(name: str) -> None:
    what_was_broken, what_turned_red = seen()[name]
    named = set(re.findall(r"test_\w+", what_turned_red))
    assert named, "say which tests turned red"
    assert named <= marked()[name]
    places = re.findall(r"`(\w+/[\w/]+\.py)`", what_was_broken)
    assert places
    assert all((ROOT / place).exists() for place in places)


@pytest.mark.invariant("I10")
def test_time_is_passed_in_and_the_wall_read_in_few_places() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for package in ("worker", "campaigns", "segmentation", "connectors")
        for path in (ROOT / package).rglob("*.py")
        if any(_reads_the_wall(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert "worker/process_clock.py" in readers
    assert sorted(one for one in readers if not MAY_READ_THE_WALL.fullmatch(one)) == []


def _reads_the_wall(node: ast.AST) -> bool:
    """A call of ``datetime.now``, ``time.time`` and their like."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = ast.unparse(node.func.value).rpartition(".")[2]
    return owner in {"datetime", "date", "time"} and node.func.attr in CLOCKS
