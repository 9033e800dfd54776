"""The console script ``shoal``: every command, its exit codes and its errors in one sentence.

A command imports what it needs when it runs, so that ``shoal --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import typer

from worker.cli import (
    campaigns,
    choosing,
    customers,
    features,
    keeping,
    keys,
    letters,
    plugins,
    quality,
    run,
    segments,
    stores,
    trying,
)

# Our arrays are small. Threads that wait for each other take forty times as long on a busy machine.
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
app = typer.Typer(
    name="shoal",
    help="Self-hosted marketing automation for online shops: live segments, campaigns that "
    "explain themselves, nothing lost, nothing twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 finished with rejects, 4 service unreachable.",
)
run.register(app)
keeping.register(app)
trying.register(app)
plugins.register(stores.app)
app.add_typer(stores.app, name="store")
app.add_typer(campaigns.app, name="campaigns")
choosing.register(segments.app)
app.add_typer(segments.app, name="segments")
app.add_typer(customers.app, name="customers")
app.add_typer(keys.app, name="keys")
app.add_typer(letters.app, name="dead-letters")
app.add_typer(quality.app, name="quality")
app.add_typer(features.app, name="features")


def main() -> None:
    """Run the command line; an expected failure is one sentence on standard error."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # what is not expected is raised again, with its traceback
        told = _ending(error)
        if told is None:
            raise
        code, sentence = told
        sys.stderr.write(f"{sentence}\n")
        sys.exit(code)


def _ending(error: Exception) -> tuple[int, str] | None:
    """Exit code and sentence of an expected failure. The types cost time, so they come now."""
    import redis
    from sqlalchemy.exc import OperationalError

    from campaigns.errors import CampaignError
    from connectors.errors import ConnectorError, Retriable, UnknownPlatform
    from worker.errors import ShoalError

    told: tuple[int, str] | None = None
    match error:
        case ShoalError():
            told = error.exit_code, str(error)
        case CampaignError() | UnknownPlatform():
            told = 2, str(error)
        case ConnectorError():
            told = (4 if isinstance(error, Retriable) else 1), str(error)
        case OperationalError():
            told = 4, f"the database stopped answering ({type(error.orig).__name__})"
        case redis.RedisError():
            told = 4, f"Redis stopped answering ({type(error).__name__})"
        case OSError(filename=str(name), strerror=str(why)):
            told = 1, f"{name}: {why}"
    return told
