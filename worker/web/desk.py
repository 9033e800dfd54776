"""What every request at the door is handled with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.events import Event
from worker import receiving
from worker.errors import BacklogFull, RedisDown
from worker.limits import Limiter
from worker.runtime import Kit
from worker.web.counters import Counters, make_counters
from worker.web.directory import Directory
from worker.web.refusals import Refusal

# After how many seconds a sender shall try again while Redis is away or full.
_NO_REDIS = 2
_BACKLOG = 10


@dataclass(frozen=True)
class Desk:
    """The resources of a door."""

    kit: Kit
    directory: Directory
    counters: Counters
    keys: Limiter
    addresses: Limiter


def make_desk(kit: Kit) -> Desk:
    """A desk with fresh counters and limits; its directory is not started yet."""
    return Desk(
        kit,
        Directory(kit),
        make_counters(),
        Limiter(kit.settings.rate_per_key),
        Limiter(kit.settings.rate_per_address),
    )


def accept(desk: Desk, partition: int, events: Sequence[Event]) -> None:
    """Append sealed events and ring.

    Raises
    ------
    Refusal
        503 while Redis is away or the backlog is full: the sender keeps what it has.
    """
    with redis_or_refusal():
        receiving.accept(desk.kit, partition, events)


@contextmanager
def redis_or_refusal() -> Iterator[None]:
    """Turn what Redis cannot take into an answer that says when to come back."""
    try:
        yield
    except BacklogFull:
        raise Refusal(
            reason="backlog",
            what="too many events wait to be processed",
            where="stream",
            expected="the same request later",
            retry_after=_BACKLOG,
        ) from None
    except RedisDown:
        raise Refusal(
            reason="no_redis",
            what="the stream cannot be written now",
            where="stream",
            expected="the same request later",
            retry_after=_NO_REDIS,
        ) from None
