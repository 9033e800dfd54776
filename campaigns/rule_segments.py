"""Segments by an owner's own rule: a name and a condition in a file, ``rules/vip.yaml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from campaigns.condition_file import ConditionKind, unbuilt
from campaigns.conditions import Condition, comparisons
from campaigns.documents import canonical, identity
from campaigns.errors import Problem
from campaigns.facts import FACTS
from campaigns.forms import Field, Form, read_document
from campaigns.kinds import Words, refuse
from segmentation.segment import RULE, Segment, kind_of


@dataclass(frozen=True, slots=True)
class Names:
    """What people call a segment in English and, where it is said, in Chinese."""

    en: str
    zh: str = ""


@dataclass(frozen=True, slots=True)
class RuleSegment:
    """One rule: whoever meets its condition is in, at every moment.

    Attributes
    ----------
    id
        ``rule.`` and a name, so that it never is a stage's or a group's.
    names, description
        For people.
    condition
        As in campaigns; it names no other rule's segment and nothing that only an event knows.
    """

    id: str
    names: Names
    condition: Condition
    description: str = ""

    def segment(self, version: int) -> Segment:
        """The rule as a segment like any other."""
        chinese = (("zh", self.names.zh),) if self.names.zh else ()
        return Segment(self.id, "rule", (("en", self.names.en), *chinese), version=version)


class _RuleId:
    """``rule.`` and a name; what is planned is refused as such."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The id as a str."""
        if isinstance(node, str) and RULE.fullmatch(node):
            return node
        if isinstance(node, str) and kind_of(node) == "predicted":
            return unbuilt(node, place, problems)
        found = refuse("an id like `rule.vip` (a-z, 0-9 and _)", node, place, problems)
        near = _nearest_id(node)
        if near:
            problems[-1] = Problem(place, problems[-1].expected, near)
        return found

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """A text with its pattern."""
        return {"type": "string", "pattern": f"^({RULE.pattern})$"}


def _nearest_id(node: Any) -> str:
    """The id that somebody meant who wrote ``Rule.VIP`` or ``vip``."""
    if not isinstance(node, str):
        return ""
    name = node.lower().removeprefix("rule.").replace("-", "_").replace(" ", "_")
    return f"rule.{name}" if RULE.fullmatch(f"rule.{name}") else ""


_NAME: Final = Words(r"\S(.{0,58}\S)?", "a text of 1 to 60 characters")
_NAMES: Final = Form(
    Names,
    {
        "en": Field(_NAME, "In English."),
        "zh": Field(_NAME, "In Chinese.", ""),
    },
    short="en",
)


def _answerable(found: RuleSegment) -> Iterable[tuple[str, str]]:
    for test in comparisons(found.condition):
        if test.fact in FACTS and FACTS[test.fact].is_of_event:
            yield f"if.{test.fact}", "is known only to the event that says it, and a rule has none"
        if test.fact == "segment":
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            for name in values:
                if kind_of(str(name)) != "learned":
                    text = f"names the segment of a rule, {name!r}: repeat its conditions instead"
                    yield "if.segment", text


RULE_SEGMENT: Final = Form(
    RuleSegment,
    {
        "segment": Field(_RuleId(), "Lasting id of the segment, like `rule.vip`.", attribute="id"),
        "name": Field(_NAMES, "What people call it.", attribute="names"),
        "if": Field(ConditionKind(), "Who is in it.", attribute="condition"),
        "description": Field(Words(r"[\s\S]{1,2000}", "a text"), "For people.", ""),
    },
    rule=_answerable,
)


def load_rule(text: str, path: str) -> RuleSegment:
    """The rule in a YAML or JSON text.

    Raises
    ------
    InvalidCampaign
        With every problem found; ``path`` names the file in it.
    """
    return read_document(RULE_SEGMENT, RuleSegment, text, path)


def rule_text(rule: RuleSegment) -> str:
    """The canonical JSON of a rule; :func:`load_rule` reads it back to an equal value."""
    return canonical(RULE_SEGMENT.write(rule))


def rule_identity(rule: RuleSegment) -> str:
    """Sixteen hex digits that change whenever the rule does, and not with its layout."""
    return identity(rule_text(rule))
