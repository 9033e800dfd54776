"""Settings: one value, read from the environment once, of what the table of settings names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from worker.errors import SettingError
from worker.setting_table import PREFIX, TABLE

__all__ = ["PREFIX", "TABLE", "Settings", "environment_of", "make_home", "settings_from"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the environment may say; see ``TABLE`` for meanings.

    Durations are ``timedelta``. ``secret_key`` holds one or more keys and is never shown.
    """

    home: Path
    redis_url: str
    database_url: str
    secret_key: str = field(repr=False)
    public_url: str
    host: str
    port: int
    status_port: int
    partitions: int
    appendfsync: str
    drain_processes: int
    deliver_threads: int
    batch: int
    backlog: int
    rate_per_key: int
    rate_per_address: int
    learn_every: timedelta
    refit_every: timedelta
    refit_gain: float
    refit_moves: float
    tick_every: timedelta
    keep_browsing: timedelta
    private_hosts: tuple[str, ...]
    bot_events: int
    shared_keys: int
    testers: tuple[str, ...] = field(repr=False)
    quality_least: int
    notify_url: str = field(repr=False)
    notify_secret: str = field(repr=False)
    log_level: str
    language: str

    @property
    def is_embedded_redis(self) -> bool:
        """Whether `shoal up` starts its own Valkey."""
        return not self.redis_url

    @property
    def is_embedded_database(self) -> bool:
        """Whether the database is the SQLite file under the home."""
        return not self.database_url

    @property
    def learn_every_us(self) -> int:
        """``learn_every`` in microseconds of business time."""
        return self.learn_every // timedelta(microseconds=1)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment describes.

    Raises
    ------
    SettingError
        Naming every unknown or unusable ``SHOAL_*`` variable, never a value of ``secret_key``.
    """
    problems = _unknown(environment)
    values: dict[str, Any] = {}
    for setting in TABLE:
        text = environment.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.read(text)
        except ValueError as wrong:
            shown = "…" if "://" in text else repr(text)
            problems.append(f"{setting.name} is {shown}: expected {wrong}")
    if problems:
        raise SettingError("\n".join(problems))
    return Settings(**values)


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that make another process read these very settings."""
    written = {setting.name: _written(getattr(settings, setting.field)) for setting in TABLE}
    return {name: text for name, text in written.items() if text}


def _written(value: object) -> str:
    match value:
        case timedelta():
            return f"{int(value.total_seconds())}s"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = [setting.name for setting in TABLE]
    problems = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; see docs/settings.md"
            problems.append(f"{name} is not a setting{hint}")
    return problems


def make_home(settings: Settings) -> None:
    """Make the folder SHOAL_HOME where it is not there yet, for nobody else to read.

    Raises
    ------
    SettingError
        If it cannot be made, or something else has its name.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        message = f"SHOAL_HOME is {settings.home}: expected a folder to write to ({error.strerror})"
        raise SettingError(message) from None
