"""The sweep: once a second, ring wherever work waits. All recovery from lost messages is here.

It asks little (six queries and three round trips), changes nothing but what the clock itself
brings, and may run twice at once: bells and event ids make that harmless. When a server is down it
raises, and whoever calls it tries again; what fails otherwise stops nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import Connection, select

from connectors.events import microseconds
from worker import cursors, letter_stream, models, stream, ticking, walks
from worker.celery import TIDY
from worker.circuits import circuits
from worker.database import reading
from worker.due import FILES_OWED, STREAM_OWED, debts, stores_due
from worker.errors import DatabaseDown, RedisDown
from worker.pending import partitions_with_work
from worker.runtime import Kit
from worker.upkeep import upkeep

LATE: Final = 2_000  # milliseconds an entry may wait before somebody is sent
TIDY_AFTER: Final = 86_400_000_000  # microseconds; `shoal customers erase` does it at once
_TIDY_EVERY: Final = 3_600_000  # milliseconds
_SLOWLY: Final = 5_000  # milliseconds between looks at what is in no hurry
_UPKEEP: Final = 60_000  # milliseconds
_log: Final = logging.getLogger("shoal.sweep")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the database says is waiting: partitions and stores by number."""

    cursors: list[int]
    partitions: set[int]
    stores: list[int]
    learners: list[int]
    walkers: list[int]
    owed_since: int | None


def sweep(kit: Kit) -> None:
    """Ring for late entries, due timers and actions, wanted learning; send the clock's events.

    Each part stands alone: one that fails is logged, and the others go on.

    Raises
    ------
    RedisDown, DatabaseDown, sqlalchemy.exc.OperationalError
        If a server does not answer.
    """
    wall = microseconds(kit.clock())
    with reading(kit.engine) as connection:
        waiting = _waiting(connection, wall)
    for name, part in _PARTS.items():
        try:
            part(kit, waiting, wall)
        except (RedisDown, DatabaseDown):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no reason to ring nobody
            told = {"part": name, "error": type(error).__name__}
            _log.warning("sweep_part_failed", extra=told)


def _ring_drains(kit: Kit, waiting: Waiting, wall: int) -> None:
    for partition in sorted(late(kit, waiting.cursors, wall) | waiting.partitions):
        kit.ring_drain(partition)


def _ring_deliveries(kit: Kit, waiting: Waiting, _wall: int) -> None:
    for store in _reachable(kit, waiting.stores):
        kit.ring_deliver(store)


def _ring_others(kit: Kit, waiting: Waiting, _wall: int) -> None:
    for store in waiting.learners:
        kit.ring_learn(store)
    for store in waiting.walkers:
        kit.ring_walk(store)


def _absorb(kit: Kit, _waiting: Waiting, _wall: int) -> None:
    letter_stream.absorb(kit)


def _send_tidying(kit: Kit, waiting: Waiting, wall: int) -> None:
    is_due = waiting.owed_since is not None and wall - waiting.owed_since > TIDY_AFTER
    if is_due and _is_turn(kit, "tidy", _TIDY_EVERY):
        kit.send(TIDY, 0)


def _tick(kit: Kit, _waiting: Waiting, wall: int) -> None:
    if _is_turn(kit, "slowly", _SLOWLY):
        ticking.tick(kit, wall)
    if _is_turn(kit, "upkeep", _UPKEEP):
        upkeep(kit, wall)


_PARTS: Final[dict[str, Callable[[Kit, Waiting, int], None]]] = {
    "drains": _ring_drains,
    "deliveries": _ring_deliveries,
    "others": _ring_others,
    "letters": _absorb,
    "tidying": _send_tidying,
    "ticks": _tick,
}


def _waiting(connection: Connection, wall: int) -> Waiting:
    learning = models.learning.c
    wanted = select(learning.store).where(learning.wanted_at > learning.learned_at)
    since = [at for at, _ in debts(connection, FILES_OWED, STREAM_OWED).values()]
    return Waiting(
        cursors=sorted(cursors.positions(connection)),
        partitions=partitions_with_work(connection, wall),
        stores=stores_due(connection, wall),
        learners=list(connection.execute(wanted).scalars()),
        walkers=sorted({walk.store for walk in walks.due(connection, wall)}),
        owed_since=min(since) if since else None,
    )


def late(kit: Kit, partitions: Sequence[int], wall: int) -> set[int]:
    """Partitions whose oldest entry has waited ``LATE``, to be read or only to be trimmed."""
    with stream.reachable():
        pipeline = kit.redis.pipeline(transaction=False)
        for number in partitions:
            pipeline.xrange(stream.stream_of(number), count=1)
        found = cast("list[list[tuple[bytes, object]]]", pipeline.execute())
    return {
        number
        for number, entries in zip(partitions, found, strict=True)
        if entries and stream.order(entries[0][0].decode())[0] <= wall // 1_000 - LATE
    }


def _reachable(kit: Kit, stores: Iterable[int]) -> list[int]:
    now = kit.clock().timestamp()
    return [one for one, state in circuits(kit.redis, stores).items() if state.allows(now) != 0]


def _is_turn(kit: Kit, what: str, every: int) -> bool:
    """Whether nobody else has done it within so many milliseconds."""
    with stream.reachable():
        return bool(kit.redis.set(f"shoal:sweep:{what}", 1, nx=True, px=every))
