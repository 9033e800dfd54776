"""Declared attributes are kept, all else is dropped."""

from __future__ import annotations

import pytest

from connectors.attributes import declared_attributes, sorted_attributes


def test_kinds_decide_what_is_kept() -> None:
    declared = declared_attributes({"attributes": "a:text, b:number, c:flag, d:personal"})
    given = {"a": "x", "b": 2, "c": True, "d": "y", "e": "z", "age_band": "30-39", "gender": ""}
    kept, personal = sorted_attributes(given, declared)
    assert kept == {"a": "x", "b": 2.0, "c": True, "age_band": "30-39"}
    assert personal == {"d": "y"}
    assert sorted_attributes({"a": 1, "b": True, "c": "yes"}, declared) == ({}, {})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("size:txet", "'size' is of kind 'txet', expected one of text.*did you mean 'text'"),
        ("size", "'size' is of kind ''"),
        (":text", "has no name"),
        (",".join(f"a{number}:text" for number in range(17)), "at most 16, got 17"),
    ],
)
def test_a_wrong_declaration_names_itself(option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declared_attributes({"attributes": option})
