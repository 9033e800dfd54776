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
    from worker.rotation import sealed_by
    from worker.sealing import key_ids
    from worker.secret_key import secret_keys

    done, waiting = _sealed_anew(kit)
    with reading(kit.engine) as connection:
        counts = sealed_by(connection)
    for key, count in (waiting or {}).items():
        counts[key] = counts.get(key, 0) + count
    there = key_ids(secret_keys(kit.settings))
    holder = holder_of(kit.settings)
    is_behind = holder is not None and holder.seals != there[0]
    is_sure = waiting is not None and not is_behind
    may_go = [key for key in there[1:-1] if not counts.get(key) and is_sure]
    if json:
        unreadable = [{"table": table, "row": row} for table, row in done.unreadable]
        told = {"seals": there[0], "finds": there[-1], "resealed": done.rows}
        print_json({**told, "may_go": may_go, "is_behind": is_behind, "unreadable": unreadable})
    else:
        _say(done, there, may_go)
        if is_behind:
            say("`shoal up` seals with the key before: start it anew, then `shoal keys reseal`")
        if waiting is None and len(there) > 2:  # noqa: PLR2004 - one that seals, one that finds
            say("Redis does not answer, so what waits in it is not known: no key may go yet")
    if done.unreadable:
        raise typer.Exit(3)


def _sealed_anew(kit: Kit) -> tuple[Resealed, dict[str, int] | None]:
    """What was sealed anew, and what each key has sealed in the streams; None: nobody knows."""
    from worker.cli.context import with_redis
    from worker.errors import RedisDown, ServerMissing
    from worker.letter_stream import absorb
    from worker.rotation import reseal as seal_anew
    from worker.rotation import waiting

    try:
        with with_redis(kit.settings):
            absorb(kit)
            return seal_anew(kit), waiting(kit)
    except (RedisDown, ServerMissing):
        return seal_anew(kit), None


def _say(done: Resealed, there: list[str], may_go: list[str]) -> None:
    say(f"Key {there[0]} seals; {done.rows} things were sealed anew with it")
    for table, row in done.unreadable:
        say(f"{table} {row}: no key here opens it; it was left as it is")
    for key in may_go:
        say(f"Key {key} has nothing left to open: it may go, backups of before still need it")
    if len(there) > 1:
        say(f"Key {there[-1]} stays last in the list: e-mail addresses are found with it")
