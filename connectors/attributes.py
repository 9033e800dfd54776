"""The free attributes a store declares: which of a customer's fields we keep, and as what.

A store's option ``attributes`` lists them: ``size:text, points:number, member:flag,
nick:personal``. What is not declared is dropped. Personal ones are sealed like names and addresses.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from connectors.needs import Need

MOST_ATTRIBUTES: Final = 16
KINDS: Final = ("text", "number", "flag", "personal")
LONGEST_TEXT: Final = 200  # characters
# Every platform's connector takes it.
NEED: Final = Need(
    "option",
    "attributes",
    f"what else to keep of a customer, at most {MOST_ATTRIBUTES}: size:text, points:number, "
    "member:flag, nickname:personal",
)
BUILT_IN: Final = {"age_band": "text", "gender": "text"}


def declared_attributes(options: Mapping[str, str]) -> dict[str, str]:
    """Name → kind of each declared attribute, ``age_band`` and ``gender`` included.

    Raises
    ------
    ValueError
        Naming the attribute, for an unknown kind, a missing name or more than sixteen.
    """
    listed = [each.strip() for each in options.get("attributes", "").split(",") if each.strip()]
    if len(listed) > MOST_ATTRIBUTES:
        message = f"option attributes: expected at most {MOST_ATTRIBUTES}, got {len(listed)}"
        raise ValueError(message)
    return dict(BUILT_IN) | dict(_declaration(each) for each in listed)


def sorted_attributes(
    given: Mapping[str, Any], declared: Mapping[str, str]
) -> tuple[dict[str, str | float | bool], dict[str, str]]:
    """What to keep of a customer's fields: the open ones, and the personal ones.

    Values of another kind than declared, and whatever is not declared, are dropped.
    """
    kept: dict[str, str | float | bool] = {}
    personal: dict[str, str] = {}
    for name, kind in declared.items():
        value = given.get(name)
        if kind == "personal" and isinstance(value, str | int | float):
            personal[name] = str(value)[:LONGEST_TEXT]
        elif kind == "text" and isinstance(value, str) and value:
            kept[name] = value[:LONGEST_TEXT]
        elif kind == "flag" and isinstance(value, bool):
            kept[name] = value
        elif kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            kept[name] = float(value)
    return kept, personal


def _declaration(text: str) -> tuple[str, str]:
    name, _, kind = (part.strip() for part in text.partition(":"))
    if not name:
        message = f"option attributes: {text!r} has no name; expected name:kind"
        raise ValueError(message)
    if kind not in KINDS:
        nearest = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        message = (
            f"option attributes: {name!r} is of kind {kind!r}, "
            f"expected one of {', '.join(KINDS)}{hint}"
        )
        raise ValueError(message)
    return name, kind
