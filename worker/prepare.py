"""Before the first event: Redis answers, the tables stand, the streams fit their cursors.

`shoal up` runs it as a process of its own, so that the supervisor stays small.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import Engine

from worker import cursors, installation, stream
from worker.database import check_schema, database_url, open_engine, transaction
from worker.embedded import redis_url
from worker.errors import ShoalError
from worker.settings import Settings, settings_from
from worker.upgrading import bring_up_to_date


def prepare(settings: Settings) -> list[str]:
    """Make everything ready; what a person should know of it, in sentences.

    Raises
    ------
    ShoalError
        Saying what stands in the way.
    """
    client = stream.connect(redis_url(settings))
    engine = open_engine(database_url(settings), connections=1)
    try:
        stream.await_server(client)
        stream.check_server(client)
        said = _tables(settings, engine)
        with transaction(engine) as connection:
            installation.partitions(connection, settings.partitions)
        said += [
            f"partition {number}: its stream was replaced; reading it from its beginning"
            for number in cursors.mend(engine, client)
        ]
    finally:
        engine.dispose()
        client.close()
    return said


def _tables(settings: Settings, engine: Engine) -> list[str]:
    if not settings.is_embedded_database:
        check_schema(engine)
        return []
    return ["database brought up to date"] if bring_up_to_date(engine) else []


def main() -> int:
    """Prepare from the environment: sentences on standard output, what went wrong on the other."""
    try:
        said = prepare(settings_from(os.environ))
    except ShoalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
