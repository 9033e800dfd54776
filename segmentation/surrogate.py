"""A small tree that stands for a segment model, so that a segment can be spoken as rules.

The tree asks at most four questions in the features' own units. It only describes: nobody is put
into a group by it. How often it says what the model says was counted on customers that it was not
learned from, and is kept with it. It is plain numbers, stored as JSON beside the model's version.
Learning it: `segmentation.surrogate_learning`.

Source: Craven & Shavlik, "Extracting Tree-Structured Representations of Trained Networks", 1996.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel, assign, group_indices
from segmentation.rules import Columns, Floats, Indices

DEPTH = 4
"""Questions at most."""


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, or an answer where ``feature`` is ''.

    Up to ``bound`` (in the feature's own unit) the node ``low`` is next, above it ``high``.
    ``counts`` are the customers learned from who came by here, of each group.
    """

    counts: tuple[int, ...]
    feature: str = ""
    bound: float = 0.0
    low: int = -1
    high: int = -1


class Surrogate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tree of one model version.

    ``groups`` are ids in the model's order, ``nodes[0]`` is the root, ``unknown`` says what an
    unknown value counts as, and ``lacking`` of which features there were any. ``tested`` counts
    customers left out of learning: a row for each group of the model, a column for each that the
    tree says.
    """

    version: int
    groups: tuple[str, ...]
    nodes: tuple[Node, ...]
    unknown: dict[str, float]
    tested: tuple[tuple[int, ...], ...]
    lacking: tuple[str, ...] = ()


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``above`` < feature <= ``up_to``; None where there is no such bound.

    With ``takes_unknown`` also whoever has no such value, where there is anybody.
    """

    feature: str
    above: float | None = None
    up_to: float | None = None
    takes_unknown: bool = False


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds that all hold, in the order asked.

    ``customers`` learned from are within them, ``members`` of these belong to the segment.
    """

    bounds: tuple[Bound, ...]
    customers: int
    members: int


class Fidelity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well tree and model agree on ``customers`` who were left out of learning.

    ``agreement`` is the share on whom both say the same. Of those whom the tree puts into the
    segment ``precision`` belong there; of those who belong there the tree finds ``recall``. NaN
    where there is nobody.
    """

    customers: int
    agreement: float
    precision: float
    recall: float


def answers(surrogate: Surrogate, columns: Columns) -> Indices:
    """The group that the tree says for each customer, as an index into ``groups``."""
    said = np.array([_answer(node) for node in surrogate.nodes])
    return np.asarray(said[leaves(surrogate, columns)], dtype=np.int64)


def leaves(surrogate: Surrogate, columns: Columns) -> Indices:
    """Where in the tree each customer ends, as an index into ``nodes``."""
    rows = len(columns["orders"])
    ends = np.zeros(rows, np.int64)
    waiting: list[tuple[int, Indices]] = [(0, np.arange(rows))]
    while waiting:
        at, here = waiting.pop()
        node = surrogate.nodes[at]
        if not node.feature:
            ends[here] = at
            continue
        values = known(columns[node.feature][here], surrogate.unknown[node.feature])
        is_low = values <= node.bound
        waiting += [(node.low, here[is_low]), (node.high, here[~is_low])]
    return ends


def known(values: Floats, unknown: float) -> Floats:
    """The values with ``unknown`` where there is none."""
    return np.where(np.isnan(values), unknown, values)


def counted(groups: int, model: Indices, tree: Indices) -> tuple[tuple[int, ...], ...]:
    """Customers by what the model (rows) and the tree (columns) say, for ``tested``."""
    table = np.zeros((groups, groups), np.int64)
    np.add.at(table, (model, tree), 1)
    return tuple(map(tuple, table.tolist()))


def fidelity(surrogate: Surrogate, segment: str = "") -> Fidelity:
    """How far the tree is to be believed.

    Parameters
    ----------
    segment
        A group's id or a stage; to tell groups of one stage apart is not asked for a stage.
        '': all groups, without precision and recall.
    """
    table = np.array(surrogate.tested)
    total = int(table.sum())
    is_in = np.array([belongs(group, segment) for group in surrogate.groups])
    labels = _labels(surrogate.groups, is_stage="." not in segment and bool(segment))
    same = table[labels[:, None] == labels].sum()
    hit, said, there = table[is_in][:, is_in].sum(), table[:, is_in].sum(), table[is_in].sum()
    return Fidelity(total, _ratio(same, total), _ratio(hit, said), _ratio(hit, there))


def _labels(groups: Sequence[str], *, is_stage: bool) -> np.ndarray:
    return np.array([group.partition(".")[0] if is_stage else group for group in groups])


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def continued(surrogate: Surrogate, model: SegmentModel) -> Surrogate | None:
    """The tree of an earlier version under the present ids; None if the groups are others now."""
    heirs = group_indices(model, surrogate.groups).tolist()
    if sorted(heirs) != list(range(len(model.groups))):
        return None
    return msgspec.structs.replace(surrogate, groups=tuple(model.groups[at].id for at in heirs))


def agreement(surrogate: Surrogate, model: SegmentModel, columns: Columns) -> float:
    """The share of the customers in ``columns`` with an order on whom model and tree agree.

    The model is asked without anybody's history; ``surrogate`` is one that `continued` gave. NaN
    without customers.
    """
    groups = assign(model, columns)
    said = group_indices(model, surrogate.groups)[answers(surrogate, columns)]
    is_buyer = groups >= 0
    return _ratio(float((groups == said)[is_buyer].sum()), float(is_buyer.sum()))


def belongs(group: str, segment: str) -> bool:
    """Whether a group is the segment or one of its groups, by ids."""
    return segment in {group, group.partition(".")[0]}


def rules(surrogate: Surrogate, segment: str) -> tuple[Rule, ...]:
    """The ways through the tree that end in a segment (a group's id or a stage), widest first.

    Empty where the tree has no answer for it: then its customers are too few or too mixed for so
    few questions.
    """
    is_in = tuple(belongs(group, segment) for group in surrogate.groups)
    found = _rules(surrogate, is_in, 0, ())
    return tuple(sorted(found, key=lambda rule: -rule.customers))


def _rules(
    surrogate: Surrogate, is_in: tuple[bool, ...], at: int, bounds: tuple[Bound, ...]
) -> Iterator[Rule]:
    node = surrogate.nodes[at]
    ends = set(_ends(surrogate, at))
    if all(is_in[end] for end in ends):
        members = sum(count for count, is_ in zip(node.counts, is_in, strict=True) if is_)
        told = tuple(_with_unknown(surrogate, bound) for bound in bounds)
        yield Rule(told, sum(node.counts), members)
    elif node.feature and any(is_in[end] for end in ends):
        low, high = Bound(node.feature, up_to=node.bound), Bound(node.feature, above=node.bound)
        yield from _rules(surrogate, is_in, node.low, _narrowed(bounds, low))
        yield from _rules(surrogate, is_in, node.high, _narrowed(bounds, high))


def _with_unknown(surrogate: Surrogate, bound: Bound) -> Bound:
    stands = surrogate.unknown[bound.feature]
    is_within = (bound.above is None or stands > bound.above) and (
        bound.up_to is None or stands <= bound.up_to
    )
    takes = is_within and bound.feature in surrogate.lacking
    return msgspec.structs.replace(bound, takes_unknown=takes)


def _ends(surrogate: Surrogate, at: int) -> Iterator[int]:
    """The answers below a node."""
    node = surrogate.nodes[at]
    if not node.feature:
        yield _answer(node)
        return
    yield from _ends(surrogate, node.low)
    yield from _ends(surrogate, node.high)


def _answer(node: Node) -> int:
    return int(np.argmax(node.counts))


def _narrowed(bounds: tuple[Bound, ...], new: Bound) -> tuple[Bound, ...]:
    """A later question about the same feature is always the narrower one."""
    old = next((bound for bound in bounds if bound.feature == new.feature), None)
    if old is None:
        return (*bounds, new)
    above = old.above if new.above is None else new.above
    up_to = old.up_to if new.up_to is None else new.up_to
    joined = Bound(new.feature, above, up_to)
    return tuple(joined if bound is old else bound for bound in bounds)


def to_json(surrogate: Surrogate) -> str:
    """The tree as JSON; numbers survive the round trip exactly."""
    return msgspec.json.encode(surrogate).decode()


def from_json(body: str | bytes) -> Surrogate:
    """Read what `to_json` wrote. Raises `IncompatibleModel` for anything else."""
    try:
        found = msgspec.json.decode(body, type=Surrogate)
    except (msgspec.DecodeError, msgspec.ValidationError) as problem:
        message = f"surrogate tree: {problem}; it is learned again with the next model version"
        raise IncompatibleModel(message) from problem
    if not _is_sound(found):
        message = (
            f"surrogate tree of version {found.version}: parts that do not fit together; "
            "it is learned again with the next model version"
        )
        raise IncompatibleModel(message)
    return found


def _is_sound(found: Surrogate) -> bool:
    wide = len(found.groups)
    nodes = list(enumerate(found.nodes))
    return (
        bool(nodes)
        and all(len(node.counts) == wide for _, node in nodes)
        and [len(row) for row in found.tested] == [wide] * wide
        # Children stand after their parents, so that every way ends.
        and all(
            node.feature in found.unknown and at < min(node.low, node.high)
            for at, node in nodes
            if node.feature
        )
        and all(max(node.low, node.high) < len(nodes) for _, node in nodes)
    )
