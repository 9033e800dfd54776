"""One store's part of the status page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from segmentation.catalogues import counted
from worker.web.html import Html, code, element, figures, hidden, html, listed, table, together
from worker.web.plain_words import state_said
from worker.web.status_actions import Latency, ShownAction
from worker.web.status_campaigns import ShownCampaign
from worker.web.status_stores import ShownStore

_NO_ORDER = "no order yet"
_NEWEST = 15
_REASONS = 5


def _named(store: ShownStore) -> str:
    return f"{store.id} · {store.platform}" if store.platform else store.id


def store_section(store: ShownStore) -> Html:
    """What there is to say of a store, the four questions first."""
    return together(
        [
            element("h2", f"{store.name} ", element("small", _named(store))),
            element("p", f"Its time: {store.business_time}", kind="soft"),
            together(element("p", line, kind="bad") for line in store.trouble),
            _figures(store),
            element("h3", "Who got what"),
            _newest(store),
            element("h3", "Why did this one get it, why did this one not?"),
            _question(store),
            element("h3", "What it cost at most, and what would stop it now"),
            _campaigns(store),
            element("h3", "Who the customers are"),
            _segments(store),
        ]
    )


def _figures(store: ShownStore) -> Html:
    events = store.events
    return figures(
        [
            ("events applied", events["applied"]),
            ("duplicates stopped", events["duplicates"]),
            ("unreadable, kept", store.dead_letters),
            ("held by the gate", sum(store.held.values())),
            ("waiting for their order", events["unowned"]),
            ("pushes waiting", store.actions.get("due", 0)),
            *_latency(store.latency_ms),
        ]
    )


def _latency(measured: Latency) -> list[tuple[str, str]]:
    if measured.p50 is None or measured.p95 is None:
        return [("from webhook to coupon", "-")]
    words = f"from webhook to coupon, half; 95 %: {measured.p95:,.0f} ms"
    return [(words, f"{measured.p50:,.0f} ms")]


def _newest(store: ShownStore) -> Html:
    def decision(one: ShownAction) -> tuple[str, int, str, str, str]:
        return one.at, one.customer, one.campaign, one.occasion, one.state

    ordered = sorted(store.newest, key=lambda one: (decision(one), one.what), reverse=True)
    rows = [_decided(store, list(its)) for _, its in groupby(ordered, decision)]
    heads = ("customer", "what", "campaign", "when", "cost at most", "state", "")
    return table(heads, rows[:_NEWEST], "Nothing has been pushed yet.")


def _decided(store: ShownStore, its: Sequence[ShownAction]) -> tuple[object, ...]:
    """The actions that were decided together, coupons first."""
    one = its[0]
    lines = sorted((each.what for each in its), key=lambda words: not words.startswith("coupon"))
    state = state_said(one.state)
    return (
        one.platform_id or f"ours {one.customer}",
        together(element("div", words) for words in lines),
        one.campaign,
        one.at,
        next((each.cost for each in its if each.cost), ""),
        f"{state}: {one.reason}" if one.reason else state,
        _why(store, one),
    )


def _why(store: ShownStore, one: ShownAction) -> Html:
    asked = hidden(store=store.id, customer=one.customer, campaign=one.campaign)
    button = Html('<button class="small">Why?</button>')
    return Html(f'<form method="post" action="/why">{asked}{button}</form>')


def _campaigns(store: ShownStore) -> Html:
    if not store.campaigns:
        return element("p", "None yet. ", code("shoal campaigns apply FILES"), kind="soft")
    heads = ("campaign", "state", "reached", "control group", "held back", "redeemed", "at most")
    rows: list[tuple[object, ...]] = [
        (one.id, one.state, one.fires, one.holdouts, one.holds, one.redeemed, _cost(one))
        for one in store.campaigns
    ]
    everything = code(f"shoal campaigns pause --all --store {store.id}")
    return together(
        [
            element("p", "All of it together cost at most ", element("b", store.cost_at_most), "."),
            element("p", "Stops every push within 5 seconds: ", everything),
            table(heads, rows, ""),
            together(_campaign(one) for one in store.campaigns),
        ]
    )


def _cost(one: ShownCampaign) -> str:
    in_shadow = f" (in shadow {one.cost_in_shadow})" if one.state == "shadow" else ""
    return f"{one.cost_at_most}{in_shadow}"


def _campaign(one: ShownCampaign) -> Html:
    verb = "Stop it" if one.state == "live" else "Start it"
    holds = [
        f"{counted(held.times, 'time', 'times')}: {held.sentence}"
        for held in one.held_by[:_REASONS]
    ]
    return element(
        "div",
        element("p", element("b", one.id), f" is asked {one.wakes}."),
        element("p", f"Its limits: {'; '.join(one.bounds) or 'none'}."),
        element("p", "Why it held back:") if holds else "",
        listed(holds),
        element("p", f"{verb}: ", code(one.stop)),
        kind="card",
    )


def _question(store: ShownStore) -> Html:
    choices = together(
        Html(f'<option value="{html(one.id)}">{html(one.id)}</option>') for one in store.campaigns
    )
    # By POST: an address must not stand in a URL.
    return Html(
        f'<form method="post" action="/why">{hidden(store=store.id)}'
        '<input name="customer" required autocomplete="off" aria-label="Customer" '
        'placeholder="customer: the store\'s id, our id or e-mail">'
        f'<select name="campaign" aria-label="Campaign"><option value="">every campaign</option>'
        f"{choices}</select><button>Why?</button></form>"
    )


def _segments(store: ShownStore) -> Html:
    known = sum(one.customers for one in store.segments)
    rows: list[tuple[object, ...]] = [
        (one.name, one.customers, ", ".join(one.groups)) for one in store.segments
    ]
    rows.append((_NO_ORDER, store.customers - known, ""))
    changes = ", ".join(f"{count:,} by {cause}" for cause, count in store.segment_changes.items())
    model = f"Model {store.model}" if store.model else "Rules, until there is a model"
    return together(
        [
            table(("segment", "customers", "groups"), rows, ""),
            element("p", f"{model}. Changes of segment: {changes or 'none yet'}.", kind="soft"),
        ]
    )
