"""Dead letters of the door on their way to the table, kept in a Redis stream meanwhile.

The door writes no database, and must not lose what it has answered. The sweeper absorbs the stream
into the table; an entry is deleted only after the commit, and a letter absorbed twice is one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import redis

from worker import dead_letters, letter_screening, stream
from worker.database import transaction
from worker.dead_letters import EVENT, NO_STORE, Letter, letter_id
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
            letters = [
                _letter(kit, position, fields.get(_FIELD, b"")) for position, fields in entries
            ]
            kept = letter_screening.without_erased(connection, kit.sealer, letters)
            dead_letters.write_letters(connection, kept)
        with reachable():
            kit.redis.xdel(KEY, *(position for position, _ in entries))
        moved += len(entries)


def _letter(kit: Kit, position: bytes, data: bytes) -> Letter:
    """What an entry holds; one that is no letter is kept as the letter it is itself."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        at = stream.order(position.decode())[0] * 1_000
        sealed = kit.sealer.seal_bytes(NO_STORE, data)
        reason = f"not a letter: {type(error).__name__}"
        return Letter(letter_id("entry", position.decode(), data), "", EVENT, reason, at, sealed)


def waiting(client: redis.Redis) -> int:
    """How many letters wait to be absorbed."""
    with reachable():
        return client.xlen(KEY)
