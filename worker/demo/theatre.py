"""The theatre: stack and store started, the store added, its six campaigns applied."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select

from campaigns.library import READY, ready_campaigns
from connectors.events import microseconds
from worker import campaign_files, models
from worker.campaign_files import Files
from worker.database import database_url, ensure_schema, open_engine, reading, transaction
from worker.demo.guests import Guest
from worker.demo.leaving import home_of
from worker.demo.memory import Watch
from worker.demo.own_redis import own_redis
from worker.demo.own_schema import own_schema
from worker.demo.own_stack import own_stack
from worker.demo.quiet import Target
from worker.demo.venue import Venue
from worker.demo.wanted import LEARN_EVERY, STORE, Wanted
from worker.errors import SettingError, ShoalError
from worker.runtime import Kit, close_kit, open_kit
from worker.secret_key import FILE, ensure_secret_key
from worker.settings import PREFIX, Settings, make_home, settings_from
from worker.shop import Shop, load_shops
from worker.stores import AddedStore, NewStore, add_store
from worker.supervisor import Say, Stack, supervised
from worker.up import child_environment
from worker.web.listeners import Listening

# What suits a play, where the environment says nothing else.
_DEFAULTS: Final = {
    "KEEP_BROWSING": "3650d",
    "RATE_PER_ADDRESS": "1000",
    "PRIVATE_HOSTS": "127.0.0.1",  # where the store is
}
# What opens a venue: what is wanted, whose guest it is, and the door's address.
Opening = Callable[[Wanted, Stack, str], AbstractContextManager[Venue]]


@dataclass(frozen=True)
class Theatre:
    """Everything that stands while the log is played.

    Attributes
    ----------
    outer
        Ends everything should the demo be killed; `shoal up`, which is a guest, has its own.
    """

    outer: Stack
    up: Guest
    listening: Listening
    kit: Kit
    target: Target
    browser_key: str
    venue: Venue
    watch: Watch

    def require_up(self, grace: float = 0) -> None:
        """Pass if `shoal up` runs; ``grace`` are seconds in which it may be about to end.

        Raises
        ------
        ShoalError
            With its last words, if it does not.
        """
        with suppress(subprocess.TimeoutExpired):
            status = self.up.process.wait(grace)
            how = f"by signal {-status}" if status < 0 else f"with status {status}"
            message = f"`shoal up` ended before its time, {how}: {self.up.complaint}"
            raise ShoalError(message)


@contextmanager
def theatre(wanted: Wanted, opening: Opening, say: Say) -> Iterator[Theatre]:
    """The stack and a store, the store added and six campaigns applied.

    Raises
    ------
    ShoalError
        Saying what stands in the way.
    """
    with (
        _place(wanted) as settings,
        supervised(settings, child_environment(settings), say) as outer,
        own_stack(outer) as (up, listening),
        opening(wanted, outer, _door(listening)) as venue,
    ):
        watch = Watch(up.process.pid)
        watch.start()
        kit = open_kit(settings)
        try:
            added = _added(kit, venue.new)
            venue.open_house(kit, added.number)
            target = Target(added.number, STORE, added.partition)
            yield Theatre(outer, up, listening, kit, target, added.browser_key, venue, watch)
        finally:
            watch.stop()
            close_kit(kit)


@contextmanager
def _place(wanted: Wanted) -> Iterator[Settings]:
    """Settings of an empty home and an empty database."""
    settings, name = _settings(wanted), secrets.token_hex(4)
    with (
        own_redis(settings, keep=wanted.keep),
        own_schema(settings, name, keep=wanted.keep) as placed,
    ):
        _require_empty(placed)
        yield placed


def _settings(wanted: Wanted) -> Settings:
    defaults = {**_DEFAULTS, "LEARN_EVERY": LEARN_EVERY[wanted.platform]}
    ours = {f"{PREFIX}{name}": value for name, value in defaults.items()}
    home = {f"{PREFIX}HOME": str(home_of(wanted.folder))}
    settings = settings_from({**ours, **os.environ, **home})
    if settings.secret_key:
        return settings
    # What a demo seals is nobody's: it may have a key of its own, beside any database.
    made = ensure_secret_key(replace(settings, database_url=""))
    key = (made or settings.home / FILE).read_text().strip()
    return replace(settings, secret_key=key)


def _require_empty(settings: Settings) -> None:
    """A demo writes somebody's purchases: never beside real stores."""
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


def _added(kit: Kit, new: NewStore) -> AddedStore:
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
    return _door(there.listening)


def _door(listening: Listening) -> str:
    return f"http://{listening.host}:{listening.port}"


def status_url(there: Theatre) -> str:
    """Where the status page is."""
    return f"http://127.0.0.1:{there.listening.status_port}/"
