"""What every request at the door is handled with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

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


class Gate:
    """Lets nobody wait in vain: while Redis is away one request at a time tries, the others leave.

    A server that hangs would else hold every thread of the door, and whoever came next behind them.
    """

    def __init__(self) -> None:
        """Open until something fails."""
        self._is_shut = False
        self._trying = Lock()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Go through, or leave at once.

        Raises
        ------
        RedisDown
            If another request is trying already, or the block raises it.
        """
        is_trying = self._is_shut and self._trying.acquire(blocking=False)
        if self._is_shut and not is_trying:
            msg = "Redis did not answer the request before"
            raise RedisDown(msg)
        try:
            yield
        except RedisDown:
            self._is_shut = True
            raise
        else:
            self._is_shut = False
        finally:
            if is_trying:
                self._trying.release()


@dataclass(frozen=True)
class Desk:
    """The resources of a door."""

    kit: Kit
    directory: Directory
    counters: Counters
    keys: Limiter
    addresses: Limiter
    gate: Gate = field(default_factory=Gate)


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
    with redis_or_refusal(desk):
        receiving.accept(desk.kit, partition, events)


@contextmanager
def redis_or_refusal(desk: Desk) -> Iterator[None]:
    """Turn what Redis cannot take into an answer that says when to come back."""
    try:
        with desk.gate.passed():
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
