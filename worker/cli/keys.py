"""``shoal keys``: list, rotate, reseal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from worker.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from worker.rotation import Resealed
    from worker.runtime import Kit

app = typer.Typer(
    help="The secret keys that seal names, addresses and stores' credentials.", no_args_is_help=True
)


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the keys by their ids, and how much each has sealed. No key is shown."""
    from worker.cli.context import opened
    from worker.database import reading
    from worker.rotation import sealed_by
    from worker.sealing import key_ids
    from worker.secret_key import secret_keys

    with opened() as kit, reading(kit.engine) as connection:
        there, counts = key_ids(secret_keys(kit.settings)), sealed_by(connection)
    told = [
        {"key": key, "sealed": counts.get(key, 0), "is_there": key in there}
        for key in dict.fromkeys([*there, *counts])
    ]
    if json:
        print_json({"keys": told, "seals": there[0], "finds": there[-1]})
        return
    uses = {there[-1]: "finds addresses", there[0]: "seals"}
    rows = [
        (one["key"], one["sealed"], uses.get(str(one["key"]), "") if one["is_there"] else "MISSING")
        for one in told
    ]
    print_table("Keys", ("key", "has sealed", "use"), rows)


@app.command()
def rotate(*, json: Json = False) -> None:
    """Make a new key that seals from now on, and seal with it what older ones sealed."""
    from worker.cli.context import opened
    from worker.runtime import close_kit, open_kit
    from worker.secret_key import add_secret_key
    from worker.settings import settings_from

    settings = settings_from(os.environ)
    with opened():
        add_secret_key(settings)
    kit = open_kit(settings)
    try:
        _reseal(kit, json=json)
    finally:
        close_kit(kit)


@app.command()
def reseal(*, json: Json = False) -> None:
    """Seal with the first key what others have sealed, and say which of them may go."""
    from worker.cli.context import opened

    with opened() as kit:
        _reseal(kit, json=json)


def _reseal(kit: Kit, *, json: bool) -> None:
    from worker.database import reading
    from worker.holding import holder_of
    from worker.rotation import reseal as seal_anew
    from worker.rotation import sealed_by
    from worker.sealing import key_ids
    from worker.secret_key import secret_keys

    done = seal_anew(kit)
    with reading(kit.engine) as connection:
        counts = sealed_by(connection)
    for key, count in _in_streams(kit).items():
        counts[key] = counts.get(key, 0) + count
    there = key_ids(secret_keys(kit.settings))
    is_running = holder_of(kit.settings) is not None
    may_go = [key for key in there[1:-1] if not counts.get(key) and not is_running]
    if json:
        unreadable = [{"table": table, "row": row} for table, row in done.unreadable]
        told = {"seals": there[0], "finds": there[-1], "resealed": done.rows}
        print_json({**told, "may_go": may_go, "unreadable": unreadable})
    else:
        _say(done, there, may_go, is_running=is_running)
    if done.unreadable:
        raise typer.Exit(3)


def _in_streams(kit: Kit) -> dict[str, int]:
    from worker.errors import RedisDown
    from worker.rotation import waiting

    try:
        return waiting(kit)
    except RedisDown:
        return {}


def _say(done: Resealed, there: list[str], may_go: list[str], *, is_running: bool) -> None:
    say(f"Key {there[0]} seals; {done.rows} things were sealed anew with it")
    for table, row in done.unreadable:
        say(f"{table} {row}: no key here opens it; it was left as it is")
    if is_running:
        say(
            "`shoal up` runs and seals with the key before: start it anew, then `shoal keys reseal`"
        )
    for key in may_go:
        say(f"Key {key} has nothing left to open: it may go, backups of before still need it")
    if len(there) > 1:
        say(f"Key {there[-1]} stays last in the list: e-mail addresses are found with it")
