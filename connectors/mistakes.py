"""A connector's own mistakes: what it raised and may not raise becomes one sentence.

A stranger's code may do anything. Whoever calls it in a command or behind the door does so inside
:func:`blaming`; the traceback goes to the log, which shows places and no values.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from connectors.errors import ConnectorError, ConnectorFailed

_log: Final = logging.getLogger("shoal.connector")
# A command has no log: its sentence says the place.
_log.addHandler(logging.NullHandler())


@contextmanager
def blaming(platform: str, verb: str) -> Iterator[None]:
    """Turn what is no error of ours into :class:`connectors.errors.ConnectorFailed`.

    Parameters
    ----------
    platform
        Whose connector is called.
    verb
        Its method, or ``connect`` for its factory.

    Raises
    ------
    ConnectorFailed
        Naming both, the exception's type and where it came from.
    ConnectorError
        As the connector raised it.
    """
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a stranger's code does
        _log.exception("connector_failed", extra={"platform": platform, "kind": verb})
        # What a stranger's exception says may quote anything.
        raise ConnectorFailed(platform, verb, type(error).__name__, _place(error)) from None


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
