"""Learning in a process of its own: scikit-learn's hundred megabytes leave together with it.

Whoever runs the task waits for that process, one at a time: a second store's wish stands in the
database, and the sweep rings again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from threading import Lock
from typing import Final

_one_at_a_time: Final = Lock()
_log: Final = logging.getLogger("shoal.learn")


def run(store: int) -> None:
    """Learn for a store in a new process and wait for its end; nothing if one is at it already.

    Parameters
    ----------
    store
        Its number.
    """
    if not _one_at_a_time.acquire(blocking=False):
        return
    try:
        command = (sys.executable, "-m", "worker.learning_process", str(store))
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    finally:
        _one_at_a_time.release()
    if ended.returncode:
        _log.error("learning_failed", extra={"store": store, "status": ended.returncode})


def main() -> None:
    """Learn for the store whose number is the argument."""
    # Whoever only starts this process needs none of it.
    from worker.learning import learn  # noqa: PLC0415 - see above
    from worker.observability import set_up_logging  # noqa: PLC0415 - see above
    from worker.runtime import process_kit  # noqa: PLC0415 - see above
    from worker.settings import settings_from  # noqa: PLC0415 - see above

    set_up_logging(settings_from(os.environ).log_level)
    learn(process_kit(), int(sys.argv[1]))


if __name__ == "__main__":
    main()
