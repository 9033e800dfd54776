"""The house stands as it was drawn: its places, imports, sizes and names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("worker", "campaigns", "segmentation", "connectors")
TOP_LEVEL: Final = frozenset(
    {
        *PACKAGES,
        *("pyproject.toml", "tests", "docker-compose.yml"),
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
        *("Makefile", "Dockerfile", ".ci", "docs", "benchmarks", "examples"),
        *("requirements.lock", ".env.example", ".dockerignore", ".gitignore"),
    }
)
NO_PLACES: Final = frozenset(
    {"common", "core", "helper", "helpers", "lib", "misc", "util", "utils"}
)
# Processes that must stay small: web, drain, deliver, beat and the one that starts them.
LIGHT: Final = (
    *("worker.web", "worker.web.__main__", "worker.web.door", "worker.up", "worker.beat"),
    *("worker.celery", "worker.tasks", "worker.pipeline", "worker.delivery"),
)
# Of these numpy would be a quarter.
LIGHTEST: Final = ("worker.web.__main__", "worker.web.door", "worker.up", "worker.beat")
IMPORT_ALL: Final = """
import importlib, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
    heavy = set(sys.argv[1].split()) & sys.modules.keys()
    if heavy:
        sys.exit(f"{name} imports {', '.join(sorted(heavy))}")
"""
LINT_IMPORTS: Final = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True))
"""
LONGEST_MODULE: Final = 300
LONGEST_FUNCTION: Final = 45
MOST_PARAMETERS: Final = 5
# Lines of code of the module or function at a share of all of them, from the smallest on. What
# explains (docstrings, comments) or only parts (blank lines) is no reason to cut anything.
MODULE_SIZES: Final = {0.5: 90, 0.9: 200}
FUNCTION_SIZES: Final = {0.9: 18, 0.99: 35}
NO_CLASS: Final = re.compile(r"^_?(Base|Abstract)|(Base|Manager|Service|Helper)$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def place(path: Path, node: ast.AST | None = None) -> str:
    line = "" if node is None else f":{getattr(node, 'lineno', 0)}"
    return f"{path.relative_to(ROOT)}{line}"


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


def functions() -> Iterator[tuple[Path, Function]]:
    for path, node in nodes():
        if isinstance(node, Function):
            yield path, node


def exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_the_top_level_holds_only_what_the_design_lists() -> None:
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
    strangers = [
        path.name
        for path in ROOT.iterdir()
        if path.name not in {*TOP_LEVEL, ".git"}
        and not any(fnmatch(path.name, pattern) for pattern in ignored)
    ]
    assert not strangers
    assert all((ROOT / name).is_dir() for name in PACKAGES)


def test_no_place_is_named_after_nothing() -> None:
    parts = {(part, place(path)) for path in modules() for part in path.relative_to(ROOT).parts}
    assert not [where for part, where in parts if part.removesuffix(".py") in NO_PLACES]


def test_imports_point_where_the_contracts_say() -> None:
    # In a process of its own, because it sets up logging for all.
    done = run_python(LINT_IMPORTS)
    assert done.returncode == 0, done.stdout


def run_python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("names", "heavy"),
    [
        (LIGHT, "pandas sklearn scipy pyarrow plotly"),
        (LIGHTEST, "numpy pandas sklearn scipy pyarrow plotly"),
    ],
)
def test_small_processes_import_nothing_heavy(names: tuple[str, ...], heavy: str) -> None:
    assert all(map(exists, names))
    done = run_python(IMPORT_ALL, heavy, *names)
    assert done.returncode == 0, done.stderr


def test_nothing_imports_the_sandbox_store() -> None:
    inside = ROOT / "connectors" / "sandbox" / "server"
    importers = [
        place(path, node)
        for path, node in nodes()
        if not path.is_relative_to(inside)
        and isinstance(node, ast.Import | ast.ImportFrom)
        and any(name.startswith("connectors.sandbox.server") for name in imported(node))
    ]
    assert not importers


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def test_modules_are_short() -> None:
    lengths = {place(path): len(path.read_text().splitlines()) for path in modules()}
    assert not {where: lines for where, lines in lengths.items() if lines > LONGEST_MODULE}


def test_functions_are_short() -> None:
    lengths = {
        f"{place(path, node)} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in functions()
    }
    assert not {where: lines for where, lines in lengths.items() if lines > LONGEST_FUNCTION}


def test_most_modules_are_much_shorter() -> None:
    sizes = sorted(code_lines(path, ast.parse(path.read_text())) for path in modules())
    assert not too_large(sizes, MODULE_SIZES)


def test_most_functions_are_much_shorter() -> None:
    sizes = sorted(code_lines(path, node) for path, node in functions())
    assert not too_large(sizes, FUNCTION_SIZES)


def too_large(sizes: list[int], wanted: dict[float, int]) -> dict[float, int]:
    found = {share: sizes[int(share * (len(sizes) - 1))] for share in wanted}
    return {share: lines for share, lines in found.items() if lines > wanted[share]}


def code_lines(path: Path, node: ast.Module | Function) -> int:
    """Lines of a module or function that are neither blank, comment nor docstring."""
    lines = path.read_text().splitlines()
    first, last = (1, len(lines))
    if not isinstance(node, ast.Module):
        first, last = node.lineno, node.end_lineno or node.lineno
    told: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Module | ast.ClassDef | Function) and ast.get_docstring(inner):
            told |= set(range(inner.body[0].lineno, (inner.body[0].end_lineno or 0) + 1))
    kept = (lines[number - 1].strip() for number in range(first, last + 1) if number not in told)
    return sum(1 for line in kept if line and not line.startswith("#"))


def test_functions_take_few_parameters() -> None:
    offenders = [
        f"{place(path, node)} {node.name}"
        for path, node in functions()
        if len(parameters(node)) > MOST_PARAMETERS and not is_excused(path, node)
    ]
    assert not offenders


def parameters(node: Function) -> list[str]:
    taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument.arg for argument in taken if argument.arg not in {"self", "cls"}]


def is_excused(path: Path, node: Function) -> bool:
    """Whether it is a command, whose options are parameters, or says in words why it differs."""
    if path.is_relative_to(ROOT / "worker" / "cli"):
        return True
    line = path.read_text().splitlines()[node.lineno - 1]
    return re.search(r"# noqa: [A-Z0-9, ]*PLR0913\b.* - \w", line) is not None


def test_names_say_what_things_are() -> None:
    offenders = [
        f"{place(path, node)} {name}"
        for path, node in nodes()
        for name in names_bound(node)
        if name.lstrip("_").startswith("get_")
        or (isinstance(node, ast.ClassDef) and NO_CLASS.search(name))
    ]
    assert not offenders


def names_bound(node: ast.AST) -> list[str]:
    if isinstance(node, Function):
        return [node.name, *parameters(node)]
    if isinstance(node, ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    return []
