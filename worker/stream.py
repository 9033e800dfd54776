"""Partitioned streams and their bells, in Redis.

One stream a partition holds what the door accepted until a drain has committed it. A bell is a key
that expires: set while somebody is on the way, so it saves Celery messages and serves as the lease.
Entries are appended before the bell is set; nothing but `trim` below the cursor takes them away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final, cast

import msgspec
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from connectors.events import Event
from worker.errors import BacklogFull, RedisDown, SettingError

START: Final = "0-0"  # the position before every entry
BELL_MS: Final = 2_000
BACKLOG: Final = 1_000_000
PATIENCE: Final = 10.0  # seconds
_CONNECTING: Final = 2.0  # seconds
_FIELD: Final = b"e"
_OLDEST_SERVER: Final = 7
_PAUSE: Final = 0.02  # seconds
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a stream.

    Attributes
    ----------
    position
        Redis' own id, ``milliseconds-number``. Compare with :func:`order`, never as text.
    data
        A packed event.
    """

    position: str
    data: bytes


def connect(url: str, *, patience: float = PATIENCE) -> redis.Redis:
    """A client for this process: one retry, and never a wait without an end.

    A retried append may write twice; the event's own id makes that harmless.

    Parameters
    ----------
    patience
        Seconds to wait for each answer; a server that hangs costs twice as many.

    Raises
    ------
    SettingError
        If the address cannot be read. It is not repeated: it may hold a password.
    """
    try:
        return redis.Redis.from_url(
            url,
            retry=Retry(ConstantBackoff(0.05), 1),
            socket_timeout=patience,
            socket_connect_timeout=min(patience, _CONNECTING),
            client_name="shoal",
        )
    except ValueError as wrong:
        msg = f"SHOAL_REDIS_URL is …: expected redis://host:port/number ({wrong})"
        raise SettingError(msg) from None


@contextmanager
def reachable() -> Iterator[None]:
    """Turn every failure of Redis into :class:`RedisDown`, which says no more than its kind."""
    try:
        yield
    except redis.RedisError as error:
        msg = f"Redis does not take commands ({type(error).__name__})"
        raise RedisDown(msg) from error


def await_server(client: redis.Redis, seconds: float = 20) -> None:
    """Wait until the server takes commands; it may still be loading its file.

    Raises
    ------
    RedisDown
        If it does not in time.
    """
    end = monotonic() + seconds
    while True:
        try:
            client.ping()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if monotonic() > end:
                msg = f"Redis does not answer after {seconds:g} s ({type(error).__name__})"
                raise RedisDown(msg) from error
            sleep(_PAUSE)
        else:
            return


def check_server(client: redis.Redis) -> None:
    """Pass if the server may keep events: version 7 or newer, and never evicting.

    Raises
    ------
    SettingError
        Saying which condition fails.
    RedisDown
        If it does not answer.
    """
    with reachable():
        told = client.info()
    version = str(told.get("redis_version", "0"))
    if int(version.partition(".")[0]) < _OLDEST_SERVER:
        msg = f"SHOAL_REDIS_URL: server version {version}, expected Valkey or Redis 7 or newer"
        raise SettingError(msg)
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        msg = (
            f"SHOAL_REDIS_URL: maxmemory-policy is {policy}, expected noeviction: "
            "it would throw events away"
        )
        raise SettingError(msg)


def stream_of(partition: int) -> str:
    """The key of a partition's stream."""
    return f"shoal:stream:{partition}"


def drain_bell(partition: int) -> str:
    """The key of a partition's bell."""
    return f"shoal:bell:drain:{partition}"


def deliver_bell(store: int) -> str:
    """The key of a store's bell for delivery."""
    return f"shoal:bell:deliver:{store}"


def learn_bell(store: int) -> str:
    """The key of a store's bell for learning."""
    return f"shoal:bell:learn:{store}"


def walk_bell(store: int) -> str:
    """The key of a store's bell for reading its lists."""
    return f"shoal:bell:walk:{store}"


def append(
    client: redis.Redis, partition: int, events: Sequence[Event], *, backlog: int = BACKLOG
) -> bool:
    """Append sealed events and set the bell; whether it was silent, so that a drain must be sent.

    Raises
    ------
    BacklogFull
        If the stream holds ``backlog`` entries already; nothing was written.
    RedisDown
        If Redis does not answer; some may have been written.
    ValueError
        If an event still carries personal data in clear.
    """
    packed = [pack(event) for event in events]
    key = stream_of(partition)
    with reachable():
        if client.xlen(key) >= backlog:
            msg = f"partition {partition}: {backlog} events wait to be drained"
            raise BacklogFull(msg)
        pipeline = client.pipeline(transaction=False)
        for data in packed:
            pipeline.xadd(key, {_FIELD: data})
        pipeline.set(drain_bell(partition), 1, nx=True, px=BELL_MS)
        return bool(pipeline.execute()[-1])


def pack(event: Event) -> bytes:
    """An event as it may be written; an unsealed one is refused."""
    if event.personal:
        msg = f"event {event.id.hex()} is not sealed"
        raise ValueError(msg)
    return _encoder.encode(event)


def decode(entry: Entry) -> Event | str:
    """The event in an entry, or why there is none."""
    try:
        return _decoder.decode(entry.data)
    except msgspec.MsgspecError as error:
        return f"not an event: {type(error).__name__}"


def read(client: redis.Redis, partition: int, after: str, count: int = 1_000) -> list[Entry]:
    """Entries after a position, oldest first."""
    with reachable():
        found = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            client.xrange(stream_of(partition), min=f"({after}", count=count),
        )
    return [Entry(position.decode(), fields.get(_FIELD, b"")) for position, fields in found]


def drop(client: redis.Redis, partition: int, store: str) -> int:
    """Delete every entry of a store from a stream, read or not; how many there were."""
    dropped, after = 0, START
    while entries := read(client, partition, after):
        found = [(entry, decode(entry)) for entry in entries]
        theirs = [
            e.position for e, event in found if isinstance(event, Event) and event.store == store
        ]
        if theirs:
            with reachable():
                client.xdel(stream_of(partition), *theirs)
        dropped, after = dropped + len(theirs), entries[-1].position
    return dropped


def trim(client: redis.Redis, partition: int, position: str) -> None:
    """Drop everything up to and including a committed position."""
    with reachable():
        client.xtrim(stream_of(partition), minid=_following(position), approximate=False)


def unread(client: redis.Redis, partition: int) -> int:
    """Number of entries that stand in a stream."""
    with reachable():
        return client.xlen(stream_of(partition))


def last_position(client: redis.Redis, partition: int) -> str:
    """The last id a stream ever gave out; ``START`` when there is no stream."""
    with reachable():
        try:
            told = client.xinfo_stream(stream_of(partition))
        except redis.ResponseError as error:
            if "no such key" in str(error).lower():
                return START
            raise
    last = told["last-generated-id"]
    return last.decode() if isinstance(last, bytes) else str(last)


def order(position: str) -> tuple[int, int]:
    """A position as two integers that compare."""
    at, _, number = position.partition("-")
    return int(at), int(number or 0)


def ring(client: redis.Redis, bell: str) -> bool:
    """Set a bell; whether it was silent, so that the caller must send somebody."""
    with reachable():
        return bool(client.set(bell, 1, nx=True, px=BELL_MS))


def renew(client: redis.Redis, bell: str) -> None:
    """Keep a bell set for another ``BELL_MS`` while its work goes on."""
    with reachable():
        client.set(bell, 1, px=BELL_MS)


def silence(client: redis.Redis, bell: str) -> None:
    """Clear a bell. Look once more afterwards: an entry may have come before."""
    with reachable():
        client.delete(bell)


def _following(position: str) -> str:
    at, number = order(position)
    return f"{at}-{number + 1}"
