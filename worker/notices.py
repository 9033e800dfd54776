"""Telling one address of troubles: once when each begins, once when it ends.

What is to be told is a row of `meta`, so that a restart neither forgets nor repeats it; the
message's id stays the same on each try. It runs beside the sweep, in a thread of its own: an
address that does not answer holds nothing up.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Final, Literal

import httpx
import msgspec
from sqlalchemy import Connection, delete, select

from connectors.addresses import Guard
from connectors.client import Message, post_message
from connectors.errors import PlatformError
from connectors.events import microseconds, moment
from connectors.signatures import standard_headers
from worker import bulk, models
from worker.database import reading, transaction
from worker.runtime import Kit
from worker.settings import Settings
from worker.troubles import Trouble, troubles

EVERY: Final = 15.0  # seconds between two looks
MOST: Final = 5  # messages of one look
QUIET: Final = 3_600_000_000  # microseconds after its end in which a trouble is not told again
_FIRST_WAIT: Final = 30_000_000  # microseconds, twice as long after each failure
_LONGEST_WAIT: Final = 3_600_000_000
_PREFIX: Final = "notice:"
_log: Final = logging.getLogger("shoal.notices")

# begins and ends are still to be told; told lasts; quiet is over and told.
State = Literal["begins", "told", "ends", "quiet"]


class Notice(msgspec.Struct, frozen=True):
    """What is known of one trouble; times in operating time, int microseconds."""

    kind: str
    subject: str
    said: str
    advice: str
    since: int
    state: State = "begins"
    tries: int = 0
    try_at: int = 0


def turn(kit: Kit, http: httpx.Client) -> None:
    """Look once, write down what began and ended, and tell what is to be told.

    Raises
    ------
    DatabaseDown, sqlalchemy.exc.OperationalError
        If the database does not answer.
    """
    wall = microseconds(kit.clock())
    with reading(kit.engine) as connection:
        before = notices(connection)
        found = {one.name: one for one in troubles(connection, kit.redis, kit.settings, wall)}
    after = moved_on(before, found, wall)
    _keep(kit, before, after)
    waiting = [name for name, one in after.items() if one.state in {"begins", "ends"}]
    for name in [name for name in waiting if after[name].try_at <= wall][:MOST]:
        told = _told(kit.settings, http, name, after[name], wall)
        _keep(kit, {name: after[name]}, {name: told})


def notices(connection: Connection) -> dict[str, Notice]:
    """What is known of troubles, by name."""
    meta = models.meta.c
    query = select(meta.name, meta.value).where(meta.name.like(f"{_PREFIX}%"))
    return {
        str(name).removeprefix(_PREFIX): msgspec.json.decode(str(value), type=Notice)
        for name, value in connection.execute(query)
    }


def moved_on(
    before: Mapping[str, Notice], found: Mapping[str, Trouble], wall: int
) -> dict[str, Notice]:
    """What is known after a look.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    after: dict[str, Notice] = {}
    for name, one in before.items():
        if name in found:
            is_back = one.state == "ends" or (one.state == "quiet" and wall >= one.try_at)
            if one.state == "quiet" and is_back:
                continue  # it begins anew below
            state: State = "told" if one.state == "ends" else one.state
            after[name] = msgspec.structs.replace(one, state=state) if is_back else one
        elif one.state == "told":
            after[name] = msgspec.structs.replace(one, state="ends", tries=0, try_at=0)
        elif one.state == "ends" or (one.state == "quiet" and wall < one.try_at):
            after[name] = one
    for name, trouble in found.items():
        if name not in after:
            after[name] = Notice(
                trouble.kind, trouble.subject, trouble.said, trouble.advice, since=wall
            )
    return after


def message_of(settings: Settings, name: str, one: Notice, wall: int) -> Message:
    """The Standard Webhook that tells of a notice; unsigned without a secret."""
    data = {"kind": one.kind, "subject": one.subject, "said": one.said, "advice": one.advice}
    since = moment(one.since).isoformat()
    type_ = "shoal.trouble.began" if one.state == "begins" else "shoal.trouble.ended"
    body = msgspec.json.encode(
        {"type": type_, "timestamp": moment(wall).isoformat(), "data": {**data, "since": since}}
    )
    named = hashlib.blake2b(f"{name}|{one.since}|{one.state}".encode(), digest_size=16)
    headers = standard_headers(
        settings.notify_secret, f"msg_{named.hexdigest()}", moment(wall), body
    )
    if not settings.notify_secret:
        del headers["webhook-signature"]
    headers["content-type"] = "application/json"
    return Message(settings.notify_url, body, headers)


def _told(settings: Settings, http: httpx.Client, name: str, one: Notice, wall: int) -> Notice:
    guard = Guard(frozenset(settings.private_hosts))
    try:
        post_message(http, message_of(settings, name, one, wall), store="-", guard=guard)
    except PlatformError as error:
        _log.warning("notice_not_told", extra={"kind": one.kind, "error": type(error).__name__})
        wait = min(_FIRST_WAIT * 2 ** min(one.tries, 16), _LONGEST_WAIT)
        return msgspec.structs.replace(one, tries=one.tries + 1, try_at=wall + wait)
    if one.state == "begins":
        return msgspec.structs.replace(one, state="told", tries=0, try_at=0)
    return msgspec.structs.replace(one, state="quiet", tries=0, try_at=wall + QUIET)


def _keep(kit: Kit, before: Mapping[str, Notice], after: Mapping[str, Notice]) -> None:
    changed = {name: one for name, one in after.items() if before.get(name) != one}
    gone = before.keys() - after.keys()
    if not changed and not gone:
        return
    rows = [(_PREFIX + name, msgspec.json.encode(one).decode()) for name, one in changed.items()]
    meta = models.meta.c
    with transaction(kit.engine) as connection:
        bulk.upsert(connection, models.meta, ("name", "value"), rows)
        names = [_PREFIX + name for name in gone]
        connection.execute(delete(models.meta).where(meta.name.in_(names)))
