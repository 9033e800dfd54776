"""Coarse values at the door: of a birthday the year, and nothing that does not fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.demographics import DEMOGRAPHICS, coarse

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"birthday": "1990-05-17"}, {"birth_year": 1990}),
        ({"birthday": "17.5.1990", "age": 12}, {"birth_year": 1990}),
        ({"birthday": "1990-05-17T00:00:00Z"}, {"birth_year": 1990}),
        ({"birthday": "soon", "birth_year": "1985"}, {"birth_year": 1985}),
        ({"age": 40}, {"birth_year": 1986}),
        ({"age": "40.5"}, {"birth_year": 1986}),
        ({"birthday": "2090-01-01"}, {}),
        ({"birthday": "1666-01-01"}, {}),
        ({"age": 121}, {}),
        ({"age": True}, {}),
        ({"gender": " W "}, {"gender": "female"}),
        ({"gender": "unsure"}, {}),
        ({"income_band": "Upper-middle"}, {"income_band": 4}),
        ({"income_band": 6}, {}),
        ({"income_band": 54_000}, {}),
        ({"education": "none"}, {"education": 0}),
        ({"education": 8.0}, {"education": 8}),
        ({"occupation": "Retired"}, {"occupation": "retired"}),
        ({"occupation": "Clerk at Acme, Ulm"}, {}),
        ({"household_size": 0}, {}),
        ({"household_size": "3"}, {"household_size": 3}),
        ({"region": "de-by"}, {"region": "DE-BY"}),
        ({"region": "5 High Street"}, {}),
        ({"region": None, "gender": 3, "education": [], "age": {}}, {}),
        ({"household_size": "nan", "income_band": float("inf")}, {}),
    ],
)
@pytest.mark.invariant("I9")
def test_what_is_kept_is_coarse(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert coarse(given, NOW) == kept


def test_what_was_kept_says_the_same_again() -> None:
    said = {"birthday": "1990-05-17", "gender": "f", "income_band": "low", "education": "master"}
    kept = coarse(said | {"occupation": "craft", "household_size": 2, "region": "CN"}, NOW)
    assert set(kept) == set(DEMOGRAPHICS)
    assert coarse(kept) == kept


def test_an_age_without_its_date_says_nothing() -> None:
    assert coarse({"age": 40}) == {}
