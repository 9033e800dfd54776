"""The beat: runs the sweep each second, whatever happens to Redis and the database meanwhile.

Beside it, in a thread that no sweep holds up, it syncs the own Valkey's file (worker.embedded).

A process of its own instead of messages of Celery's beat: a sweep that had to wait for a free
worker could not help when the workers are what is stuck, and costs three times the CPU.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from worker import alive
from worker.celery import SWEEP_EVERY
from worker.observability import set_up_logging
from worker.settings import settings_from

_log: Final = logging.getLogger("shoal.beat")
_LONGEST_PAUSE: Final = 8.0


def beat(
    work: Callable[[], object],
    stopped: Event,
    every: float = SWEEP_EVERY,
    failure: str = "sweep_failed",
) -> None:
    """Work until stopped; after failures ever more slowly, up to eight times the interval."""
    pause = every
    while not stopped.wait(pause):
        try:
            work()
        except Exception as error:  # noqa: BLE001 - it outlives whatever a sweep runs into
            pause = min(pause * 2, every * _LONGEST_PAUSE)
            _log.warning(failure, extra={"error": type(error).__name__, "seconds": pause})
        else:
            pause = every


def main() -> None:
    """Beat until asked to end."""
    # The loop above is testable without the house.
    from worker.embedded import sync_files  # noqa: PLC0415 - see above
    from worker.runtime import process_kit  # noqa: PLC0415 - see above
    from worker.sweeper import sweep  # noqa: PLC0415 - see above

    settings = settings_from(os.environ)
    set_up_logging(settings.log_level)
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    if settings.is_embedded_redis and settings.appendfsync == "everysec":
        said = (lambda: sync_files(settings), stopped, SWEEP_EVERY, "sync_failed")
        Thread(target=beat, args=said, name="sync", daemon=True).start()

    if settings.notify_url:
        Thread(target=_tell, args=(stopped,), name="notices", daemon=True).start()

    def turn() -> None:
        sweep(process_kit())
        alive.show(settings, "beat")

    beat(turn, stopped)


def _tell(stopped: Event) -> None:
    # Half a second of imports that only an address to be told makes worth it.
    import httpx  # noqa: PLC0415 - see above

    from worker import notices  # noqa: PLC0415 - see above
    from worker.runtime import process_kit  # noqa: PLC0415 - see above

    with httpx.Client(timeout=10.0) as http:
        beat(lambda: notices.turn(process_kit(), http), stopped, notices.EVERY, "notices_failed")


if __name__ == "__main__":
    main()
