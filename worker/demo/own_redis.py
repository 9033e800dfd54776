"""On a Redis of somebody's the demo plays only if no Shoal is there, and tidies up afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import redis

from worker import stream
from worker.embedded import redis_url
from worker.errors import RedisDown, SettingError
from worker.settings import Settings

_OURS: Final = "shoal:*"


@contextmanager
def own_redis(settings: Settings, *, keep: bool) -> Iterator[None]:
    """Pass if ``SHOAL_REDIS_URL`` holds nothing of Shoal's; leave nothing there afterwards.

    Raises
    ------
    SettingError
        If another Shoal is at home there: its workers would read the demo's streams.
    RedisDown
        If it does not answer.
    """
    if settings.is_embedded_redis:
        yield
        return
    client = stream.connect(redis_url(settings))
    try:
        with stream.reachable():
            found = next(client.scan_iter(_OURS, count=1_000), None)
        if found is not None:
            message = (
                "SHOAL_REDIS_URL: expected a Redis database without keys of Shoal's for the demo; "
                "another number at the end of the URL will do, or leave the setting out"
            )
            raise SettingError(message)
        try:
            yield
        finally:
            if not keep:
                with suppress(RedisDown):
                    _forget(client)
    finally:
        client.close()


def _forget(client: redis.Redis) -> None:
    with stream.reachable():
        for key in client.scan_iter(_OURS, count=1_000):
            client.delete(key)
