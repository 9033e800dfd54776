"""``shoal campaigns``: check, plan, apply, start, pause, list, results, preview, explain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, StoreOption, print_json, print_table, say

if TYPE_CHECKING:  # a command imports what it needs
    from worker.campaign_files import Files
    from worker.runtime import Kit
    from worker.stores import Store

app = typer.Typer(help="Campaigns: files in, explained decisions out.", no_args_is_help=True)
_SHOWN = 20  # customers a preview names
Paths = Annotated[list[Path], typer.Argument(help="Files or folders of YAML.")]
Id = Annotated[str, typer.Argument(help="The campaign's id.")]


@app.command()
def check(paths: Paths, store: StoreOption = "", *, json: Json = False) -> None:
    """Read files and say everything that is wrong or looks unintended.

    Also what a store's platform cannot do, and segments by rule that a store lacks: of the one
    that is named, else of all that are here.
    """
    from campaigns.check import Known
    from worker.campaign_files import read_files
    from worker.cli.known_here import known_here

    files = read_files(paths, Known())
    said = [{"path": path, "problem": str(problem)} for path, problem in files.warnings]
    said += [{"path": path, "problem": problem} for path, problem in _misfits_here(files, store)]
    known = known_here(files.campaigns, store)
    if json:
        told = [one.id for one in files.campaigns]
        policies = [one.segment for one in files.policies]
        print_json({"campaigns": told, "policies": policies, "warnings": said, "known": known})
        return
    for one in said:
        say(f"warning: {one['path']}: {one['problem']}")
    for name, sentence in known:
        say(f"{name}: {sentence}")
    counts = (
        counted(len(files.campaigns), "campaign", "campaigns"),
        counted(len(files.policies), "policy", "policies"),
    )
    say(f"Well formed: {' and '.join(counts)}")


def _misfits_here(files: Files, store: str) -> list[tuple[str, str]]:
    from worker.campaign_files import lost_rules
    from worker.cli.context import is_first, opened
    from worker.database import reading
    from worker.errors import ShoalError
    from worker.stores import list_stores, load_store

    if is_first() and not store:
        return []  # files can be looked at where no Shoal runs
    try:
        with opened() as kit:
            with reading(kit.engine) as connection:
                found = [load_store(connection, store)] if store else list_stores(connection)
                lost = [told for one in found for told in lost_rules(connection, one, files)]
            return [*lost, *(told for one in found for told in _misfits(kit, one, files))]
    except ShoalError as error:
        if store:
            raise
        return [("stores", f"not looked at: {error}")]  # the files were, wherever this runs


def _misfits(kit: Kit, store: Store, files: Files) -> list[tuple[str, str]]:
    from worker.platform_fit import misfits

    return [
        (one.id, str(problem)) for one in files.campaigns for problem in misfits(kit, store, one)
    ]


@app.command()
def plan(paths: Paths, store: StoreOption = "", *, json: Json = False) -> None:
    """Show what applying would change, and how many customers each campaign fits now."""
    from worker import campaign_files, explaining
    from worker.cli.context import reading_shop
    from worker.known_fields import asked
    from worker.own_features import own_names
    from worker.shop import Running

    with reading_shop(store) as (_, connection, shop):
        own = own_names(connection, shop.number)
        files = campaign_files.read_files(paths, campaign_files.known_of(shop, own))
        changes = campaign_files.plan(shop, files)
        fits = {
            one.id: len(explaining.audience(connection, shop, Running(one, 0, "shadow", 0)))
            for one in files.campaigns
        }
        known = asked(connection, shop, files.campaigns)
    rows = [(name, change, fits[name]) for name, change in changes.items()]
    if json:
        told = [{"id": one, "change": two, "customers": three} for one, two, three in rows]
        print_json({"store": shop.id, "campaigns": told, "known": known})
        return
    print_table("Plan", ("campaign", "change", "customers it fits now"), rows)
    for name, sentence in known:
        say(f"{name}: {sentence}")


@app.command()
def apply(paths: Paths, store: StoreOption = "", *, json: Json = False) -> None:
    """Make the files the store's campaigns. New ones start in shadow."""
    import getpass

    from connectors.events import microseconds
    from worker import campaign_files
    from worker.cli.context import changing_shop, chosen_shop
    from worker.own_features import own_names
    from worker.stores import load_store

    with changing_shop(store) as (kit, connection, shop):
        own = own_names(connection, shop.number)
        files = campaign_files.read_files(paths, campaign_files.known_of(shop, own))
        wall = microseconds(kit.clock())
        misfits = _misfits(kit, load_store(connection, shop.id), files)
        changes = campaign_files.apply_files(connection, shop, files, wall, getpass.getuser())
        applied = chosen_shop(connection, kit, shop.id)
        for name, change in changes.items():
            if change != "same":
                campaign_files.arm(connection, kit.sealer, applied, name)
    warned = [*((path, str(problem)) for path, problem in files.warnings), *misfits]
    if json:
        said = [{"path": path, "problem": problem} for path, problem in warned]
        policies = [policy.segment for policy in files.policies]
        told = {"store": shop.id, "campaigns": changes, "policies": policies, "warnings": said}
        print_json(told)
        return
    for path, problem in warned:
        say(f"warning: {path}: {problem}")
    for name, change in changes.items():
        say(f"{name}: {change}{' (in shadow)' if change == 'new' else ''}")
    for policy in files.policies:
        say(f"policy of {policy.segment}: applied")


@app.command()
def start(campaign: Id, store: StoreOption = "", *, json: Json = False) -> None:
    """Make a campaign live; says first what it did in shadow over the last 7 days."""
    from worker import campaign_files, campaign_reports
    from worker.cli.context import changing_shop

    with changing_shop(store) as (_, connection, shop):
        past = campaign_reports.shadow_week(connection, shop, campaign)
        campaign_files.set_state(connection, shop, campaign, "live")
    if json:
        print_json({"id": campaign, "state": "live", "in_shadow": past})
        return
    say(
        "In the last 7 days it would have reached "
        f"{counted(past['customers'], 'customer', 'customers')} "
        f"at a cost of at most {past['cost_at_most']}."
    )
    say(f"{campaign} is live; it sees what happens from now on.")


@app.command()
def pause(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")] = "",
    store: StoreOption = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every campaign of the store.")] = False,
    json: Json = False,
) -> None:
    """Stop a campaign's pushes within 5 seconds."""
    from worker import campaign_files
    from worker.cli.context import changing_shop

    if bool(campaign) == every:
        problem = "expected a campaign's id, or --all"
        raise typer.BadParameter(problem)
    with changing_shop(store) as (_, connection, shop):
        chosen = [one.campaign.id for one in shop.campaigns] if every else [campaign]
        for name in chosen:
            campaign_files.set_state(connection, shop, name, "paused")
    if json:
        print_json({"paused": chosen})
        return
    say(f"Paused: {', '.join(chosen) or 'nothing, there is no campaign'}")


@app.command(name="list")
def list_(store: StoreOption = "", *, json: Json = False) -> None:
    """List a store's campaigns with what they did and cost at most."""
    from worker import campaign_reports
    from worker.cli.context import reading_shop

    with reading_shop(store) as (_, connection, shop):
        rows = campaign_reports.overview(connection, shop)
    if json:
        print_json({"store": shop.id, "campaigns": rows})
        return
    columns = ("campaign", "state", "fired", "held out", "held", "cost at most", "redeemed")
    print_table(f"Campaigns of {shop.id}", columns, [tuple(row.values()) for row in rows])


@app.command()
def results(campaign: Id, store: StoreOption = "", *, json: Json = False) -> None:
    """Show what a campaign brought: those it reached against its control group."""
    from worker import campaign_results
    from worker.cli.context import reading_shop

    with reading_shop(store) as (_, connection, shop):
        found = campaign_results.results(connection, shop, campaign)
    if json:
        print_json(found)
        return
    title = f"{campaign}: {found.event.replace('_', ' ')} within {found.within} after the decision"
    columns = ("", "reached", "control group", "difference", "95 % from", "to")
    counts = ("customers", found.reached, found.control, "", "", "")
    print_table(title, columns, [counts, *campaign_results.rows(found)])
    for sentence in found.said:
        say(sentence)


@app.command()
def preview(campaign: Id, store: StoreOption = "", *, json: Json = False) -> None:
    """Who meets a campaign's conditions at this moment."""
    from worker import campaign_files, explaining
    from worker.cli.context import reading_shop

    with reading_shop(store) as (_, connection, shop):
        running = campaign_files.running_campaign(shop, campaign)
        found = explaining.audience(connection, shop, running)
    if json:
        print_json({"id": campaign, "customers": found})
        return
    meeting = counted(len(found), "customer meets", "customers meet")
    say(f"{meeting} the conditions of {campaign} now")
    if found:
        say(", ".join(map(str, found[:_SHOWN])) + (" …" if len(found) > _SHOWN else ""))


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="Our id, the platform's id or an e-mail.")],
    campaign: Annotated[str, typer.Option(help="One campaign; all when left out.")] = "",
    store: StoreOption = "",
    *,
    json: Json = False,
) -> None:
    """Why a campaign acted for a customer, or what stood in the way."""
    from worker import campaign_files, explaining
    from worker.cli.context import reading_shop
    from worker.people import find_customer

    with reading_shop(store) as (kit, connection, shop):
        who = find_customer(connection, kit.sealer, shop, customer)
        chosen = shop.campaigns
        if campaign:
            chosen = (campaign_files.running_campaign(shop, campaign),)
        found = [explaining.explain(connection, shop, one, who) for one in chosen]
    if json:
        print_json({"customer": who, "campaigns": found})
        return
    if not found:
        say(f"{shop.id} has no campaign: `shoal campaigns apply`")
    for one in found:
        _say_explanation(one)


def _say_explanation(one: object) -> None:
    from worker.explaining import Explanation

    if not isinstance(one, Explanation):
        return
    say(f"{one.campaign} ({one.state})")
    for record in one.recorded:
        say(f"  {record.at} {record.outcome}, {record.occasion}, version {record.version}")
        for sentence in record.sentences:
            say(f"    {sentence}")
    if one.unrecorded:
        say(f"  {one.unrecorded}")
    say(f"  Now, evaluated at {one.evaluated_at} and not recorded:")
    say(f"    the conditions are {'met' if one.is_met else 'not met'}")
    for finding in one.present:
        say(f"      {finding}")
    if not one.stops:
        say("    nothing else would stop it, if its trigger went off")
    for stop in one.stops:
        say(f"    {stop}")
