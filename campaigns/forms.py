"""Mappings with named fields in a campaign file, read into frozen dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from campaigns.documents import plain_data
from campaigns.errors import InvalidCampaign, Problem
from campaigns.kinds import INVALID, Kind, refuse, unknown_name

T = TypeVar("T")
REQUIRED: Final = object()


def inside(place: str, name: str) -> str:
    """The place of a field within a place."""
    return f"{place}.{name}" if place else name


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes
    ----------
    kind
        What may stand there.
    about
        A sentence for the schema, and so for editors.
    default
        The value where the field is left out; ``REQUIRED`` if it may not be.
    attribute
        Name in the dataclass where it differs from the file's.
    """

    kind: Kind
    about: str = ""
    default: Any = REQUIRED
    attribute: str = ""


@dataclass(frozen=True)
class Form:
    """A mapping with known fields.

    Attributes
    ----------
    build
        Called with the fields by name.
    fields
        File name -> field.
    short
        Field that a bare value stands for (``cooldown: 30d``); empty: no short form.
    later
        Fields that are planned: refused as not built yet.
    rule
        Problems of the fields together, as pairs (field name or "", what is expected).
    """

    build: Callable[..., Any]
    fields: Mapping[str, Field]
    short: str = ""
    later: tuple[str, ...] = ()
    rule: Callable[[Any], Iterable[tuple[str, str]]] | None = None

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """What ``build`` makes of the fields."""
        bare = bool(self.short) and not isinstance(node, dict)
        if bare:
            node = {self.short: node}
        if not isinstance(node, dict):
            return refuse(f"a mapping with {', '.join(self.fields)}", node, place, problems)
        before = len(problems)
        self._unknown(node, place, problems)
        values = {
            field.attribute or name: _field(field, node, name, (place, bare), problems)
            for name, field in self.fields.items()
        }
        if len(problems) > before:
            return INVALID
        built = self.build(**values)
        found = self.rule(built) if self.rule else ()
        problems += [Problem(inside(place, name) if name else place, text) for name, text in found]
        return built if len(problems) == before else INVALID

    def write(self, value: Any) -> Any:
        """A dict of the fields that differ from their defaults."""
        items = {
            name: (field, getattr(value, field.attribute or name))
            for name, field in self.fields.items()
        }
        return {
            name: field.kind.write(item)
            for name, (field, item) in items.items()
            if field.default is REQUIRED or item != field.default
        }

    def schema(self) -> dict[str, Any]:
        """An object, or the bare value of the short form."""
        properties = {
            name: {**field.kind.schema(), **({"description": field.about} if field.about else {})}
            for name, field in self.fields.items()
        }
        required = [name for name, field in self.fields.items() if field.default is REQUIRED]
        whole: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if required:
            whole["required"] = required
        if not self.short:
            return whole
        return {"anyOf": [self.fields[self.short].kind.schema(), whole]}

    def _unknown(self, node: dict[Any, Any], place: str, problems: list[Problem]) -> None:
        for name in node:
            if name not in self.fields:
                where = inside(place, str(name))
                unknown_name(name, where, problems, choices=self.fields, later=self.later)


def _field(
    field: Field,
    node: dict[Any, Any],
    name: str,
    whereabouts: tuple[str, bool],
    problems: list[Problem],
) -> Any:
    place, bare = whereabouts
    where = place if bare else inside(place, name)
    if name in node:
        return field.kind.read(node[name], where, problems)
    if field.default is REQUIRED:
        problems.append(Problem(where, "is missing"))
        return INVALID
    return field.default


@dataclass(frozen=True)
class Tagged:
    """A mapping with one key that says which form follows; ``tag`` names a value's."""

    kinds: Mapping[str, Kind]
    tag: Callable[[Any], str]
    what: str
    later: tuple[str, ...] = ()

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """What the named kind reads."""
        if not isinstance(node, dict) or len(node) != 1:
            names = ", ".join(self.kinds)
            return refuse(f"one {self.what} ({names}) as a mapping", node, place, problems)
        name, content = next(iter(node.items()))
        where = inside(place, str(name))
        if name not in self.kinds:
            return unknown_name(name, where, problems, choices=self.kinds, later=self.later)
        return self.kinds[name].read(content, where, problems)

    def write(self, value: Any) -> Any:
        """A dict of one key."""
        name = self.tag(value)
        return {name: self.kinds[name].write(value)}

    def schema(self) -> dict[str, Any]:
        """One object a name."""
        return {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {name: kind.schema()},
                    "required": [name],
                    "additionalProperties": False,
                }
                for name, kind in self.kinds.items()
            ]
        }


def read_document(form: Form, kind: type[T], text: str, path: str) -> T:
    """The value that a form makes of a YAML or JSON text.

    Raises
    ------
    InvalidCampaign
        With every problem found; ``path`` names the file in it.
    """
    problems: list[Problem] = []
    found = form.read(plain_data(text, path, next(iter(form.fields))), "", problems)
    if found is INVALID or not isinstance(found, kind):
        raise InvalidCampaign(path, problems)
    return found
