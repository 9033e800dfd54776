"""What Shopify would ask for a document, by a fit on recorded requests: exact for nine of ten.

Shopify does not document it; a client must obey what a reply says. Mutation 10; object 1; scalars,
money, addresses and errors 0; a list 2 + f(first) * (1 + what stands in one node).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    parse,
)

PAGE = {1: 1, 2: 2, 3: 2, 5: 3, 10: 4, 20: 5, 25: 6, 50: 7, 100: 9, 250: 11}
FREE = {"MoneyBag", "MoneyV2", "MailingAddress", "LocationAddress", "PageInfo"}


def page_factor(first: int) -> int:
    """How much a page of so many nodes weighs."""
    first = max(1, min(first, 250))
    if first in PAGE:
        return PAGE[first]
    low, high = max(n for n in PAGE if n < first), min(n for n in PAGE if n > first)
    share = math.log(first / low) / math.log(high / low)
    return round(PAGE[low] + (PAGE[high] - PAGE[low]) * share)


def query_cost(schema: GraphQLSchema, text: str, variables: Mapping[str, Any]) -> int:
    """Points for the only operation of a document."""
    document = _parsed(text)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    fragments: dict[str, Any] = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    return _Counter(schema, fragments, variables).operation(operations[0])


@cache
def _parsed(text: str) -> DocumentNode:
    return parse(text)


class _Counter:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> None:
        self.schema, self.fragments, self.variables = schema, fragments, variables

    def operation(self, operation: OperationDefinitionNode) -> int:
        if operation.operation.value == "query":
            return self.inside(self.schema.query_type, operation.selection_set)
        return sum(
            self.mutation(kind, node)
            for kind, node in self.flat(self.schema.mutation_type, operation.selection_set)
        )

    def mutation(self, kind: Any, node: Any) -> int:
        payload = get_named_type(kind.fields[node.name.value].type)
        total = 10
        for inner, part in self.flat(payload, node.selection_set):
            named = get_named_type(inner.fields[part.name.value].type)
            cost = self.field(inner, part)
            is_returned = not named.name.endswith(("Connection", "UserError"))
            total += cost - (1 if cost and is_returned and named.name not in FREE else 0)
        return total

    def flat(self, kind: Any, selections: Any) -> Iterator[tuple[Any, Any]]:
        """(type, field) pairs of a selection set, fragments opened."""
        for node in selections.selections:
            if node.kind == "field":
                yield kind, node
                continue
            inner = node if node.kind == "inline_fragment" else self.fragments[node.name.value]
            on = inner.type_condition
            narrowed = self.schema.type_map[on.name.value] if on else kind
            yield from self.flat(narrowed, inner.selection_set)

    def inside(self, kind: Any, selections: Any) -> int:
        own, other = 0, dict[str, int]()
        for narrowed, node in self.flat(kind, selections):
            cost = self.field(narrowed, node)
            if narrowed is kind or not is_abstract_type(kind):
                own += cost
            else:
                other[narrowed.name] = other.get(narrowed.name, 0) + cost
        return own + max(other.values(), default=0)

    def field(self, kind: Any, node: Any) -> int:
        if node.name.value.startswith("__"):
            return 0
        named = get_named_type(kind.fields[node.name.value].type)
        if is_leaf_type(named):
            return 0
        if named.name.endswith("Connection"):
            return self.connection(named, node)
        if named.name == "Count":
            return 10 if kind is self.schema.query_type else 1
        cost = self.inside(named, node.selection_set)
        is_free = named.name in FREE or named.name.endswith("UserError")
        return cost if is_free else 1 + cost

    def connection(self, named: Any, node: Any) -> int:
        one = 0
        for kind, part in self.flat(named, node.selection_set):
            if part.name.value == "nodes":
                inner = get_named_type(kind.fields["nodes"].type)
                one = max(one, 1 + self.inside(inner, part.selection_set))
        sizes = [self.value(each.value) for each in node.arguments if each.name.value == "first"]
        return 2 + page_factor(int(sizes[0] if sizes else 1)) * one

    def value(self, node: Any) -> Any:
        if node.kind == "variable":
            return self.variables.get(node.name.value, 1)
        return getattr(node, "value", 1)
