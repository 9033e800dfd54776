"""Which platforms there are: entry points of the group ``shoal.connectors``, loaded by name.

A connector is imported only when a store asks for it, so one that is broken stops no other.
"""

from __future__ import annotations

import difflib
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from connectors.errors import BrokenConnector, UnknownPlatform
from connectors.mistakes import blaming
from connectors.needs import Need, needs_of
from connectors.protocol import ENTRY_POINT_GROUP, Connector, ConnectorFactory, StoreConfig

if TYPE_CHECKING:  # same as in the protocol
    import httpx

_OURS: Final = "shoal"


def platforms() -> dict[str, str]:
    """Every registered platform and the distribution it comes from, in order of name."""
    return {name: _distribution(entry) for name, entry in sorted(_entries().items())}


def connector_factory(platform: str) -> ConnectorFactory:
    """The factory registered for a platform, imported now.

    Raises
    ------
    UnknownPlatform
        If there is none; names those there are and the nearest.
    BrokenConnector
        If importing it failed, or what it names cannot be called.
    """
    entries = _entries()
    entry = entries.get(platform)
    if entry is None:
        known = tuple(sorted(entries))
        nearest = difflib.get_close_matches(platform.lower(), known, n=1)
        raise UnknownPlatform(platform, known, nearest[0] if nearest else None)
    return _loaded(entry)


def platform_needs(platform: str) -> tuple[Need, ...]:
    """What a store of a platform has to be told: address, secrets and options.

    Raises
    ------
    UnknownPlatform, BrokenConnector
        As :func:`connector_factory`; also if its connector does not declare them.
    """
    return needs_of(connector_factory(platform))


def problem_of(store: StoreConfig) -> str:
    """What is wrong with a store as it is described, before anybody is called; empty if nothing is.

    A connector that knows more than its needs say has a function of this name and form beside its
    factory. It is asked about stores with an address, whose secrets may be missing still.

    Raises
    ------
    UnknownPlatform, BrokenConnector
        As :func:`connector_factory`.
    ConnectorFailed
        If that function raises.
    """
    judge = getattr(sys.modules[connector_factory(store.platform).__module__], "problem_of", None)
    if judge is None:
        return ""
    with blaming(store.platform, "problem_of"):
        return str(judge(store))


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a store's platform, speaking through a client.

    Raises
    ------
    UnknownPlatform, BrokenConnector
        As :func:`connector_factory`.
    ConnectorFailed
        If its factory raises anything but our errors.
    """
    factory = connector_factory(store.platform)
    with blaming(store.platform, "connect"):
        return factory(store, http)


def _entries() -> dict[str, EntryPoint]:
    # Ours come last, so that a stranger's of the same name cannot take their place.
    found = sorted(
        entry_points(group=ENTRY_POINT_GROUP), key=lambda each: _distribution(each) == _OURS
    )
    return {entry.name: entry for entry in found}


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "?"


def _loaded(entry: EntryPoint) -> ConnectorFactory:
    try:
        factory = entry.load()
    except Exception as error:  # whatever a stranger's module does as it is imported
        raise BrokenConnector(
            entry.name, _distribution(entry), f"{type(error).__name__}: {error}"
        ) from error
    if not callable(factory):
        problem = f"{entry.value}: expected a function (store, http) -> Connector"
        raise BrokenConnector(entry.name, _distribution(entry), problem)
    return factory  # type: ignore[no-any-return] # an entry point has no type; it is called as one
