"""Other secrets for a store that is there: tried on the store first, then kept in their place.

Its history, keys and campaigns stay. Every process reads the stores anew each few seconds, so none
has to be started again. Where a connector says that a secret's value of before may still sign, it
is kept beside the new one until somebody has it forgotten: only the platform knows when it has
signed the last time with the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy import Connection, update

from connectors.connecting import ShopFacts, SupportsShopFacts
from connectors.events import microseconds
from connectors.mistakes import blaming
from connectors.needs import Need, formers, missing
from connectors.protocol import StoreConfig
from connectors.registry import platform_needs
from worker import models, restored, walks
from worker.database import reading, transaction
from worker.errors import StoreRefused
from worker.lines import trial_line
from worker.runtime import Kit
from worker.store_needs import lack, strange_secrets
from worker.stores import Store, config_of, load_store

_stores: Final = models.stores.c


@dataclass(frozen=True)
class Change:
    """What somebody wants changed.

    Attributes
    ----------
    given
        Secrets by name.
    forgets
        Names of secrets to keep no longer.
    is_offline
        Whether the store is not asked whether it takes them.
    """

    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    forgets: AbstractSet[str] = frozenset()
    is_offline: bool = False


@dataclass(frozen=True)
class Changed:
    """What it came to.

    Attributes
    ----------
    changed, forgotten
        Names of secrets that are others now, and of those that are gone.
    former
        Names under which values of before are kept, which may still sign.
    facts
        What the store said to the new ones; None if it was not asked or cannot say it.
    went_on
        Why its pushes had been stopped, which go on now; empty: they were not, or still are.
    """

    changed: tuple[str, ...]
    forgotten: tuple[str, ...]
    former: tuple[str, ...]
    facts: ShopFacts | None = None
    went_on: str = ""


def questions(kit: Kit, store_id: str) -> list[Need]:
    """The secrets to ask a person for: those that are held or needed, none of before.

    Raises
    ------
    StoreRefused
        If the store was removed.
    UnknownStore
        Naming the nearest id there is.
    """
    store = _present(kit, store_id)
    config = config_of(store, kit.sealer)
    needs = platform_needs(store.platform)
    lacking = {need.key for need in _missing(kit, store, config)}
    return [
        need
        for need in needs
        if need.kind == "secret"
        and not need.former_of
        and (config.secrets.get(need.name) or need.key in lacking)
    ]


def change_secrets(kit: Kit, store_id: str, wanted: Change) -> Changed:
    """Try other secrets on a store, then keep them; its walks and pushes go on if it took them.

    Raises
    ------
    ConnectorError
        If the store does not answer or refuses them; nothing was written.
    StoreRefused
        Naming everything that cannot be used; nothing was written.
    UnknownStore
        Naming the nearest id there is.
    """
    store = _present(kit, store_id)
    before = config_of(store, kit.sealer)
    needs = platform_needs(store.platform)
    after = msgspec.structs.replace(before, secrets=merged(needs, before.secrets, wanted))
    problems = [*_unusable(before, wanted), *strange_secrets(needs, wanted.given)]
    problems += [lack(need) for need in _missing(kit, store, after)]
    if problems:
        raise StoreRefused(problems)
    is_asked = bool(store.url) and not wanted.is_offline
    facts = _tried(kit, after) if is_asked else None
    with transaction(kit.engine) as connection:
        went_on = _keep(connection, kit, store, after, was_taken=is_asked)
    names = before.secrets.keys() | after.secrets.keys()
    is_other = {one for one in names if before.secrets.get(one) != after.secrets.get(one)}
    former = set(formers(needs).values()) & after.secrets.keys()
    return Changed(
        tuple(sorted(is_other & wanted.given.keys())),
        tuple(sorted(is_other - after.secrets.keys())),
        tuple(sorted(former)),
        facts,
        went_on,
    )


def merged(needs: Sequence[Need], held: Mapping[str, str], wanted: Change) -> dict[str, str]:
    """A store's secrets after a change; a value of before stays where it may still sign."""
    told = {name: value for name, value in held.items() if name not in wanted.forgets}
    for name, former in formers(needs).items():
        is_other = held.get(name) and wanted.given.get(name, held[name]) != held[name]
        if is_other and former not in wanted.forgets:
            told[former] = held[name]
    return {**told, **wanted.given}


def _present(kit: Kit, store_id: str) -> Store:
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
    if store.is_removed:
        problem = f"store {store_id} was removed: `shoal store add {store_id} …` connects it anew"
        raise StoreRefused([problem])
    return store


def _missing(kit: Kit, store: Store, config: StoreConfig) -> list[Need]:
    with reading(kit.engine) as connection:
        is_polled = walks.walk_of(connection, store.number, "poll") is not None
    given = {("secret", name) for name, value in config.secrets.items() if value}
    given |= {("option", name) for name, value in config.options.items() if value}
    if not store.url:
        return []
    return missing(platform_needs(store.platform), {*given, ("url", "url")}, is_polled=is_polled)


def _unusable(before: StoreConfig, wanted: Change) -> list[str]:
    there = ", ".join(sorted(before.secrets)) or "none"
    said = [
        f"--forget {name}: the store has no such secret, expected one of {there}"
        for name in wanted.forgets
        if name not in before.secrets
    ]
    said += [
        f"--secret {name}: forgotten and given" for name in wanted.forgets & wanted.given.keys()
    ]
    said += [
        f"--secret {name}: expected a value; `--forget {name}` takes it away"
        for name, value in wanted.given.items()
        if not value
    ]
    return said


def _tried(kit: Kit, config: StoreConfig) -> ShopFacts | None:
    """What the store says to these secrets; one that says nothing of itself is read a little."""
    connector = trial_line(kit, config).connector
    if isinstance(connector, SupportsShopFacts):
        with blaming(config.platform, "shop_facts"):
            return connector.shop_facts()
    with blaming(config.platform, "changes"):
        next(iter(connector.changes(kit.clock())), None)
    return None


def _keep(
    connection: Connection, kit: Kit, store: Store, after: StoreConfig, *, was_taken: bool
) -> str:
    """Write them down; why its pushes had been stopped if they go on."""
    mine = (_stores.number == store.number) & (_stores.secrets == store.sealed)
    sealed = kit.sealer.seal(store.id, after.secrets)
    changed = connection.execute(update(models.stores).where(mine).values(secrets=sealed))
    if not changed.rowcount:
        problem = f"store {store.id} was changed by somebody else meanwhile: run it again"
        raise StoreRefused([problem])
    if not was_taken:
        return ""
    walks.hurry(connection, store.number, microseconds(kit.clock()))
    if not store.paused or store.number in restored.marks(connection):
        return ""
    connection.execute(
        update(models.stores).where(_stores.number == store.number).values(paused="")
    )
    return store.paused
