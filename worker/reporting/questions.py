"""The tree as questions, without those whose answers lead to the same group. Values in and out."""

from __future__ import annotations

import msgspec

from segmentation.surrogate import Node, Surrogate


class Answer(msgspec.Struct, frozen=True):
    """A group, and how many of the customers who came here belong to it."""

    group: str
    members: int
    customers: int


class Question(msgspec.Struct, frozen=True):
    """Whether a feature is at most ``bound``; ``takes_unknown`` says where the unknown go.

    None: there was nobody without a value.
    """

    feature: str
    bound: float
    yes: Question | Answer
    no: Question | Answer
    takes_unknown: bool | None


def asked(surrogate: Surrogate, at: int = 0) -> Question | Answer:
    """The tree from a node on."""
    node = surrogate.nodes[at]
    if not node.feature:
        return _answer(surrogate, node)
    yes, no = asked(surrogate, node.low), asked(surrogate, node.high)
    if isinstance(yes, Answer) and isinstance(no, Answer) and yes.group == no.group:
        return Answer(yes.group, yes.members + no.members, yes.customers + no.customers)
    takes = surrogate.unknown[node.feature] <= node.bound
    is_lacking = node.feature in surrogate.lacking
    return Question(node.feature, node.bound, yes, no, takes if is_lacking else None)


def _answer(surrogate: Surrogate, node: Node) -> Answer:
    most = max(range(len(node.counts)), key=lambda at: node.counts[at])
    return Answer(surrogate.groups[most], node.counts[most], sum(node.counts))
