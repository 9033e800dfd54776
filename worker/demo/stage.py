"""The stage: stack, store and player started, the log played day by day, the proof taken."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, Final

import httpx
from sqlalchemy import func, select

from campaigns.library import READY, ready_campaigns
from connectors.events import microseconds
from worker import campaign_files, models, process_clock
from worker.campaign_files import Files
from worker.database import database_url, ensure_schema, open_engine, reading, transaction
from worker.demo import sabotage
from worker.demo.figures import Seen, figures
from worker.demo.memory import Watch
from worker.demo.quiet import Target, await_quiet, move_clock
from worker.errors import ServiceUnreachable, SettingError, ShoalError
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import PREFIX, Settings, settings_from
from worker.shop import Shop, load_shops
from worker.stores import AddedStore, NewStore, add_store
from worker.supervisor import Say, Stack
from worker.up import child_environment, running
from worker.web.listeners import read_listening

STORE: Final = "demo"
# What suits two years in a minute, where the environment says nothing else.
_DEFAULTS: Final = {"LEARN_EVERY": "91d", "KEEP_BROWSING": "3650d", "RATE_PER_ADDRESS": "1000"}
_PATIENCE: Final = 60.0  # seconds for the stack to come up
SABOTAGES: Final = ("", "drop", "double", "skew")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to play. ``events`` 0 is the whole log; ``folder`` is where everything is kept."""

    folder: Path
    events: int = 0
    seed: int = 1
    days_a_step: int = 1
    sabotage: str = ""


@dataclass(frozen=True)
class Moment:
    """How far the play is: business time in microseconds, days, the player's counts."""

    now: int
    day: int
    days: int
    counts: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Theatre:
    """Everything that stands while the log is played."""

    stack: Stack
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
    settings = _settings(wanted.folder)
    _require_empty(settings)
    keys = [secrets.token_hex(16) for _ in range(2)]
    watch = Watch()
    with running(settings, say) as stack, _sandbox(wanted.folder, keys) as (shop_url, pid):
        watch.apart.add(pid)
        watch.start()
        kit = open_kit(stack.settings)
        try:
            added = _added(kit, shop_url, keys)
            target = Target(added.number, STORE, added.partition)
            _await_door(stack)
            yield Theatre(
                stack, kit, target, shop_url, keys[0], added.browser_key, keys[1], watch
            )
        finally:
            watch.stop()
            close_kit(kit)


def _settings(folder: Path) -> Settings:
    ours = {f"{PREFIX}{name}": value for name, value in _DEFAULTS.items()}
    home = {f"{PREFIX}HOME": str(folder / "shoal")}
    return settings_from({**ours, **os.environ, **home})


def _require_empty(settings: Settings) -> None:
    """A demo writes two years of somebody's purchases: never beside real stores."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
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
def _sandbox(folder: Path, keys: list[str]) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "connectors.sandbox.server", "--with-parent"]
    command += ["--home", str(folder / "sandbox"), "--currency", "GBP"]
    environment = {**os.environ, "SANDBOX_KEY": keys[0], "SANDBOX_WEBHOOK_SECRET": keys[1]}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        line = _pipe(process.stdout).readline()
        if not line:
            message = "the sandbox store did not start"
            raise ServiceUnreachable(message)
        yield json.loads(line)["url"], process.pid
    finally:
        process.terminate()
        process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        message = "a process without its pipe"
        raise RuntimeError(message)
    return pipe


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


def door_url(stack: Stack) -> str:
    """Where webhooks go."""
    listening = read_listening(stack.settings)
    port = listening.port if listening else stack.settings.port
    return f"http://{stack.settings.host}:{port}"


def status_url(stack: Stack) -> str:
    """Where the status page is."""
    listening = read_listening(stack.settings)
    port = listening.status_port if listening else stack.settings.status_port
    return f"http://127.0.0.1:{port}/"


def _await_door(stack: Stack) -> None:
    end = monotonic() + _PATIENCE
    while monotonic() < end:
        listening = read_listening(stack.settings)
        if listening is not None and listening.pid == stack.pids().get("web"):
            return
        sleep(0.05)
    message = f"the door did not open in {_PATIENCE:g} s: see {stack.settings.home / 'logs'}"
    raise ServiceUnreachable(message)


def play(wanted: Wanted, there: Theatre, on_day: Callable[[Moment], None]) -> Seen:
    """Play every day of the log, then take the proof from outside."""
    with _player(wanted, there) as player:
        started = monotonic()
        told = _ask(player)
        days, counts = int(told["days"]), {}
        for day in range(days):
            counts = _ask(player, "play")
            now = int(counts.pop("end"))
            move_clock(there.kit, there.target, now)
            await_quiet(there.kit, there.target)
            if day == 0:
                go_live(there.kit)
            on_day(Moment(now, day + 1, days, counts, monotonic() - started))
        seconds = monotonic() - started
        _ask(player)
    if wanted.sabotage == "double":
        sabotage.double_coupon(there.shop_url, there.shop_key)
    if wanted.sabotage == "skew":
        sabotage.skew_feature(there.kit, there.target.number)
    verdict = prove(wanted.folder, there)
    ledger = httpx.get(f"{there.shop_url}/_ledger").json()
    return Seen(
        player=counts,
        ledger=ledger,
        verdict=verdict,
        seconds=seconds,
        peak_memory_mb=there.watch.peak_mb,
    )


def results(there: Theatre, seen: Seen) -> dict[str, Any]:
    """The figures of a play."""
    with reading(there.kit.engine) as connection:
        return figures(connection, there.target.number, seen)


@contextmanager
def _player(wanted: Wanted, there: Theatre) -> Iterator[subprocess.Popen[str]]:
    order = {
        "store": STORE,
        "door": door_url(there.stack),
        "shop": there.shop_url,
        "browser_key": there.browser_key,
        "webhook_secret": there.webhook_secret,
        "shop_key": there.shop_key,
        "seed": wanted.seed,
        "events": wanted.events,
        "days_a_step": wanted.days_a_step,
        "sent": str(wanted.folder / "sent.jsonl"),
        "drop": wanted.sabotage == "drop",
    }
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-m", "worker.demo.player"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    there.watch.apart.add(process.pid)
    try:
        _tell(process, json.dumps(order))
        yield process
    finally:
        process.terminate()
        process.wait()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    pipe = _pipe(process.stdin)
    pipe.write(line + "\n")
    pipe.flush()


def _ask(process: subprocess.Popen[str], line: str = "") -> dict[str, Any]:
    if line:
        _tell(process, line)
    answer = _pipe(process.stdout).readline()
    if not answer:
        message = "the player ended before its time"
        raise ShoalError(message)
    told: dict[str, Any] = json.loads(answer)
    return told


def prove(folder: Path, there: Theatre) -> dict[str, Any]:
    """What another process finds when it recomputes every feature from what was sent."""
    environment = child_environment(there.stack.settings)
    export = "from worker.cli import main; main()"
    out = str(folder / "features.csv")
    command = [sys.executable, "-c", export, "features", "export", "--out", out, "--store", STORE]
    _run(command, environment, there.watch)
    coupons = httpx.get(
        f"{there.shop_url}/admin/coupons", headers={"authorization": f"Bearer {there.shop_key}"}
    ).json()
    shop = shop_of(there.kit)
    store = {"now": shop.now, "slots": dict(shop.slots), "coupons": coupons["items"]}
    (folder / "store.json").write_text(json.dumps(store))
    told = _run(
        [sys.executable, "-m", "worker.demo.verify", str(folder)], environment, there.watch
    )
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    verdict["made_at"] = process_clock.now().isoformat(timespec="seconds")
    return verdict


def _run(command: list[str], environment: Mapping[str, str], watch: Watch) -> str:
    process = subprocess.Popen(  # noqa: S603 - our own
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watch.apart.add(process.pid)
    out, problem = process.communicate()
    if process.returncode:
        last = problem.strip().splitlines()[-1:] or ["no word"]
        message = f"{' '.join(command[1:4])} failed: {last[0]}"
        raise ShoalError(message)
    return out
