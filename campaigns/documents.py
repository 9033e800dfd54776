"""From the text of a file to plain data, and from a value to its canonical text.

YAML is read with the simple types of version 1.2, so that ``21:00`` stays a text and ``no`` a
word; anchors are refused, because a small file could grow without bound by them.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final, NoReturn

import yaml

from campaigns.errors import InvalidCampaign, Problem

LARGEST: Final = 64 * 1024  # characters of one file
DEEPEST: Final = 40


class _Loader(yaml.SafeLoader):
    """YAML with plain types only."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 -- declared as an instance's by the stubs

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # stubs lack it
            raise yaml.MarkedYAMLError(problem="anchors are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 -- PyYAML's own signature
        names = [key.value for key, _ in node.value]
        for position, name in enumerate(names):
            if name in names[:position]:
                mark = node.value[position][0].start_mark
                problem = f"{name!r} stands there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|", "~n\0"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""]
    )


def plain_data(text: str, path: str, first: str = "id") -> dict[str, Any]:
    """The mapping a file holds, YAML or JSON; ``first`` is the field that such files begin with.

    Raises
    ------
    InvalidCampaign
        If it is too large, not YAML, or not a mapping; the place is a line.
    """
    if len(text) > LARGEST:
        _fail(path, "", f"expected at most {LARGEST} characters, found {len(text)}")
    try:
        node = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader, stricter still
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        _fail(path, f"line {line}", f"cannot be read: {error.problem}")
    except (yaml.YAMLError, ValueError) as error:
        _fail(path, "", f"cannot be read: {str(error).splitlines()[0]}")
    except RecursionError:
        _fail(path, "", "is nested too deeply")
    if not isinstance(node, dict):
        _fail(path, "", f"expected a mapping with `{first}:` and so on")
    if _depth(node) > DEEPEST:
        _fail(path, "", f"is nested too deeply: expected at most {DEEPEST} levels")
    return node


def canonical(data: dict[str, Any]) -> str:
    """The one JSON text of plain data: keys sorted, no spaces."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def identity(text: str) -> str:
    """Sixteen hex digits that differ wherever two canonical texts differ."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _depth(node: Any) -> int:
    if not isinstance(node, dict | list):
        return 0
    inner = node.values() if isinstance(node, dict) else node
    return 1 + max((_depth(item) for item in inner), default=0)


def _fail(path: str, place: str, expected: str) -> NoReturn:
    raise InvalidCampaign(path, [Problem(place, expected)])
