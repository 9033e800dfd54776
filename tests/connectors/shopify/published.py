"""What Shopify publishes: its schema, who may read what, its sample payloads."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_client_schema

FIXTURES = Path(__file__).parents[2] / "fixtures" / "shopify"


@cache
def _introspected() -> dict[str, Any]:
    with gzip.open(FIXTURES / "admin_2026-10.json.gz") as file:
        found: dict[str, Any] = json.load(file)
    return found


@cache
def schema() -> GraphQLSchema:
    """The whole Admin schema. Shopify deprecates a few fields that their interfaces keep."""
    return build_client_schema(_introspected()["data"], assume_valid=True)


@cache
def scopes() -> dict[tuple[str, str], frozenset[str]]:
    """(type, field) -> scopes, any of which opens it; a type's own stand below the field ``""``."""
    return {
        (each["typeName"], each.get("fieldName", "")): frozenset(each["offlineScopes"])
        for each in _introspected()["offline_scopes"]["items"]
        if each["offlineScopes"]
    }


def topics() -> list[str]:
    """Every topic we have a sample of."""
    folder = FIXTURES / "webhooks"
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.json"))


def sample(topic: str) -> dict[str, Any]:
    """Shopify's own sample payload of a topic."""
    said = json.loads((FIXTURES / "webhooks" / f"{topic}.json").read_text())
    response: dict[str, Any] = said["response"]
    return response


def payload_schema(topic: str) -> dict[str, Any]:
    """The JSON Schema of a topic's payloads."""
    found: dict[str, Any] = json.loads((FIXTURES / "webhook_schemas" / f"{topic}.json").read_text())
    return found
