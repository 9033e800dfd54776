"""The beat: runs the sweep each second, whatever happens to Redis and the database meanwhile.

A process of its own instead of messages of Celery's beat: a sweep that had to wait for a free
worker could not help when the workers are what is stuck, and costs three times the CPU.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from threading import Event
from typing import Final

from worker.celery import SWEEP_EVERY
from worker.observability import set_up_logging
from worker.settings import settings_from

_log: Final = logging.getLogger("shoal.beat")
_LONGEST_PAUSE: Final = 8.0


def beat(sweep: Callable[[], object], stopped: Event, every: float = SWEEP_EVERY) -> None:
    """Sweep until stopped; after failures ever more slowly, up to eight times the interval."""
    pause = every
    while not stopped.wait(pause):
        try:
            sweep()
        except Exception as error:  # noqa: BLE001 - it outlives whatever a sweep runs into
            pause = min(pause * 2, every * _LONGEST_PAUSE)
            _log.warning("sweep_failed", extra={"error": type(error).__name__, "seconds": pause})
        else:
            pause = every


def main() -> None:
    """Beat until asked to end."""
    # The loop above is testable without the house.
    from worker.runtime import process_kit  # noqa: PLC0415 - see above
    from worker.sweeper import sweep  # noqa: PLC0415 - see above

    set_up_logging(settings_from(os.environ).log_level)
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    beat(lambda: sweep(process_kit()), stopped)


if __name__ == "__main__":
    main()
