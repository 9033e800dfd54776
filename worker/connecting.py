"""Connecting a store: it introduces itself, is added, told where to send, and its past is read.

What can fail fails before anything is written; afterwards each step can be repeated alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from connectors.connecting import (
    ShopFacts,
    Subscription,
    SupportsShopFacts,
    SupportsSubscriptions,
)
from connectors.errors import ConnectorError
from connectors.events import microseconds
from connectors.mistakes import blaming
from connectors.protocol import StoreConfig
from connectors.registry import platform_needs, problem_of
from worker import walks
from worker.database import reading, transaction
from worker.errors import StoreRefused
from worker.lines import line_to, trial_line
from worker.new_stores import NewStore, problems_of
from worker.probing import probe_problem
from worker.runtime import Kit
from worker.store_needs import Ask, completed, strange_names
from worker.stores import (
    AddedStore,
    Store,
    add_store,
    check_new,
    list_stores,
    load_store,
    note_addresses,
)

_ANY: Final = "EUR"  # in the place of a currency that is not known yet
PAST: Final = timedelta(days=730)  # what a backfill reads unless told otherwise


@dataclass(frozen=True)
class Connected:
    """What connecting came to.

    Attributes
    ----------
    store
        As it was added, with what was asked for and what it said of itself.
    facts
        What the store said of itself; None if its platform cannot say it.
    subscriptions
        The webhooks that were asked for, those refused with their problem.
    webhook_address
        Where they go; empty without a public address.
    problems
        Sentences on what did not work and can be repeated by `shoal store check --mend`.
    is_currency_assumed
        Whether nobody said in which currency its figures are kept.
    """

    store: NewStore
    added: AddedStore
    facts: ShopFacts | None
    webhook_address: str
    subscriptions: Sequence[Subscription] = ()
    problems: list[str] = field(default_factory=list)
    is_currency_assumed: bool = False


def introduced(kit: Kit, new: NewStore) -> tuple[NewStore, ShopFacts | None]:
    """The store with what it says of itself in the place of what was left open.

    Raises
    ------
    ConnectorError
        If it does not answer, or the credentials do not suffice.
    """
    if not new.url:
        return new, None
    connector = trial_line(kit, _config(new)).connector
    if not isinstance(connector, SupportsShopFacts):
        return new, None
    with blaming(new.platform, "shop_facts"):
        facts = connector.shop_facts()
    told = replace(
        new,
        name=new.name or facts.name,
        currency=new.currency or facts.currency,
        time_zone=new.time_zone or facts.time_zone,
    )
    return told, facts


def _config(new: NewStore) -> StoreConfig:
    return StoreConfig(
        new.id,
        new.platform,
        new.url,
        new.currency,
        new.time_zone or "UTC",
        dict(new.options),
        dict(new.secrets),
    )


@dataclass(frozen=True)
class Wanted:
    """How to hear of a store.

    Attributes
    ----------
    past
        How far back its lists are read; zero: not at all.
    is_polled
        Whether its lists are read each minute from now on.
    is_offline
        Whether the store is asked nothing now: not who it is, and not for its webhooks.
    ask
        Asks a person for what the platform needs and was not given; None where nobody is there.
    """

    past: timedelta = PAST
    is_polled: bool = False
    is_offline: bool = False
    ask: Ask | None = None


def connect_store(kit: Kit, new: NewStore, wanted: Wanted) -> Connected:
    """Add a store and begin to hear of it.

    Raises
    ------
    ConnectorError
        If the store does not answer or refuses the credentials; nothing was written.
    StoreRefused
        Naming everything that cannot be used; nothing was written.
    """
    needs = platform_needs(new.platform)
    # What is wrong is said before anybody is asked for anything.
    _check(kit, new, strange_names(new, needs))
    new = completed(new, needs, wanted.ask, is_polled=wanted.is_polled)
    _check(kit, new, [])
    new, facts = (new, None) if wanted.is_offline else introduced(kit, new)
    is_assumed = not new.url and not new.currency
    if is_assumed:  # nobody else would say it
        new = replace(new, currency=_currency_before(kit, new.id) or _ANY)
    if not new.currency:
        who = "nobody was asked" if wanted.is_offline else f"{new.platform} does not say it"
        raise StoreRefused([f"currency: {who}, so --currency is needed (EUR, USD …)"])
    new = replace(new, time_zone=new.time_zone or "UTC")
    now = kit.clock()
    with transaction(kit.engine) as connection:
        added = add_store(connection, kit.sealer, new, microseconds(now))
        if new.url and new.clock == "wall":
            _begin(connection, added.number, now, wanted)
    address = webhook_address(kit, new.id)
    connected = Connected(new, added, facts, address, is_currency_assumed=is_assumed)
    if not address or not new.url or wanted.is_offline:
        return connected
    unreached = probe_problem(kit)
    problems = [unreached] if unreached else []
    try:
        return replace(connected, subscriptions=subscribed(kit, new.id), problems=problems)
    except ConnectorError as error:
        return replace(connected, problems=[*problems, str(error)])


def require_plausible(new: NewStore, wanted: Wanted) -> None:
    """Refuse what can be refused without a place for the store, so that none is made for it.

    Raises
    ------
    StoreRefused
        Naming everything that cannot be used, or what lacks where nobody can be asked.
    UnknownPlatform, BrokenConnector
        If no connector is of that name, or it cannot be used.
    """
    needs = platform_needs(new.platform)
    told = replace(new, currency=new.currency or _ANY, time_zone=new.time_zone or "UTC")
    problems = [*problems_of(told), *strange_names(new, needs), *_unfit(new)]
    if problems:
        raise StoreRefused(problems)
    if wanted.ask is None:
        completed(new, needs, None, is_polled=wanted.is_polled)


def _unfit(new: NewStore) -> list[str]:
    # An address that lacks is asked for, and judged then.
    problem = problem_of(_config(new)) if new.url else ""
    return [problem] if problem else []


def _check(kit: Kit, new: NewStore, problems: list[str]) -> None:
    # What the store would say of itself is left open.
    currency = new.currency or _currency_before(kit, new.id) or _ANY
    problems = [*problems, *_unfit(new)]
    told = replace(new, currency=currency, time_zone=new.time_zone or "UTC")
    try:
        with reading(kit.engine) as connection:
            check_new(connection, told)
    except StoreRefused as refusal:
        problems = [*refusal.problems, *problems]
    if problems:
        raise StoreRefused(problems)


def _currency_before(kit: Kit, store_id: str) -> str:
    """The currency in which figures of a removed store are kept; empty where there is none."""
    with reading(kit.engine) as connection:
        stores = list_stores(connection)
    return next((one.currency for one in stores if one.id == store_id), "")


def subscribed(kit: Kit, store_id: str) -> tuple[Subscription, ...]:
    """Have the store send its webhooks to us; none where a platform cannot be asked.

    Raises
    ------
    ConnectorError
        If the store does not answer.
    """
    store, sender = _sender(kit, store_id)
    if sender is None:
        return ()
    address = webhook_address(kit, store_id)
    with transaction(kit.engine) as connection:
        # Before any is made: what is cut short in the middle shall be found again, too.
        note_addresses(connection, store_id, [*store.webhook_addresses, address])
    with blaming(store.platform, "subscribe"):
        return sender.subscribe(address)


def dropped(kit: Kit, store_id: str, address: str) -> int:
    """Take back the webhooks that a store sends to an address; how many there were.

    Raises
    ------
    ConnectorError
        If the store does not answer.
    """
    store, sender = _sender(kit, store_id)
    if sender is None:
        return 0
    with blaming(store.platform, "unsubscribe"):
        found = sender.unsubscribe(address)
    others = [one for one in store.webhook_addresses if one != address]
    with transaction(kit.engine) as connection:
        note_addresses(connection, store_id, others)
    return found


def _sender(kit: Kit, store_id: str) -> tuple[Store, SupportsSubscriptions | None]:
    """A store, and who has it send webhooks; None where its platform cannot be asked to."""
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
    connector = line_to(kit, store).connector
    return store, connector if isinstance(connector, SupportsSubscriptions) else None


def webhook_address(kit: Kit, store_id: str) -> str:
    """Where a store's webhooks shall go; empty without a public address."""
    public = kit.settings.public_url.rstrip("/")
    return f"{public}/webhooks/{store_id}" if public else ""


def _begin(connection: Connection, store: int, now: datetime, wanted: Wanted) -> None:
    if wanted.past:
        since = microseconds(now - wanted.past)
        walks.begin_backfill(connection, store, since, microseconds(now))
    if wanted.is_polled:
        walks.begin_polling(connection, store, microseconds(now))
