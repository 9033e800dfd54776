"""The status page: who got what, why not, at what cost, and what would stop it. Values to HTML."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.explanation import Finding
from worker.web.html import (
    Html,
    code,
    element,
    figures,
    html,
    listed,
    page,
    table,
    together,
)
from worker.web.status_actions import Latency
from worker.web.status_campaigns import ShownCampaign
from worker.web.status_queries import Answer, Status
from worker.web.status_stores import ShownStore

_REFRESH = 10  # seconds
_NO_ORDER = "no order yet"


def status_page(status: Status) -> str:
    """The whole page."""
    parts: list[object] = [
        element("h1", "Shoal"),
        element(
            "p", f"{status.at:%Y-%m-%d %H:%M:%S} UTC, refreshed every {_REFRESH} s.", kind="soft"
        ),
        _streams(status),
    ]
    if not status.stores:
        parts.append(element("p", "No store yet. ", code("shoal store add ID --platform …")))
    parts += [_store(store) for store in status.stores]
    return page("Shoal: status", together(parts), refresh=_REFRESH)


def answer_page(answer: Answer) -> str:
    """Why campaigns did or did not act for one customer."""
    parts: list[object] = [
        element("h1", f"Customer {answer.customer} of {answer.store}"),
        Html('<p><a href="/">Back to the status</a></p>'),
    ]
    if not answer.campaigns:
        parts.append(element("p", "The store has no such campaign."))
    for one in answer.campaigns:
        past = [
            element("li", f"{item.at}, {item.outcome}: ", " ".join(item.sentences))
            for item in one.recorded
        ]
        parts += [
            element("h2", f"{one.campaign} ", element("small", one.state)),
            element("h3", "Recorded"),
            element("ul", *past) if past else element("p", "Never considered.", kind="soft"),
            element("h3", "As it stands now"),
            element("p", "All conditions hold." if one.is_met else "Not every condition holds."),
            _findings(one.present),
            listed(one.stops),
        ]
    return page("Shoal: why", together(parts))


def problem_page(problem: str) -> str:
    """Something that could not be answered."""
    body = together([element("p", problem), Html('<p><a href="/">Back to the status</a></p>')])
    return page("Shoal", body)


def _streams(status: Status) -> Html:
    if status.streams is None:
        return element(
            "p", "Redis does not answer: the door sends stores away with 503.", kind="bad"
        )
    behind = [one for one in status.streams if one.unread]
    if not behind:
        return element("p", "Every accepted event has been processed.", kind="good")
    waiting = sum(one.unread for one in behind)
    oldest = max(one.oldest_seconds for one in behind)
    return element("p", f"{waiting:,} events wait; the oldest for {oldest:.0f} s.")


def _store(store: ShownStore) -> Html:
    events = store.events
    return together(
        [
            element("h2", f"{store.name} ", element("small", f"{store.id} · {store.platform}")),
            element("p", f"Its time: {store.business_time}", kind="soft"),
            together(element("p", line, kind="bad") for line in store.trouble),
            figures(
                [
                    ("events applied", events["applied"]),
                    ("duplicates stopped", events["duplicates"]),
                    ("dead letters", store.dead_letters),
                    ("waiting for their order", events["unowned"]),
                    ("pushes waiting", store.actions.get("due", 0)),
                    ("webhook to coupon", _latency(store.latency_ms)),
                ]
            ),
            element("h3", "Who got what"),
            _newest(store),
            element("h3", "Campaigns: what they did, cost at most, and what stops them"),
            _campaigns(store),
            element("h3", "Why did this one not?"),
            _question(store),
            element("h3", "Segments"),
            _segments(store),
        ]
    )


def _newest(store: ShownStore) -> Html:
    return table(
        ("customer", "in the store", "campaign", "what", "when", "state"),
        [
            (
                str(one.customer),
                one.platform_id,
                one.campaign,
                one.what,
                one.at,
                f"{one.state}: {one.reason}" if one.reason else one.state,
            )
            for one in store.newest
        ],
        "Nothing has been pushed yet.",
    )


def _campaigns(store: ShownStore) -> Html:
    if not store.campaigns:
        return element("p", "None yet. ", code("shoal campaigns apply FILES"), kind="soft")
    return together(_campaign(one) for one in store.campaigns)


def _campaign(one: ShownCampaign) -> Html:
    verb = "Stop it" if one.state == "live" else "Start it"
    holds = [f"{held.times:,} times: {held.sentence}" for held in one.held_by[:5]]
    in_shadow = f" (in shadow {one.cost_in_shadow})" if one.state == "shadow" else ""
    return element(
        "div",
        element("p", element("b", one.id), f" version {one.version}, ", element("b", one.state)),
        figures(
            [
                ("fires", one.fires),
                ("control group", one.holdouts),
                ("holds", one.holds),
                ("cost at most", f"{one.cost_at_most}{in_shadow}"),
                ("redeemed", one.redeemed),
            ]
        ),
        element("p", f"Bounds: {'; '.join(one.bounds) or 'none'}"),
        element("p", "Held: ") if holds else "",
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
        '<form method="post" action="/why">'
        f'<input type="hidden" name="store" value="{html(store.id)}">'
        '<input name="customer" required autocomplete="off" aria-label="Customer" '
        'placeholder="customer: our id, the store\'s id or e-mail">'
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


def _findings(found: Iterable[Finding]) -> Html:
    return listed(str(one).strip() for one in found)


def _latency(measured: Latency) -> str:
    if measured.p50 is None or measured.p95 is None:
        return "-"
    return f"{measured.p50:,.0f} ms, 95 %: {measured.p95:,.0f} ms"
