"""What a connector has to be told about a store: its address, secrets and options, declared.

Beside its factory, in the same module, a connector says what it needs::

    NEEDS = (
        Need("secret", "token", "the key of the till's API", where="Till → Keys", is_needed=True),
    )

`shoal store add` asks for what is needed and lacks, and refuses names that nobody reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from connectors.errors import BrokenConnector

Kind = Literal["url", "secret", "option"]
Given = AbstractSet[tuple[str, str]]
# Secrets of this form may have any name: they sign the webhooks that campaigns send.
CAMPAIGN_SECRET: Final = "whsec_"  # noqa: S105 - how such secrets begin
_ALIKE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a connector is told.

    Attributes
    ----------
    kind, name
        Where it stands in the store's configuration: ``secrets[name]``, ``options[name]``; the
        address is ``url``, whatever its name.
    what
        What it is, as whoever connects a store would read it.
    where
        Where that person finds it; in the store's own admin, if it is there.
    is_needed
        Whether nothing goes without it.
    instead
        Names of the same kind that, all given, do in its place.
    is_for_webhooks
        Whether it is needed only where the store's webhooks arrive, not where it is polled.
    former_of
        The secret whose value of before this one holds while that is changed: either may sign.
    """

    kind: Kind
    name: str
    what: str
    where: str = ""
    is_needed: bool = False
    instead: tuple[str, ...] = ()
    is_for_webhooks: bool = False
    former_of: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.kind, self.name

    def __str__(self) -> str:
        found = f" ({self.where})" if self.where else ""
        return f"{self.what}{found}"


def needs_of(factory: Callable[..., Any]) -> tuple[Need, ...]:
    """What a connector's factory declares beside itself.

    Raises
    ------
    BrokenConnector
        If it declares nothing that can be read.
    """
    module = sys.modules[factory.__module__]
    declared = getattr(module, "NEEDS", None)
    if isinstance(declared, tuple) and all(isinstance(each, Need) for each in declared):
        return declared
    problem = f"expected NEEDS beside {factory.__name__}, a tuple of connectors.needs.Need"
    raise BrokenConnector(module.__name__, module.__name__, problem)


def missing(needs: Iterable[Need], given: Given, *, is_polled: bool) -> list[Need]:
    """What is needed and not given, in the order of its declaration.

    Without an address nothing else is asked for: such a store is told by the track API alone.

    Parameters
    ----------
    given
        (kind, name) of everything that is there and not empty.
    is_polled
        Whether its lists are read and its webhooks do not come.
    """
    declared = {need.key: need for need in needs}
    wanted = [need for need in declared.values() if need.is_needed]
    has_address = any(kind == "url" for kind, _ in given)
    if not has_address:
        return wanted if any(need.kind == "url" for need in wanted) else []
    found: list[Need] = []
    for need in wanted:
        if need.key in given or (is_polled and need.is_for_webhooks):
            continue
        others = [(need.kind, name) for name in need.instead]
        begun = any(key in given for key in others)
        # Who began with the other way is asked for the rest of that one.
        found += [declared[key] for key in others if key not in given] if begun else [need]
    return found


def formers(needs: Iterable[Need]) -> dict[str, str]:
    """Secrets of which the value of before may still sign: name → under which name it is kept."""
    return {need.former_of: need.name for need in needs if need.former_of}


def strange_name(needs: Iterable[Need], kind: Kind, name: str) -> str:
    """Why nobody reads an option or secret of this name, with the nearest; empty if it is read."""
    known = [need.name for need in needs if need.kind == kind]
    if name in known:
        return ""
    near = get_close_matches(name.lower(), known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    expected = f"expected one of {', '.join(known)}" if known else "it takes none"
    return f"{kind} {name!r}: {expected}{hint}"


def signs_campaigns(needs: Iterable[Need], name: str, value: str) -> bool:
    """Whether a secret that no connector reads is one that campaigns' webhooks are signed with.

    One whose name is nearly a declared one is taken for a slip.
    """
    known = [need.name for need in needs if need.kind == "secret"]
    is_slip = bool(get_close_matches(name.lower(), known, 1, _ALIKE))
    return value.startswith(CAMPAIGN_SECRET) and not is_slip
