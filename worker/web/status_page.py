"""The status page: who got what, why not, at what cost, and what would stop it. Values to HTML."""

from __future__ import annotations

from segmentation.catalogues import counted
from worker.web.html import Html, code, element, page, together
from worker.web.status_queries import Status
from worker.web.store_section import store_section

_REFRESH = 10  # seconds


def status_page(status: Status, *, is_live: bool = False) -> str:
    """The whole page; a live one loads itself anew, which would empty a form being filled in."""
    again = (
        Html(f'Loads itself anew every {_REFRESH} s. <a href="/">Stop that</a>')
        if is_live
        else Html('<a href="/">Look again</a>, or <a href="/?live">keep looking</a>')
    )
    parts: list[object] = [
        element("h1", "Shoal"),
        element("p", f"As of {status.at:%Y-%m-%d %H:%M:%S} UTC. ", again, kind="soft"),
        _streams(status),
    ]
    if not status.stores:
        parts.append(element("p", "No store yet. ", code("shoal store add ID --platform …")))
    parts += [store_section(store) for store in status.stores]
    return page("Shoal: status", together(parts), refresh=_REFRESH if is_live else 0)


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
    told = counted(waiting, "event waits", "events wait")
    return element("p", f"{told}; the oldest for {oldest:.0f} s.")
