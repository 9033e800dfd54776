"""The table of settings: every ``SHOAL_*`` variable, its default, its meaning and how it is read.

``python -m worker.settings_pages`` writes ``docs/settings.md`` and ``.env.example`` from it; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from worker.setting_kinds import duration, hosts, names, one_of, path, percent, url, whole

PREFIX: Final = "SHOAL_"


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
        "Business time after which segments are found anew on everybody and taken where their "
        "error is 0.4 % lower; at half of it where it is lower by `SHOAL_REFIT_GAIN`.",
        duration,
    ),
    Setting(
        "refit_gain",
        "0.4",
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
        "bot_events",
        "120",
        "Page events of one visitor within a minute that a browser may tell of; the rest of that "
        "minute is held in quarantine.",
        whole(1, 1_000_000),
    ),
    Setting(
        "shared_keys",
        "5",
        "How many further customer ids one e-mail address may be told with within a day, or "
        "addresses one id; what goes beyond is held.",
        whole(1, 1_000_000),
    ),
    Setting(
        "testers",
        "",
        "E-mail addresses and customer ids whose orders are tests, separated by commas; they are "
        "held.",
        names,
    ),
    Setting(
        "quality_least",
        "95",
        "Percent of a store's events that must pass the gate in a day; below it `shoal doctor` and "
        "the status page say so. 0: never.",
        whole(0, 100),
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
