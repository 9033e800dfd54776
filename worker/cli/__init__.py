"""The console script ``shoal``: every command, its exit codes and its errors in one sentence.

A command imports what it needs when it runs, so that ``shoal --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from worker.cli import campaigns, customers, features, letters, run, segments, stores

app = typer.Typer(
    name="shoal",
    help="Self-hosted marketing automation for online shops: live segments, campaigns that "
    "explain themselves, nothing lost, nothing twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 finished with rejects, 4 service unreachable.",
)
run.register(app)
app.add_typer(stores.app, name="store")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(segments.app, name="segments")
app.add_typer(customers.app, name="customers")
app.add_typer(letters.app, name="dead-letters")
app.add_typer(features.app, name="features")


def main() -> None:
    """Run the command line; an expected failure is one sentence on standard error."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    from campaigns.errors import CampaignError
    from connectors.errors import ConnectorError, Retriable, UnknownPlatform
    from worker.errors import ShoalError

    if isinstance(error, ShoalError):
        return error.exit_code
    if isinstance(error, CampaignError | UnknownPlatform):
        return 2
    if isinstance(error, ConnectorError):
        return 4 if isinstance(error, Retriable) else 1
    return None
