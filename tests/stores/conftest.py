"""`make test-stores`: real stores, installed once into a cache folder; `make test` has none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.demo.vendure.packages import IN_A_CLONE, Packages, packages_in


@pytest.fixture(scope="session")
def vendure() -> Packages:
    """Vendure's packages and the Node that runs them."""
    found = packages_in(IN_A_CLONE)
    if found is None:
        pytest.fail("Vendure is not installed here: run `make test-stores`")
    return found


@pytest.fixture(scope="module")
def folder(vendure: Packages, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder beside the packages; left where it is when something fails."""
    made = vendure.folder / "runs" / request.module.__name__.rpartition(".")[2]
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    failed = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed:
        shutil.rmtree(made)
