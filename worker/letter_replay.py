"""Playing dead letters again: through the door's own reading, into the stream.

A letter is first marked ``replaying``, then its events are appended, then it is marked
``replayed`` if it still is what we left it: a drain that fails on it once more has opened it
again meanwhile. Cut short anywhere, the letter is played again, and its events' own ids stop the
second copy at the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx
import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select, update

from connectors.errors import ConnectorError
from connectors.events import Event
from connectors.mistakes import blaming
from connectors.protocol import Connector, Webhook
from connectors.registry import connect
from worker import models
from worker.database import reading, transaction
from worker.dead_letters import ACTION, EVENT, NO_STORE, OPEN, REPLAYED, REPLAYING, TRACK
from worker.errors import CannotOpen, ShoalError, UnknownStore
from worker.receiving import accept, received_events
from worker.runtime import Kit
from worker.sealing import seal_events
from worker.stores import Store, config_of, load_store
from worker.tracking import replayed_events

_PAGE: Final = 500
_letters: Final = models.dead_letters.c


@dataclass(slots=True)
class Replayed:
    """How a replay went: letters played, letters still open, and (hexadecimal id, why) of these."""

    replayed: int = 0
    failed: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


class NoLetterId(ShoalError):
    """What should name a dead letter does not."""

    exit_code = 2


@dataclass(frozen=True)
class _Opener:
    """What a replay reads letters with: each store and its connector made once."""

    kit: Kit
    stores: dict[str, Store]
    connectors: dict[str, Connector]

    def store(self, name: str) -> Store:
        if name not in self.stores:
            with reading(self.kit.engine) as connection:
                self.stores[name] = load_store(connection, name)
        return self.stores[name]

    def connector(self, name: str) -> Connector:
        if name not in self.connectors:
            config = config_of(self.store(name), self.kit.sealer)
            self.connectors[name] = connect(config, _client())
        return self.connectors[name]


def replay(kit: Kit, store: str = "", ids: Sequence[str] = ()) -> Replayed:
    """Play open letters again: all, those of one store, or those of these hexadecimal ids.

    A store whose events were set aside after too many failures is let in again first.

    Raises
    ------
    NoLetterId
        If an id is none, or that of no letter of the store.
    BacklogFull, RedisDown
        What was not appended stays listed as open.
    """
    _refuse_unknown(kit, store, ids)
    done, opener = Replayed(), _Opener(kit, {}, {})
    for rows in _pages(kit, store, ids):
        with transaction(kit.engine) as connection:
            _mark(connection, [bytes(row.id) for row in rows], OPEN, REPLAYING)
            _let_in(connection, {row.store for row in rows})
        problems = {row.id: _play(opener, row) for row in rows}
        with transaction(kit.engine) as connection:
            _settle(connection, problems)
        done.problems += [(bytes(one).hex(), why) for one, why in problems.items() if why]
        done.replayed += sum(not why for why in problems.values())
    done.failed = len(done.problems)
    return done


def _pages(kit: Kit, store: str, ids: Sequence[str]) -> Iterator[Sequence[Any]]:
    chosen: ColumnElement[bool] = _letters.state.in_((OPEN, REPLAYING))
    if store:
        chosen = and_(chosen, _letters.store == store)
    if ids:
        chosen = and_(chosen, _letters.id.in_([_named(one) for one in ids]))
    last = b""
    while True:
        query = select(_letters.id, _letters.store, _letters.kind, _letters.sealed)
        with reading(kit.engine) as connection:
            rows = connection.execute(
                query.where(chosen, _letters.id > last).order_by(_letters.id).limit(_PAGE)
            ).all()
        if not rows:
            return
        yield rows
        last = bytes(rows[-1].id)


def _refuse_unknown(kit: Kit, store: str, ids: Sequence[str]) -> None:
    wanted = {_named(one): one for one in ids}
    query = select(_letters.id).where(_letters.id.in_(list(wanted)))
    if store:
        query = query.where(_letters.store == store)
    with reading(kit.engine) as connection:
        there = {bytes(one) for one in connection.execute(query).scalars()}
    missing = [text for one, text in wanted.items() if one not in there]
    if missing:
        whose = f"of store {store}" if store else "here"
        msg = f"dead letter {missing[0]!r} is not {whose}: see `shoal dead-letters list`"
        raise NoLetterId(msg)


def _named(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        msg = f"dead letter {text!r}: expected an id as `shoal dead-letters list` shows it"
        raise NoLetterId(msg) from None


def _play(opener: _Opener, row: Any) -> str:
    """Append one letter's events; why it cannot be, in words that quote no value."""
    try:
        clear = opener.kit.sealer.open_bytes(row.store or NO_STORE, bytes(row.sealed))
        if row.kind == ACTION:
            _make_due(opener.kit, clear)
            return ""
        events = _events(opener, row, clear)
        for name in {event.store for event in events}:
            own = [event for event in events if event.store == name]
            accept(opener.kit, opener.store(name).partition, own)
    except (ConnectorError, CannotOpen, UnknownStore) as error:
        return str(error)
    except msgspec.MsgspecError as error:
        return f"not an event: {type(error).__name__}"
    return ""


def _events(opener: _Opener, row: Any, clear: bytes) -> list[Event]:
    if row.kind == EVENT:
        return [msgspec.msgpack.decode(clear, type=Event)]
    sealer = opener.kit.sealer
    if row.kind == TRACK:
        config = config_of(opener.store(row.store), sealer)
        return seal_events(sealer, replayed_events(config, clear))
    webhook = msgspec.msgpack.decode(clear, type=Webhook)
    connector = opener.connector(row.store)
    with blaming(opener.store(row.store).platform, "read"):
        received = connector.read(webhook)
    return received_events(sealer, row.store, received, webhook.received_at)


def _make_due(kit: Kit, clear: bytes) -> None:
    key = msgspec.json.decode(clear)["key"]
    actions = models.actions
    with transaction(kit.engine) as connection:
        connection.execute(
            update(actions)
            .where(actions.c.key == key, actions.c.state == "refused")
            .values(state="due", reason="", tries=0, try_at=0, finished_at=None)
        )


def _mark(connection: Connection, ids: Sequence[bytes], before: str, after: str) -> None:
    connection.execute(
        update(models.dead_letters)
        .where(_letters.id.in_(ids), _letters.state == before)
        .values(state=after)
    )


def _let_in(connection: Connection, stores: set[str]) -> None:
    connection.execute(update(models.stores).where(models.stores.c.id.in_(stores)).values(poison=0))


def _settle(connection: Connection, problems: dict[bytes, str]) -> None:
    _mark(connection, [one for one, why in problems.items() if not why], REPLAYING, REPLAYED)
    for one, why in problems.items():
        if why:
            connection.execute(
                update(models.dead_letters).where(_letters.id == one).values(state=OPEN, reason=why)
            )


@cache
def _client() -> httpx.Client:
    return httpx.Client()
