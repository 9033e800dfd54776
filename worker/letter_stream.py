"""Dead letters of the door on their way to the table, kept in a Redis stream meanwhile.

The door writes no database, and must not lose what it has answered. The sweeper absorbs the stream
into the table; an entry is deleted only after the commit, and a letter absorbed twice is one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import redis

from worker import dead_letters, letter_screening
from worker.database import transaction
from worker.dead_letters import Letter
from worker.errors import BacklogFull
from worker.runtime import Kit
from worker.stream import reachable

KEY: Final = "shoal:dead"
MOST: Final = 100_000  # entries; beyond, the door answers 503 so that senders keep their own
PAGE: Final = 200
_FIELD: Final = b"l"
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Letter)


def keep(client: redis.Redis, letters: Sequence[Letter], *, most: int = MOST) -> None:
    """Append letters; once this returns they survive any crash of ours.

    Raises
    ------
    BacklogFull
        If so many wait to be absorbed that none is taken any more.
    RedisDown
        If Redis does not answer.
    """
    if not letters:
        return
    with reachable():
        if client.xlen(KEY) >= most:
            msg = f"{most} dead letters wait to be absorbed"
            raise BacklogFull(msg)
        pipeline = client.pipeline(transaction=False)
        for letter in letters:
            pipeline.xadd(KEY, {_FIELD: _encoder.encode(letter)})
        pipeline.execute()


def absorb(kit: Kit) -> int:
    """Move what waits into the table, a page at a time; how many entries there were."""
    moved = 0
    while True:
        with reachable():
            entries = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]", kit.redis.xrange(KEY, count=PAGE)
            )
        if not entries:
            return moved
        with transaction(kit.engine) as connection:
            letters = [_decoder.decode(fields[_FIELD]) for _, fields in entries]
            kept = letter_screening.without_erased(connection, kit.sealer, letters)
            dead_letters.write_letters(connection, kept)
        with reachable():
            kit.redis.xdel(KEY, *(position for position, _ in entries))
        moved += len(entries)


def waiting(client: redis.Redis) -> int:
    """How many letters wait to be absorbed."""
    with reachable():
        return client.xlen(KEY)
