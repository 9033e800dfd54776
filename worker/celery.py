"""The Celery app: ``celery -A worker.celery``. A message is a doorbell and carries no data.

Messages are acknowledged early: what a lost one would have done, the sweeper asks for again.
"""

from __future__ import annotations

import gc
import os
from typing import Any, Final

from celery import Celery, bootsteps
from celery.signals import setup_logging, worker_init

from worker import alive
from worker.embedded import broker_url
from worker.observability import set_up_logging
from worker.settings import Settings, settings_from

DRAIN: Final = "shoal.drain"
DELIVER: Final = "shoal.deliver"
LEARN: Final = "shoal.learn"
WALK: Final = "shoal.walk"
TIDY: Final = "shoal.tidy"
SWEEP: Final = "shoal.sweep"
QUEUES: Final = {
    DRAIN: "drain",
    DELIVER: "deliver",
    LEARN: "learn",
    WALK: "learn",
    TIDY: "learn",
    SWEEP: "deliver",
}
SWEEP_EVERY: Final = 1.0  # seconds


class Sign(bootsteps.StartStopStep):
    """A Celery worker's sign of life, while it is connected: Celery's own need remote control."""

    requires = ("celery.worker.components:Timer",)

    def start(self, parent: Any) -> None:
        """Repeat it for as long as the worker runs."""
        settings, name = settings_from(os.environ), str(parent.hostname).partition("@")[0]

        def show() -> None:
            connection = parent.consumer and parent.consumer.connection
            if connection and connection.connected:
                alive.show(settings, name)

        parent.timer.call_repeatedly(alive.EVERY, show)


def make_app(settings: Settings) -> Celery:
    """An app that speaks to the Redis of these settings."""
    made = Celery(
        "shoal", broker=broker_url(settings), include=["worker.tasks"], set_as_current=False
    )
    made.conf.update(
        task_routes={task: {"queue": queue} for task, queue in QUEUES.items()},
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "global_keyprefix": "shoal:celery:",
            "client_name": "shoal-celery",
        },
        # For whoever runs Celery's own beat: a sweep that nobody took in time is dropped.
        beat_schedule={
            SWEEP: {
                "task": SWEEP,
                "schedule": SWEEP_EVERY,
                "options": {"queue": QUEUES[SWEEP], "expires": 2 * SWEEP_EVERY},
            }
        },
    )
    made.steps["worker"].add(Sign)
    return made


@setup_logging.connect
def _log_as_we_do(**_told: Any) -> None:
    set_up_logging(settings_from(os.environ).log_level)


@worker_init.connect
def _share_memory(**_told: Any) -> None:
    # What is loaded before the fork stays shared: the collector must not write into it.
    gc.collect()
    gc.freeze()


def __getattr__(name: str) -> Celery:
    # Made on demand: importing this module for its names reads no environment.
    if name != "app":
        raise AttributeError(name)
    made = make_app(settings_from(os.environ))
    made.set_current()
    made.set_default()
    globals()["app"] = made
    return made
