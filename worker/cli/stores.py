"""``shoal store``: add, keys and list."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.output import Json, print_json, print_table, say

app = typer.Typer(help="Stores: add, list, their keys.", no_args_is_help=True)


@app.command()
def add(
    store: Annotated[str, typer.Argument(help="An id of your choice: a-z, 0-9, hyphens.")],
    platform: Annotated[str, typer.Option(help="The connector's name.")] = "sandbox",
    url: Annotated[str, typer.Option(help="Address of the store's API.")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "EUR",
    time_zone: Annotated[str, typer.Option(help="IANA name.")] = "UTC",
    clock: Annotated[str, typer.Option(help="`wall`, or `log` to replay a log.")] = "wall",
    origins: Annotated[
        str, typer.Option(help="Pages that may use the browser key, e.g. https://shop.example.")
    ] = "*",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the connector.")] = None,
    secret: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, kept sealed.")] = None,
    *,
    json: Json = False,
) -> None:
    """Add a store; prints its keys, the server key for the only time."""
    from connectors.events import microseconds
    from connectors.registry import connector_factory
    from worker.cli.context import opened
    from worker.database import transaction
    from worker.stores import NewStore, add_store

    connector_factory(platform)
    new = NewStore(
        id=store,
        platform=platform,
        url=url,
        currency=currency,
        time_zone=time_zone,
        clock=clock,
        origins=origins,
        options=_pairs(option or [], "--option"),
        secrets=_pairs(secret or [], "--secret"),
    )
    with opened() as kit, transaction(kit.engine) as connection:
        added = add_store(connection, kit.sealer, new, microseconds(kit.clock()))
    told = {
        "store": store,
        "partition": added.partition,
        "browser_key": added.browser_key,
        "server_key": added.server_key,
    }
    if json:
        print_json(told)
        return
    say(f"Store {store} is here. Webhooks go to /webhooks/{store}")
    say(f"Browser key (public):          {added.browser_key}")
    say(f"Server key (shown this once):  {added.server_key}")


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
    if json:
        names = ("id", "platform", "url", "currency", "paused")
        told = [{name: getattr(one, name) for name in names} for one in found]
        print_json({"stores": told})
        return
    rows = [(one.id, one.platform, one.url, one.currency, one.paused or "-") for one in found]
    print_table("Stores", ("id", "platform", "url", "currency", "paused"), rows)


def _pairs(texts: list[str], name: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (key, sign, _) in zip(texts, pairs, strict=True):
        if not key or not sign:
            problem = f"{name} {text!r}: expected NAME=VALUE"
            raise typer.BadParameter(problem)
    return {key: value for key, _, value in pairs}
