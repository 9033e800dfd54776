"""What a process works with, put together in one place and made anew in every forked child."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Final

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine

from worker import installation, process_clock, stream
from worker.celery import DELIVER, DRAIN, LEARN, QUEUES, WALK, make_app
from worker.database import database_url, open_engine, transaction
from worker.embedded import redis_url
from worker.sealing import Sealer, sealer_from
from worker.secret_key import secret_keys
from worker.settings import Settings, settings_from

Send = Callable[[str, int], None]
_IMPATIENT: Final = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
_log: Final = logging.getLogger("shoal.runtime")
_kits: dict[int, Kit] = {}
_inherited: list[Kit] = []
_lock = Lock()


@dataclass(frozen=True)
class Kit:
    """The resources and effects that the shell's functions are handed.

    Attributes
    ----------
    clock
        Operating time.
    send
        Sends a doorbell: (task's name, partition or store's number). Never raises; what is lost
        the sweeper sends again.
    """

    settings: Settings
    engine: Engine
    redis: redis.Redis
    sealer: Sealer
    clock: Callable[[], datetime]
    send: Send

    @cached_property
    def coupon_secret(self) -> bytes:
        """What codes are minted from; never rotated with the other secrets."""
        with transaction(self.engine) as connection:
            return installation.coupon_secret(connection, self.sealer)

    @cached_property
    def salt(self) -> str:
        """What control groups are drawn with; the same for ever."""
        with transaction(self.engine) as connection:
            return installation.salt(connection)

    def ring_drain(self, partition: int) -> None:
        """Send a drain unless one is on the way."""
        if stream.ring(self.redis, stream.drain_bell(partition)):
            self.send(DRAIN, partition)

    def ring_deliver(self, store: int) -> None:
        """Send a delivery for a store unless one is on the way."""
        if stream.ring(self.redis, stream.deliver_bell(store)):
            self.send(DELIVER, store)

    def ring_learn(self, store: int) -> None:
        """Send learning for a store unless it is on the way."""
        if stream.ring(self.redis, stream.learn_bell(store)):
            self.send(LEARN, store)

    def ring_walk(self, store: int) -> None:
        """Send somebody to read a store's lists unless one is on the way."""
        if stream.ring(self.redis, stream.walk_bell(store)):
            self.send(WALK, store)


def open_kit(
    settings: Settings,
    clock: Callable[[], datetime] = process_clock.now,
    *,
    patience: float = stream.PATIENCE,
) -> Kit:
    """A kit for this process. Nothing is connected before it is used.

    Parameters
    ----------
    patience
        Seconds to wait for each answer of Redis.

    Raises
    ------
    SecretKeyMissing
        If there is no key to seal with.
    """
    return Kit(
        settings=settings,
        engine=open_engine(database_url(settings), connections=settings.deliver_threads + 2),
        redis=stream.connect(redis_url(settings), patience=patience),
        sealer=sealer_from(secret_keys(settings), lambda: secret_keys(settings)),
        clock=clock,
        send=_sender(make_app(settings)),
    )


def process_kit() -> Kit:
    """The kit of this process, from its environment; a forked child makes its own."""
    pid = os.getpid()
    with _lock:
        if pid not in _kits:
            for kit in _kits.values():
                # The parent's connections must neither be used here nor closed: keep them, unseen.
                kit.engine.dispose(close=False)
                _inherited.append(kit)
            _kits.clear()
            _kits[pid] = open_kit(settings_from(os.environ))
        return _kits[pid]


def close_kit(kit: Kit) -> None:
    """Close what a kit opened."""
    if _kits.get(os.getpid()) is kit:
        del _kits[os.getpid()]
    kit.engine.dispose()
    kit.redis.close()


def _sender(app: Celery) -> Send:
    # Whoever sends has an answer to give: give up at once instead of after six seconds.
    app.conf.broker_transport_options |= _IMPATIENT

    def send(task: str, number: int) -> None:
        try:
            app.send_task(task, args=(number,), queue=QUEUES[task])
        except (OperationalError, OSError, redis.RedisError) as error:
            _log.warning("doorbell_lost", extra={"task": task, "error": type(error).__name__})

    return send


def _unlock_in_child() -> None:
    global _lock  # noqa: PLW0603 - a lock held by another thread at the fork stays held for ever
    _lock = Lock()


os.register_at_fork(after_in_child=_unlock_in_child)
