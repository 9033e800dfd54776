"""Leaving a store: its webhooks, our tags and open coupons gone, then ours of it.

The store's side first, each step repeatable; only then our own rows, in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from connectors.connecting import SupportsSubscriptions
from connectors.errors import Conflict, ConnectorError
from connectors.events import microseconds
from connectors.mistakes import blaming
from connectors.protocol import SupportsCoupons, SupportsSegments
from connectors.records import Coupon, Membership
from segmentation.catalogues import counted
from worker import models, stream, walks
from worker.connecting import webhook_address
from worker.database import reading, transaction
from worker.due import owe_files
from worker.lines import line_to
from worker.pushes import Line
from worker.runtime import Kit
from worker.stores import Store, load_store

CLOSING: Final = 6.0  # seconds; every door reads its stores anew each five
REMOVED: Final = "removed by `shoal store remove`"
_actions: Final = models.actions.c


@dataclass(frozen=True)
class Left:
    """What was taken back in the store.

    Attributes
    ----------
    problems
        What could not be, a sentence each.
    """

    webhooks: int
    coupons: int
    tags: int
    problems: tuple[str, ...]


def leave_store(
    kit: Kit, store_id: str, on_step: Callable[[int, int], None] = lambda *_: None
) -> Left:
    """Take back webhooks, open coupons and tags in the store. Repeating it is harmless.

    Parameters
    ----------
    on_step
        Called with (done, of how many).

    Raises
    ------
    ConnectorError
        If no connector can be made for its platform.
    UnknownStore
        Naming the nearest id there is.
    """
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
        coupons = list(_open_coupons(connection, store.number))
        tags = list(_set_tags(connection, store.number))
    if not store.url or (store.paused == REMOVED and not store.sealed):
        return Left(0, 0, 0, ())  # nobody can be asked, or it was left before
    with transaction(kit.engine) as connection:
        # Before anything is taken back, so that nothing new is pushed meanwhile.
        _stop(connection, store.number, REMOVED)
    line = line_to(kit, store)
    webhooks, problems = _webhooks(kit, line, store)
    taken: list[Coupon | Membership] = []
    everything: list[Coupon | Membership] = [*coupons, *tags]
    total = len(everything)
    for number, wanted in enumerate(everything):
        try:
            if _taken_back(line, wanted):
                taken.append(wanted)
        except Conflict as error:
            problems.append(str(error))
        except ConnectorError as error:
            problems.append(f"{error}; {total - number} coupons and tags were left in the store")
            break
        on_step(number + 1, total)
    untagged = sum(isinstance(one, Membership) for one in taken)
    return Left(webhooks, len(taken) - untagged, untagged, tuple(problems))


def forget_store(kit: Kit, store_id: str, *, erases: bool, patience: float = 0.0) -> None:
    """Delete a store here: with everything of it, or so that its figures stay and nothing else.

    Without ``erases`` its secrets, keys and waiting work go, and all that says who its customers
    are: profiles, hashes of addresses, dead letters, what is still in the stream. Orders, features
    and decisions stay under our own ids until it is erased, and nobody is heard or written to
    under its name again.

    Parameters
    ----------
    patience
        Seconds in which every door learns that the store is closed, before what is on its way
        is deleted, too.
    """
    with transaction(kit.engine) as connection:
        store = load_store(connection, store_id)
        _stop(connection, store.number, REMOVED)
        _lock(connection, store.number)
    take_away = _erase if erases else _unname
    sleep(patience)
    with transaction(kit.engine) as connection:
        take_away(connection, store)
        owe_files(connection, microseconds(kit.clock()))
    stream.drop(kit.redis, store.partition, store.id)
    with transaction(kit.engine) as connection:
        # What a drain had in hand meanwhile came from a store that is not here any more.
        take_away(connection, store)


def _lock(connection: Connection, store: int) -> None:
    stores = models.stores.c
    nothing = {"secrets": b"", "browser_key": "", "server_key_hash": "", "origins": ""}
    connection.execute(update(models.stores).where(stores.number == store).values(**nothing))


def _open_coupons(connection: Connection, store: int) -> Iterator[Coupon]:
    """Codes that were pushed and not used, from the payloads they were pushed with."""
    codes = models.codes.c
    query = (
        select(_actions.payload)
        .select_from(models.actions.join(models.codes, codes.action == _actions.key))
        .where(_actions.store == store, _actions.kind == "coupon", _actions.state == "done")
        .where(codes.store == store, codes.redeemed_at.is_(None))
        .order_by(_actions.key)
    )
    for payload in connection.execute(query).scalars():
        yield msgspec.json.decode(payload, type=Coupon)


def _set_tags(connection: Connection, store: int) -> Iterator[Membership]:
    query = (
        select(_actions.payload)
        .where(_actions.store == store, _actions.kind == "tag", _actions.state == "done")
        .order_by(_actions.finished_at)
    )
    state: dict[tuple[str, str], bool] = {}
    for payload in connection.execute(query).scalars():
        told = msgspec.json.decode(payload, type=Membership)
        state[told.customer_id, told.name] = told.is_member
    for (customer, name), is_member in sorted(state.items()):
        if is_member:
            yield Membership(customer, name, is_member=False)


def _webhooks(kit: Kit, line: Line, store: Store) -> tuple[int, list[str]]:
    sender = line.connector
    if not isinstance(sender, SupportsSubscriptions):
        return 0, []
    public = webhook_address(kit, store.id)
    known = dict.fromkeys([*store.webhook_addresses, *([public] if public else [])])
    try:
        with blaming(store.platform, "unsubscribe"):
            problems = [] if known else _unasked(sender, store)
            return sum(sender.unsubscribe(one) for one in known), problems
    except ConnectorError as error:
        return 0, [str(error)]


def _unasked(sender: SupportsSubscriptions, store: Store) -> list[str]:
    """What a store sends to doors like ours, where nobody wrote down which one is ours.

    A store that was connected before addresses were kept, left without SHOAL_PUBLIC_URL.
    """
    ending = f"/webhooks/{store.id}"
    counts = Counter(one.address for one in sender.subscriptions() if one.address.endswith(ending))
    return [
        f"{counted(count, 'webhook goes', 'webhooks go')} to {address}: nobody was asked to end "
        "that, since it is not known here whether that is this installation; "
        f"`shoal store check {store.id} --drop {address}` does, or SHOAL_PUBLIC_URL as it "
        "was for `shoal store add`"
        for address, count in sorted(counts.items())
    ]


def _taken_back(line: Line, wanted: Coupon | Membership) -> bool:
    """One write to the store; False where its platform has no such thing."""
    if isinstance(wanted, Membership):
        if not isinstance(line.connector, SupportsSegments):
            return False
        with blaming(line.store.platform, "push_membership"):
            line.connector.push_membership(wanted)
        return True
    if not isinstance(line.connector, SupportsCoupons):
        return False
    with blaming(line.store.platform, "revoke_coupon"):
        line.connector.revoke_coupon(wanted.code, wanted.marker)
    return True


def _stop(connection: Connection, store: int, why: str) -> None:
    """Nothing more is pushed, read or decided for a store."""
    campaigns, stores = models.campaigns.c, models.stores.c
    connection.execute(update(models.stores).where(stores.number == store).values(paused=why))
    connection.execute(
        update(models.campaigns).where(campaigns.store == store).values(state="removed")
    )
    connection.execute(
        update(models.actions)
        .where(_actions.store == store, _actions.state == "due")
        .values(state="withdrawn", reason="removed")
    )
    for kind in ("backfill", "poll"):
        walks.stop(connection, store, kind)


def _erase(connection: Connection, store: Store) -> None:
    for table in reversed(models.metadata.sorted_tables):
        key = _whose(table, store)
        if key is not None:
            connection.execute(delete(table).where(key))


def _unname(connection: Connection, store: Store) -> None:
    """Delete what says who a store's customers are."""
    for table in (models.profiles, models.unowned, models.dead_letters):
        key = _whose(table, store)
        if key is not None:
            connection.execute(delete(table).where(key))
    known = models.identities.c
    is_address = (known.store == store.number) & (known.kind == "email")
    connection.execute(delete(models.identities).where(is_address))


def _whose(table: Table, store: Store) -> ColumnElement[bool] | None:
    if table.name == models.stores.name:
        return table.c.number == store.number
    if "store" not in table.c:
        return None
    is_by_name = table.name == models.dead_letters.name
    return table.c.store == (store.id if is_by_name else store.number)
