"""Conditions as they stand in a campaign file: ``recency_days: {at_least: 60}``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from campaigns.conditions import (
    LONGEST_HISTORY,
    Did,
    Every,
    Not,
    Some,
    Test,
)
from campaigns.errors import Problem
from campaigns.facts import (
    ATTRIBUTE,
    FACTS,
    GROUP,
    MOMENTS,
    OWN,
    STAGES,
    Fact,
    fact_named,
)
from campaigns.forms import Field, Form, inside
from campaigns.kinds import INVALID, Choice, Kind, Number, Span, YesNo, refuse, unknown_name
from campaigns.operators import OPERATORS
from connectors.events import DERIVED_TYPES, EVENT_TYPES
from segmentation.segment import PREDICTED, RULE

# What the shop's own machinery says is nothing that a customer does.
_MACHINERY: Final = frozenset(
    {
        "customer_erased",
        "look_up_due",
        "data_requested",
        "store_disconnected",
        "clock_ticked",
        "model_published",
        "product_updated",
        "customers_merged",
    }
)
CUSTOMER_EVENTS: Final = tuple(
    name for name in (*EVENT_TYPES, *DERIVED_TYPES) if name not in _MACHINERY
)
# The log keeps no row of these, so that nobody could count them.
_UNCOUNTED: Final = ("order_cancelled", "coupon_redeemed", "custom")
_COUNTED: Final = tuple(name for name in CUSTOMER_EVENTS if name not in _UNCOUNTED)
# What can be counted after a decision, and what cannot.
GOALS: Final = (*_COUNTED, "coupon_redeemed")
NO_GOALS: Final = ("order_cancelled", "custom")
_GROUPS: Final = ("all", "any", "not", "did", "did_not")
_TEXT_OPERATORS: Final = ("equals", "not_equals", "in", "not_in", "is_known")


def _did(event: str, within: timedelta, at_least: int) -> Did:
    return Did(event, within.days, at_least)


_DID: Final = Form(
    _did,
    {
        "event": Field(Choice(_COUNTED, _UNCOUNTED), "What was done."),
        "within": Field(
            Span(timedelta(days=1), timedelta(days=LONGEST_HISTORY), whole_days=True),
            "How far back to look, whole days.",
        ),
        "at_least": Field(Number(1, 1_000_000, whole=True), "How many times.", 1),
    },
)


def unbuilt(node: str, place: str, problems: list[Problem]) -> Any:
    """Note that a segment by prediction is planned; ``INVALID``."""
    return unknown_name(node, place, problems, choices=(), later=(node,))


class SegmentName:
    """A stage, a learned group like ``at_risk.gift_buyers``, or a rule's like ``rule.vip``."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The id as a str."""
        if isinstance(node, str) and (node in STAGES or GROUP.fullmatch(node)):
            return node
        if isinstance(node, str) and RULE.fullmatch(node):
            return node
        if isinstance(node, str) and PREDICTED.fullmatch(node):
            return unbuilt(node, place, problems)
        return unknown_name(node, place, problems, choices=STAGES)

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """A stage, or the pattern of a group or of a rule's segment."""
        patterns = ({"type": "string", "pattern": f"^{one.pattern}$"} for one in (GROUP, RULE))
        return {"anyOf": [{"enum": list(STAGES)}, *patterns]}


class Scalar:
    """A value of the right type for a fact."""

    def __init__(self, fact: Fact) -> None:
        self.fact = fact

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A float, str or bool."""
        if self.fact.name == "segment":
            return SegmentName().read(node, place, problems)
        if self.fact.kind == "yes_no":
            return YesNo().read(node, place, problems)
        if self.fact.kind == "number":
            return Number(-1e15, 1e15).read(node, place, problems)
        if isinstance(node, bool | str):
            return node
        if isinstance(node, int | float):
            return Number(-1e15, 1e15).read(node, place, problems)
        return refuse("a number, a text, true or false", node, place, problems)


class ConditionKind:
    """A condition tree. Several keys in one mapping mean all of them."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A :data:`Condition`."""
        if not isinstance(node, dict) or not node:
            return refuse("a mapping like `orders: {at_least: 3}`", node, place, problems)
        parts = [
            _part(name, item, inside(place, str(name)), problems) for name, item in node.items()
        ]
        if any(part is INVALID for part in parts):
            return INVALID
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def write(self, value: Any) -> Any:
        """A mapping of one key."""
        match value:
            case Every(parts):
                return {"all": [self.write(part) for part in parts]}
            case Some(parts):
                return {"any": [self.write(part) for part in parts]}
            case Not(Did() as done):
                return {"did_not": _written_did(done)}
            case Not(part):
                return {"not": self.write(part)}
            case Did():
                return {"did": _written_did(value)}
            case Test(fact, operator, wanted):
                plain = list(wanted) if isinstance(wanted, tuple) else wanted
                return {fact: {operator: plain}}
        raise TypeError(value)

    def schema(self) -> dict[str, Any]:
        """A reference into :func:`condition_definitions`."""
        return {"$ref": "#/$defs/condition"}


def _written_did(done: Did) -> dict[str, Any]:
    more = {"at_least": done.times} if done.times != 1 else {}
    return {"event": done.event, "within": f"{done.days}d", **more}


def _part(name: Any, node: Any, place: str, problems: list[Problem]) -> Any:
    if name in {"all", "any"}:
        return _listed(name, node, place, problems)
    if name == "not":
        found = ConditionKind().read(node, place, problems)
        return found if found is INVALID else Not(found)
    if name in {"did", "did_not"}:
        found = _DID.read(node, place, problems)
        return Not(found) if found is not INVALID and name == "did_not" else found
    fact = fact_named(name) if isinstance(name, str) else None
    if name in MOMENTS:
        problems.append(Problem(place, "is a moment; conditions ask for days", MOMENTS[name]))
        return INVALID
    if fact is None:
        return unknown_name(name, place, problems, choices=(*FACTS, *_GROUPS))
    return _tests(fact, node, place, problems)


def _listed(name: str, node: Any, place: str, problems: list[Problem]) -> Any:
    if not isinstance(node, list) or not node:
        return refuse("a list of conditions", node, place, problems)
    parts = [ConditionKind().read(item, f"{place}[{i}]", problems) for i, item in enumerate(node)]
    if any(part is INVALID for part in parts):
        return INVALID
    return Every(tuple(parts)) if name == "all" else Some(tuple(parts))


def _tests(fact: Fact, node: Any, place: str, problems: list[Problem]) -> Any:
    if not isinstance(node, dict):
        node = {"in" if isinstance(node, list) else "equals": node}
        short = True
    else:
        short = False
    if not node:
        return refuse("an operator like `at_least`", None, place, problems)
    tests = [
        _test(fact, (name, item), place if short else inside(place, str(name)), problems)
        for name, item in node.items()
    ]
    if any(test is INVALID for test in tests):
        return INVALID
    return tests[0] if len(tests) == 1 else Every(tuple(tests))


def _test(fact: Fact, pair: tuple[Any, Any], place: str, problems: list[Problem]) -> Any:
    name, node = pair
    if name not in _allowed(fact):
        return unknown_name(name, place, problems, choices=_allowed(fact))
    value = _value(fact, OPERATORS[name].value, (node, place), problems)
    return INVALID if value is INVALID else Test(fact.name, name, value)


def _value(fact: Fact, what: str, found: tuple[Any, str], problems: list[Problem]) -> Any:
    node, place = found
    number: Kind = Number(-1e15, 1e15)
    if what in {"list", "pair"}:
        return _values(number if what == "pair" else Scalar(fact), what, found, problems)
    single: dict[str, Kind | Scalar] = {"flag": YesNo(), "number": number, "scalar": Scalar(fact)}
    return single[what].read(node, place, problems)


def _values(
    reader: Kind | Scalar, what: str, found: tuple[Any, str], problems: list[Problem]
) -> Any:
    node, place = found
    if not isinstance(node, list) or not node:
        return refuse("a list of values", node, place, problems)
    values = [reader.read(item, f"{place}[{i}]", problems) for i, item in enumerate(node)]
    if any(value is INVALID for value in values):
        return INVALID
    if what == "pair" and (len(values) != 2 or values[0] > values[1]):  # noqa: PLR2004 -- a pair has two
        return refuse("two numbers, the smaller first", node, place, problems)
    return tuple(values)


def condition_definitions() -> dict[str, Any]:
    """The JSON Schema definitions that :class:`ConditionKind` refers to."""
    tests = {
        name: {"$ref": f"#/$defs/{_shape(fact)}", "description": fact.meaning}
        for name, fact in FACTS.items()
    }
    here = {"$ref": "#/$defs/condition"}
    several = {"type": "array", "minItems": 1, "items": here}
    groups = {"all": several, "any": several, "not": here}
    history = {"did": _DID.schema(), "did_not": _DID.schema()}
    anything = Fact("attribute", "any", "", "")
    shapes = {_shape(fact): _fact_schema(fact) for fact in (*FACTS.values(), anything)}
    return {
        "condition": {
            "type": "object",
            "minProperties": 1,
            "properties": {**groups, **history, **tests},
            "patternProperties": {
                f"^{ATTRIBUTE.pattern}$": {"$ref": "#/$defs/any_fact"},
                f"^{OWN.pattern}$": {"$ref": "#/$defs/number_fact"},
            },
            "additionalProperties": False,
        },
        **shapes,
    }


def _shape(fact: Fact) -> str:
    return "segment_fact" if fact.name == "segment" else f"{fact.kind}_fact"


def _fact_schema(fact: Fact) -> dict[str, Any]:
    kinds = {"number": ["number"], "yes_no": ["boolean"], "text": ["string"]}
    scalar: dict[str, Any] = {"type": kinds.get(fact.kind, ["number", "string", "boolean"])}
    if fact.name == "segment":
        scalar = SegmentName().schema()
    many = {"type": "array", "minItems": 1, "items": scalar}
    pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
    by_value = {
        "flag": {"type": "boolean"},
        "number": {"type": "number"},
        "scalar": scalar,
        "list": many,
        "pair": pair,
    }
    whole = {
        "type": "object",
        "minProperties": 1,
        "properties": {name: by_value[OPERATORS[name].value] for name in _allowed(fact)},
        "additionalProperties": False,
    }
    return {"anyOf": [scalar, many, whole]}


def _allowed(fact: Fact) -> tuple[str, ...]:
    return tuple(OPERATORS) if fact.kind in {"number", "any"} else _TEXT_OPERATORS
