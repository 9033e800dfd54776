"""Every document we send is one that Shopify's published schema has."""

from __future__ import annotations

from types import ModuleType

import pytest
from graphql import NoDeprecatedCustomRule, parse, specified_rules, validate

from connectors.shopify import mutations, queries
from connectors.shopify.queries import PAGE_SIZE, Operation
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.query_cost import query_cost

DEAREST = 1000  # points: Shopify refuses more in one document


def documents(module: ModuleType) -> dict[str, Operation]:
    return {each.name: each for each in vars(module).values() if isinstance(each, Operation)}


ALL = {**documents(queries), **documents(mutations)}


@pytest.mark.parametrize("name", ALL)
def test_a_document_is_valid_and_asks_nothing_deprecated(name: str) -> None:
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(ALL[name].text), rules) == []


@pytest.mark.parametrize("name", ALL)
def test_a_document_costs_what_is_written_beside_it(name: str) -> None:
    assert query_cost(schema(), ALL[name].text, {"first": PAGE_SIZE}) == ALL[name].cost <= DEAREST


@pytest.mark.parametrize("name", ALL)
def test_a_document_is_told_apart_by_its_name(name: str) -> None:
    kind = "mutation" if name in documents(mutations) else "query"
    assert f"{kind} {name}" in ALL[name].text


def test_reading_writes_nothing() -> None:
    assert not [name for name, each in documents(queries).items() if "mutation" in each.text]
    assert len(ALL) == len(documents(queries)) + len(documents(mutations)) > 20
