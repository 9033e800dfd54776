"""`make test-stores`: real stores, installed once into a cache folder; `make test` has none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".stores"


@pytest.fixture(scope="session")
def vendure() -> Path:
    """Where Vendure's packages are."""
    installed = CACHE / "vendure"
    if not (installed / "node").is_file():
        pytest.fail("Vendure is not installed here: run `make test-stores`")
    return installed


@pytest.fixture(scope="module")
def folder(vendure: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder below the packages; left where it is when something fails."""
    made = vendure / "runs" / request.module.__name__.rpartition(".")[2]
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    failed = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed:
        shutil.rmtree(made)
