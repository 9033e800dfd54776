"""``shoal store``: add, keys and list; the rest stands in its own files."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import connecting, store_secrets
from worker.cli.output import Json, print_json, print_table, say

app = typer.Typer(help="Stores: add, list, their keys.", no_args_is_help=True)


@app.command()
def add(
    store: Annotated[str, typer.Argument(help="An id of your choice: a-z, 0-9, hyphens.")],
    platform: Annotated[str, typer.Option(help="The connector's name.")] = "sandbox",
    url: Annotated[str, typer.Option(help="Address of the store's API.")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217 code; empty: the store says it.")] = "",
    time_zone: Annotated[str, typer.Option(help="IANA name; empty: the store says it.")] = "",
    clock: Annotated[str, typer.Option(help="`wall`, or `log` to replay a log.")] = "wall",
    origins: Annotated[str, typer.Option(help="Origins of the store's pages; `*` is any.")] = "*",
    past: Annotated[str, typer.Option(help="How far back to read: 730d; 0: not at all.")] = "730d",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the connector.")] = None,
    secret: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, kept sealed; NAME alone is asked for.")
    ] = None,
    *,
    poll: Annotated[bool, typer.Option("--poll", help="Read its changes every minute.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the store anything now.")
    ] = False,
    json: Json = False,
) -> None:
    """Connect a store; asks for what its platform needs, prints its keys.

    The server key is shown this once.
    """
    from worker.cli.asking import asker, pairs, secrets_of
    from worker.cli.connecting import connected, tell_connected
    from worker.cli.spans import span_of
    from worker.connecting import Wanted
    from worker.stores import NewStore

    new = NewStore(
        id=store,
        platform=platform,
        url=url,
        currency=currency,
        time_zone=time_zone,
        clock=clock,
        origins=origins,
        options=pairs(option or [], "--option"),
        secrets=secrets_of(secret or []),
    )
    wanted = Wanted(
        span_of("--past", past, none=True), is_polled=poll, is_offline=offline, ask=asker()
    )
    tell_connected(connected(new, wanted), is_polled=poll, is_json=json)


@app.command()
def keys(
    store: Annotated[str, typer.Argument(help="The store's id.")],
    renew: Annotated[str, typer.Option(help="`server` or `browser`: a new key instead.")] = "",
    origins: Annotated[
        str, typer.Option(help="Let these pages use the browser key; `*` lets any.")
    ] = "",
    *,
    json: Json = False,
) -> None:
    """Show the browser key and its pages; renew a key that was lost or has leaked."""
    from worker import stores
    from worker.cli.context import opened
    from worker.database import transaction

    if renew not in {"", "server", "browser"}:
        problem = f"--renew {renew!r}: expected server or browser"
        raise typer.BadParameter(problem)
    made = ""
    with opened() as kit, transaction(kit.engine) as connection:
        if renew == "server":
            made = stores.renew_server_key(connection, store)
        elif renew == "browser":
            stores.renew_browser_key(connection, store)
        if origins:
            stores.change_origins(connection, store, origins)
        found = stores.load_store(connection, store)
    if json:
        told = {"store": store, "browser_key": found.browser_key, "origins": found.origins}
        print_json(told | ({"server_key": made} if made else {}))
        return
    say(f"Browser key (public):          {found.browser_key}")
    say(f"Pages that may use it:         {' '.join(found.origins) or 'none'}")
    if made:
        say(f"Server key (shown this once):  {made}")
    else:
        say("Server key: only a hash of it is kept; `--renew server` makes a new one")
    if renew:
        say(f"The old {renew} key is refused within 5 seconds.")


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the stores."""
    from worker.cli.context import opened
    from worker.database import reading
    from worker.stores import list_stores

    with opened() as kit, reading(kit.engine) as connection:
        found = list_stores(connection)
    names = ("id", "platform", "url", "currency", "paused")
    told = [{name: getattr(one, name) for name in names} for one in found]
    for one in told:
        # Whatever stands there: without an address nobody speaks with it.
        one["platform"] = one["platform"] if one["url"] else ""
    if json:
        print_json({"stores": told})
        return
    print_table("Stores", names, [[one[name] or "-" for name in names] for one in told])


app.command()(connecting.check)
app.command()(store_secrets.secrets)
app.command()(connecting.poll)
app.command()(connecting.remove)
