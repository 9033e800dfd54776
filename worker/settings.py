"""Settings: one value read from the environment once, and the one table that documents it.

``docs/settings.md`` and ``.env.example`` are written from ``TABLE`` by
``python -m worker.settings_pages``; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from worker.errors import SettingError
from worker.setting_kinds import duration, hosts, one_of, path, percent, url, whole

PREFIX: Final = "SHOAL_"


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


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes
    ----------
    field
        The attribute of :class:`Settings`; the variable is ``SHOAL_`` and its capitals.
    default
        As it would be written in the environment.
    meaning
        Plain words, with the unit.
    read
        Text → value; raises ``ValueError`` whose message is what was expected.
    """

    field: str
    default: str
    meaning: str
    read: Callable[[str], Any] = str

    @property
    def name(self) -> str:
        """The environment variable."""
        return PREFIX + self.field.upper()


_port: Final = whole(1, 65_535)

TABLE: Final = (
    Setting(
        "home",
        "~/.shoal",
        "Folder of everything Shoal writes on this machine: database, append-only file, secret "
        "key, logs.",
        path,
    ),
    Setting(
        "redis_url",
        "",
        "Valkey or Redis ≥ 7 (`redis://`, `rediss://` or `unix://`); its policy must be "
        "`noeviction`, and with `appendfsync always` a crash of it loses nothing. Empty: an own "
        "Valkey on a Unix socket.",
        url("redis", "rediss", "unix"),
    ),
    Setting(
        "database_url",
        "",
        "PostgreSQL (`postgresql://`) or an SQLite file (`sqlite:///`). Empty: SQLite under "
        "`SHOAL_HOME`.",
        url("postgresql", "postgresql+psycopg", "sqlite"),
    ),
    Setting(
        "secret_key",
        "",
        "Key that seals names and addresses; losing it loses them. Several, separated by commas: "
        "the first seals, all open, the last (the oldest) finds e-mail addresses again. Empty: "
        "the file `secret.key` under `SHOAL_HOME`, made at the first start.",
    ),
    Setting(
        "public_url",
        "",
        "Address under which stores reach the door, such as `https://shoal.example.com`: webhooks "
        "are asked for with it. Empty: there is none, and stores are read every minute instead.",
        url("http", "https"),
    ),
    Setting("host", "127.0.0.1", "Address that the door for webhooks listens on."),
    Setting("port", "8787", "Port of the door; when taken, the next free one is used.", _port),
    Setting(
        "status_port",
        "8788",
        "Port of status page, `/readyz` and `/metrics`, on 127.0.0.1 alone; when taken, the next "
        "free one is used.",
        _port,
    ),
    Setting(
        "partitions",
        "8",
        "Number of event streams; stores are spread over them. Counts at the first start only.",
        whole(1, 1_024),
    ),
    Setting(
        "appendfsync",
        "everysec",
        "How the own Valkey writes to disk: `everysec` may lose the last second at a power cut, "
        "`always` does not and takes fewer webhooks a second.",
        one_of("everysec", "always"),
    ),
    Setting("drain_processes", "2", "Processes that drain streams.", whole(1, 256)),
    Setting("deliver_threads", "8", "Pushes to stores under way at a time.", whole(1, 256)),
    Setting("batch", "4000", "Events in one transaction at most.", whole(1, 100_000)),
    Setting(
        "backlog",
        "1000000",
        "Unread entries of one stream at which the door answers 503.",
        whole(1, 1_000_000_000),
    ),
    Setting(
        "rate_per_key", "1000", "Requests a second that one key may make.", whole(1, 1_000_000)
    ),
    Setting(
        "rate_per_address",
        "50",
        "Requests a second that one address may make with a browser key.",
        whole(1, 1_000_000),
    ),
    Setting("learn_every", "7d", "Business time between two segment models.", duration),
    Setting(
        "refit_every",
        "182d",
        "Business time after which segments are found anew on everybody and taken where they fit "
        "better; at half of it where they do so by `SHOAL_REFIT_GAIN`.",
        duration,
    ),
    Setting(
        "refit_gain",
        "0.75",
        "Percent by which other segments must lower the error to be taken early.",
        percent,
    ),
    Setting(
        "refit_moves",
        "60",
        "Percent of customers that segments found anew may move without being asked for "
        "(`shoal segments refit`); 0: none are taken by themselves.",
        percent,
    ),
    Setting("tick_every", "1h", "Time in which every customer is aged once.", duration),
    Setting(
        "keep_browsing",
        "400d",
        "How long browse events stay in the event log. Orders stay for ever.",
        duration,
    ),
    Setting(
        "private_hosts",
        "",
        "Hosts in private networks that may be called: stores, campaigns' outgoing webhooks, "
        "`SHOAL_NOTIFY_URL`; separated by commas, as they stand in the URL; `*` is any. Empty: "
        "public addresses only.",
        hosts,
    ),
    Setting(
        "notify_url",
        "",
        "Address that is told, by a Standard Webhook, when a trouble begins and when it ends. "
        "Empty: nobody is told.",
        url("http", "https"),
    ),
    Setting(
        "notify_secret",
        "",
        "Secret that signs these messages (`whsec_…`). Empty: they are not signed.",
    ),
    Setting(
        "log_level",
        "info",
        "Least severe log line that is written.",
        one_of("debug", "info", "warning", "error"),
    ),
    Setting("language", "en", "Language of reports: `en` or `zh`.", one_of("en", "zh")),
)


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
