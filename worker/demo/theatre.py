"""The theatre: stack and sandbox store started, the store added, its six campaigns applied."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from campaigns.library import READY, ready_campaigns
from connectors.events import microseconds
from worker import campaign_files, models
from worker.campaign_files import Files
from worker.database import database_url, ensure_schema, open_engine, reading, transaction
from worker.demo.guests import guest, pipe_of
from worker.demo.leaving import home_of
from worker.demo.memory import Watch
from worker.demo.own_redis import own_redis
from worker.demo.own_schema import own_schema
from worker.demo.own_stack import own_stack
from worker.demo.quiet import Target
from worker.errors import ServiceUnreachable, SettingError
from worker.runtime import Kit, close_kit, open_kit
from worker.secret_key import FILE, ensure_secret_key
from worker.settings import PREFIX, Settings, make_home, settings_from
from worker.shop import Shop, load_shops
from worker.stores import AddedStore, NewStore, add_store
from worker.supervisor import Say, Stack, supervised
from worker.up import child_environment
from worker.web.listeners import Listening

STORE: Final = "demo"
# What suits two years in a minute, where the environment says nothing else.
_DEFAULTS: Final = {
    "LEARN_EVERY": "122d",
    "KEEP_BROWSING": "3650d",
    "RATE_PER_ADDRESS": "1000",
    "PRIVATE_HOSTS": "127.0.0.1",  # where the sandbox store is
}
_SHORT: Final = 20_000  # events
SABOTAGES: Final = ("", "drop", "double", "skew")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to play, and where.

    Attributes
    ----------
    folder
        Holds everything; it is removed at the end unless ``keep``.
    events
        About how many; 0 is the whole log.
    picture
        Where to save the screen in the midst of the play.
    """

    folder: Path
    keep: bool = False
    picture: Path | None = None
    events: int = 0
    seed: int = 1
    sabotage: str = ""

    @property
    def days_a_step(self) -> int:
        """How far the clock moves at a time: a short play takes longer steps."""
        return 4 if 0 < self.events < _SHORT else 2


@dataclass(frozen=True)
class Theatre:
    """Everything that stands while the log is played.

    Attributes
    ----------
    outer
        Ends everything should the demo be killed; `shoal up`, which is a guest, has its own.
    """

    outer: Stack
    listening: Listening
    kit: Kit
    target: Target
    shop_url: str
    shop_key: str
    browser_key: str
    webhook_secret: str
    watch: Watch


@contextmanager
def theatre(wanted: Wanted, say: Say) -> Iterator[Theatre]:
    """Stack and sandbox store, the store added and six campaigns live.

    Raises
    ------
    ShoalError
        Saying what stands in the way.
    """
    keys = [secrets.token_hex(16) for _ in range(2)]
    with (
        _place(wanted) as settings,
        supervised(settings, child_environment(settings), say) as outer,
        own_stack(outer) as (pid, listening),
        _sandbox(wanted.folder, outer, keys) as shop_url,
    ):
        watch = Watch(pid)
        watch.start()
        kit = open_kit(settings)
        try:
            added = _added(kit, shop_url, keys)
            target = Target(added.number, STORE, added.partition)
            own = (shop_url, keys[0], added.browser_key, keys[1])
            yield Theatre(outer, listening, kit, target, *own, watch)
        finally:
            watch.stop()
            close_kit(kit)


@contextmanager
def _place(wanted: Wanted) -> Iterator[Settings]:
    """Settings of an empty home and an empty database."""
    settings, name = _settings(wanted.folder), secrets.token_hex(4)
    with (
        own_redis(settings, keep=wanted.keep),
        own_schema(settings, name, keep=wanted.keep) as placed,
    ):
        _require_empty(placed)
        yield placed


def _settings(folder: Path) -> Settings:
    ours = {f"{PREFIX}{name}": value for name, value in _DEFAULTS.items()}
    home = {f"{PREFIX}HOME": str(home_of(folder))}
    settings = settings_from({**ours, **os.environ, **home})
    if settings.secret_key:
        return settings
    # What a demo seals is nobody's: it may have a key of its own, beside any database.
    made = ensure_secret_key(replace(settings, database_url=""))
    key = (made or settings.home / FILE).read_text().strip()
    return replace(settings, secret_key=key)


def _require_empty(settings: Settings) -> None:
    """A demo writes two years of somebody's purchases: never beside real stores."""
    make_home(settings)
    engine = open_engine(database_url(settings), connections=1)
    try:
        ensure_schema(engine)
        with reading(engine) as connection:
            count = connection.execute(select(func.count()).select_from(models.stores)).scalar()
    finally:
        engine.dispose()
    if count:
        place = "SHOAL_DATABASE_URL" if settings.database_url else str(settings.home)
        message = f"{place}: expected a database without stores for the demo, it has {count}"
        raise SettingError(message)


@contextmanager
def _sandbox(folder: Path, outer: Stack, keys: list[str]) -> Iterator[str]:
    command = ["-m", "connectors.sandbox.server", "--home", str(folder / "sandbox")]
    command += ["--currency", "GBP"]
    environment = {**os.environ, "SANDBOX_KEY": keys[0], "SANDBOX_WEBHOOK_SECRET": keys[1]}
    with guest(outer, "sandbox", command, environment) as store:
        line = pipe_of(store.process.stdout).readline()
        if not line:
            message = f"the sandbox store did not start: {store.complaint}"
            raise ServiceUnreachable(message)
        yield str(json.loads(line)["url"])


def _added(kit: Kit, shop_url: str, keys: list[str]) -> AddedStore:
    new = NewStore(
        id=STORE,
        name="Online Retail II",
        platform="sandbox",
        url=shop_url,
        currency="GBP",
        clock="log",
        secrets={"api_key": keys[0], "webhook_secret": keys[1]},
    )
    wall = microseconds(kit.clock())
    with transaction(kit.engine) as connection:
        added = add_store(connection, kit.sealer, new, wall)
        shop = load_shops(connection, {STORE}, -1, wall)[STORE]
        files = Files(ready_campaigns(), (), ())
        campaign_files.apply_files(connection, shop, files, wall, "demo")
    return added


def go_live(kit: Kit) -> None:
    """Start the six campaigns and set their timers. They see what happens from now on."""
    for name in READY:
        with transaction(kit.engine) as connection:
            campaign_files.set_state(connection, shop_of(kit), name, "live")
        with transaction(kit.engine) as connection:
            campaign_files.arm(connection, kit.sealer, shop_of(kit), name)


def shop_of(kit: Kit) -> Shop:
    """The demo's store with its model and campaigns."""
    with reading(kit.engine) as connection:
        return load_shops(connection, {STORE}, -1, microseconds(kit.clock()))[STORE]


def door_url(there: Theatre) -> str:
    """Where webhooks go."""
    return f"http://{there.listening.host}:{there.listening.port}"


def status_url(there: Theatre) -> str:
    """Where the status page is."""
    return f"http://127.0.0.1:{there.listening.status_port}/"
