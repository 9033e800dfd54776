"""Errors of the shell, sorted by what to do next; each knows the exit code of a command it ends.

::

    ShoalError               1
    ├─ SettingError          2  a variable is wrong: correct it
    ├─ HomeHeld              1  another `shoal up` works in this folder
    ├─ SecretKeyMissing      2  personal data cannot be sealed without a key
    ├─ UnknownStore          2  no store of that name
    ├─ StoreRefused          2  a store that cannot be added as described
    ├─ CannotOpen            1  sealed by a key that is not here, or damaged
    ├─ SchemaBehind          1  run `shoal db upgrade`
    ├─ BackupMissing         1  make a backup before the tables change
    ├─ BackupRefused         2  a backup that cannot be made, or not be restored here
    ├─ StreamReplaced        1  Redis lost its streams or is another one
    └─ ServiceUnreachable    4  try again when it is back
       ├─ RedisDown
       ├─ BacklogFull           the door answers 503, the store retries
       ├─ DatabaseDown
       └─ ServerMissing         no Valkey to start
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar


class ShoalError(Exception):
    """Anything that ends a command with a sentence instead of a traceback."""

    exit_code: ClassVar[int] = 1


class SettingError(ShoalError):
    """An environment variable that cannot be used. Never shows the value of a secret."""

    exit_code = 2


class HomeHeld(ShoalError):
    """Another `shoal up` works in the same SHOAL_HOME."""


class SecretKeyMissing(ShoalError):
    """There is no key to seal personal data with, and none may be made here."""

    exit_code = 2


class UnknownStore(ShoalError):
    """There is no store of that id."""

    exit_code = 2

    def __init__(self, store: str, known: Sequence[str]) -> None:
        near = get_close_matches(store, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        there = f"expected one of {', '.join(sorted(known)[:10])}{hint}"
        none = "there is no store yet, `shoal store add` makes one"
        super().__init__(f"store {store!r} is not known: {there if known else none}")


class StoreRefused(ShoalError):
    """A store that cannot be added as described; ``problems`` names everything that is wrong."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class CannotOpen(ShoalError):
    """Sealed data whose key is not here, that belongs to another store, or that is damaged."""


class SchemaBehind(ShoalError):
    """The database's tables are not those of this version."""


class BackupMissing(ShoalError):
    """The tables would change, and no backup is newer than the last change of the data."""


class BackupRefused(ShoalError):
    """A backup that cannot be made as wanted, or cannot be restored here; nothing was changed."""

    exit_code = 2


class StreamReplaced(ShoalError):
    """A stream's last id is behind the committed cursor: new events would never be seen."""


class ServiceUnreachable(ShoalError):
    """Something outside this process does not answer; nothing is lost by trying again."""

    exit_code = 4


class RedisDown(ServiceUnreachable):
    """Redis does not answer, or is still loading."""


class BacklogFull(ServiceUnreachable):
    """A partition's stream holds as many unread entries as it may."""


class DatabaseDown(ServiceUnreachable):
    """The database does not answer."""


class ServerMissing(ServiceUnreachable):
    """No Valkey or Redis program was found to start."""
