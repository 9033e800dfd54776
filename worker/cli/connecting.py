"""``shoal store check``, ``poll`` and ``remove``, and what ``add`` asks and tells."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, print_json, print_table, say
from worker.cli.spans import span_of

if TYPE_CHECKING:  # a command imports what it needs
    from worker.connecting import Connected, Wanted
    from worker.leaving import Left
    from worker.new_stores import NewStore
    from worker.runtime import Kit

_StoreId = Annotated[str, typer.Argument(help="The store's id.")]
_WAYS = """Stores cannot reach this door yet. Three ways to an address, then set SHOAL_PUBLIC_URL:
  1. docker compose --profile public up -d    (a server with a domain: TLS by itself)
  2. a reverse proxy of yours, for nginx:     location /webhooks/ {{ proxy_pass http://{door}; }}
  3. a tunnel, for trying it:                 ssh -R 80:{door} YOUR-SERVER
Or without any: `shoal store poll {store}` reads the store's changes every minute."""

_ERASES = "Erase all that is known of {store} for ever?"
_REMOVES = "Delete the secrets, keys, names, addresses and dead letters of {store}? Figures stay."
_ERASED = "{store} is erased here."
_STAYS = """{store} is removed here: secrets, keys, names, addresses and dead letters are gone.
What stays until `shoal store remove {store} --erase`: orders, features, segments and decisions,
under numbers of ours and the platform's ids. Browse events leave after SHOAL_KEEP_BROWSING.
`shoal store add {store} …` goes on with it: same platform, address and currency."""


def check(
    store: _StoreId,
    *,
    mend: Annotated[bool, typer.Option("--mend", help="Ask for its webhooks anew.")] = False,
    drop: Annotated[str, typer.Option(help="Take back those that go to this address.")] = "",
    json: Json = False,
) -> None:
    """Look whether a store and we understand each other; exit 1 if something is wrong."""
    from worker.cli.context import opened
    from worker.connecting import dropped, subscribed
    from worker.store_health import store_health

    with opened() as kit:
        if drop:
            dropped(kit, store, drop)
        refused = [one for one in subscribed(kit, store) if one.problem] if mend else []
        found = store_health(kit, store)
    if json:
        print_json({"store": store, "checks": [asdict(one) for one in found]})
    else:
        for one in refused:
            say(f"Not renewed: {one.topic}: {one.problem}")
        rows = [
            ("yes" if one.is_ok else "NO", one.check, one.said, one.advice or "-") for one in found
        ]
        print_table(f"Store {store}", ("well", "check", "said", "what to do"), rows)
    raise typer.Exit(0 if all(one.is_ok for one in found) else 1)


def poll(
    store: _StoreId,
    every: Annotated[str, typer.Option(help="How often: 60s, 15m.")] = "60s",
    *,
    off: Annotated[bool, typer.Option("--off", help="Read its lists no more.")] = False,
    json: Json = False,
) -> None:
    """Read a store's changes again and again: for where its webhooks cannot arrive."""
    from connectors.events import microseconds
    from worker import walks
    from worker.cli.context import opened
    from worker.database import transaction
    from worker.errors import StoreRefused
    from worker.stores import load_store

    span = span_of("--every", every)
    with opened() as kit, transaction(kit.engine) as connection:
        found = load_store(connection, store)
        number = found.number
        if not off and (found.is_removed or not found.url):
            why = "was removed" if found.is_removed else "has no address to be read from"
            problem = (
                f"store {store} {why}: `shoal store add` with --url makes one that can be read"
            )
            raise StoreRefused([problem])
        if off:
            walks.stop(connection, number, "poll")
        else:
            now, every_us = microseconds(kit.clock()), int(span.total_seconds() * 1_000_000)
            walks.begin_polling(connection, number, now, every_us)
    told = "no more" if off else f"every {span.total_seconds():g} s while `shoal up` runs"
    if json:
        print_json({"store": store, "polled": not off})
    else:
        say(f"Changes of {store} are read {told}.")


def remove(
    store: _StoreId,
    *,
    erase: Annotated[bool, typer.Option("--erase", help="Delete all we know of it, too.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Although something could not be taken back in it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False,
    json: Json = False,
) -> None:
    """Take webhooks, tags and open coupons back in a store, then delete it here."""
    import sys

    from rich.progress import Progress

    from worker.cli.context import opened, with_redis
    from worker.leaving import CLOSING, forget_store, leave_store

    is_quiet = json or not sys.stdout.isatty()
    is_asked = not yes and _can_be_asked(store, erase=erase)
    with opened() as kit, with_redis(kit.settings):
        if is_asked:
            _ask(kit, store, _ERASES if erase else _REMOVES)  # the bar would write over a question
        with Progress(disable=is_quiet, transient=True) as bar:
            task = bar.add_task(f"Leaving {store}", total=None)
            left = leave_store(
                kit, store, lambda done, total: bar.update(task, completed=done, total=total)
            )
        is_gone = force or not left.problems
        if is_gone:
            forget_store(kit, store, erases=erase, patience=CLOSING)
    if json:
        told = {"store": store, "removed": is_gone, "erased": erase and is_gone}
        print_json({**told, **asdict(left)})
    else:
        _tell_left(left, _ERASED if erase else _STAYS, store, is_gone=is_gone)
    raise typer.Exit(0 if is_gone else 1)


def _can_be_asked(store: str, *, erase: bool) -> bool:
    """Whether somebody sits at a terminal; what cannot be undone is not done unasked."""
    import sys

    if erase and not sys.stdin.isatty():
        problem = f"nobody can be asked whether to erase {store} for ever: expected --yes, too"
        raise typer.BadParameter(problem, param_hint="--erase")
    return sys.stdin.isatty()


def _tell_left(left: Left, gone: str, store: str, *, is_gone: bool) -> None:
    gone_there = (
        counted(left.webhooks, "webhook", "webhooks"),
        counted(left.coupons, "coupon", "coupons"),
        counted(left.tags, "tag", "tags"),
    )
    say(f"Gone in the store: {', '.join(gone_there)}")
    for problem in left.problems:
        say(f"Not taken back: {problem}")
    if is_gone:
        say(gone.format(store=store))
    else:
        say("The store stays here, stopped. Run it again, or leave those there with --force.")


def _ask(kit: Kit, store: str, question: str) -> None:
    """Ask once, of a store that is there."""
    from worker.database import reading
    from worker.stores import load_store

    with reading(kit.engine) as connection:
        load_store(connection, store)
    typer.confirm(question.format(store=store), abort=True, err=True)


def connected(new: NewStore, wanted: Wanted) -> Connected:
    """Connect a store; what is refused at once leaves no folder and no key behind."""
    from worker.cli.context import is_first, opened
    from worker.connecting import connect_store, require_plausible

    if is_first():
        require_plausible(new, wanted)
    with opened() as kit:
        return connect_store(kit, new, wanted)


def tell_connected(connected: Connected, *, is_polled: bool, is_json: bool) -> None:
    """Say what connecting came to, and what is left to do."""
    new = connected.store
    refused = [one for one in connected.subscriptions if one.problem]
    problems = [*connected.problems, *(f"{one.topic}: {one.problem}" for one in refused)]
    if is_json:
        print_json(
            {
                "store": new.id,
                "currency": new.currency,
                "partition": connected.added.partition,
                "browser_key": connected.added.browser_key,
                "server_key": connected.added.server_key,
                "webhooks": [one.topic for one in connected.subscriptions if not one.problem],
                "problems": problems,
            }
        )
        return
    _tell_facts(connected)
    address = connected.webhook_address or f"/webhooks/{new.id}"
    where = "back" if connected.added.is_back else "here"
    say(f"Store {new.id} is {where}. Webhooks go to {address}")
    if connected.added.is_back:
        say("Its orders, segments and decisions were kept; campaigns have to be applied anew.")
    if connected.subscriptions:
        count = len(connected.subscriptions) - len(refused)
        say(f"It sends {counted(count, 'kind', 'kinds')} of webhooks from now on.")
    if connected.is_currency_assumed:
        say(f"Its figures are kept in {new.currency}, since nobody said another --currency.")
    for problem in problems:
        say(f"Did not work: {problem} (`shoal store check {new.id} --mend` tries again)")
    say(f"Browser key (public):          {connected.added.browser_key}")
    say(f"Server key (shown this once):  {connected.added.server_key}")
    if new.url and new.clock == "wall":
        say(f"Its past is read while `shoal up` runs: `shoal store check {new.id}` says how far.")
        if not connected.webhook_address and not is_polled:
            door = f"127.0.0.1:{os.environ.get('SHOAL_PORT', '8787')}"
            say(_WAYS.format(store=new.id, door=door))


def _tell_facts(connected: Connected) -> None:
    told = connected.facts
    if told is None:
        return
    say(f"{connected.store.id} is {told.name}: {told.currency}, {told.time_zone}")
    for name, what in sorted(told.missing.items()):
        say(f"Not granted: {name} ({what})")
    for note in told.notes:
        say(note)
