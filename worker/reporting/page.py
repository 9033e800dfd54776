"""The report as one HTML file: no address is asked, nothing is loaded, it prints on paper."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from connectors.events import moment
from segmentation.wording import Words, date
from worker.plotting import require_plotly
from worker.reporting import movement, overview, portraits, trust
from worker.reporting.content import Report
from worker.reporting.look import STYLE
from worker.reporting.pieces import Section
from worker.reporting.plots import script_json
from worker.web.html import Html, element, html, together

_LANGUAGES: Final = {"en": "en", "zh": "zh-CN"}
# What is in the page may run and look as it says; nothing may be fetched or sent.
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
# On paper the pictures are scaled as they are: drawn anew they might not be ready in time.
_DRAW: Final = """
const config={displayModeBar:false,responsive:true,showTips:false,doubleClick:false};
for(const [name,one] of Object.entries(PLOTS))
Plotly.newPlot("plot-"+name,one.data,one.layout,config);
const each=act=>document.querySelectorAll(".plot svg.main-svg").forEach(act);
addEventListener("beforeprint",()=>each(svg=>svg.setAttribute("viewBox",
`0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`)));
addEventListener("afterprint",()=>each(svg=>svg.removeAttribute("viewBox")));
"""


def page(report: Report, words: Words) -> str:
    """The whole page.

    Raises
    ------
    PlotsMissing
        Where Plotly is not installed.
    """
    require_plotly()
    offline: Any = import_module("plotly.offline")  # an extra
    sections = list(_sections(words, report))
    drawn = {name: figure for one in sections for name, figure in one.figures.items()}
    title = words.say("Who your customers are")
    body = together(
        [
            element("h1", title),
            element("p", _subtitle(words, report), kind="soft"),
            _contents(sections) if len(sections) > 1 else "",
            *(_section(one) for one in sections),
            element("footer", *_footer(words)),
        ]
    )
    script = Html(
        f"<script>{offline.get_plotlyjs()}</script>"
        f"<script>const PLOTS={script_json(drawn)};{_DRAW}</script>"
        if drawn
        else ""
    )
    return (
        f'<!doctype html><html lang="{_LANGUAGES[words.language]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html(title)} · {html(report.store)}</title><style>{STYLE}</style></head>"
        f"<body>{body}{script}</body></html>"
    )


def _sections(words: Words, report: Report) -> Iterable[Section]:
    if not report.customers:
        return [overview.nothing_yet(words)]
    found = [
        overview.overview(words, report),
        overview.spending(words, report),
        movement.over_time(words, report),
        movement.flows(words, report),
        portraits.profiles(words, report),
        portraits.plane(words, report),
        portraits.questions(words, report),
        trust.trust(words, report),
    ]
    return [one for one in found if one is not None]


def _subtitle(words: Words, report: Report) -> str:
    if report.kind == "rules":
        day = date(words, moment(report.now))
        return words.say("{store} · {day} · sorted by rule", store=report.store, day=day)
    return words.say(
        "{store} · {day} · version {version} of the groups",
        store=report.store,
        day=date(words, moment(report.now)),
        version=report.version,
    )


def _contents(sections: Iterable[Section]) -> Html:
    links = [Html(f'<a href="#{html(one.id)}">{html(one.link)}</a> ') for one in sections]
    return element("nav", *links)


def _section(found: Section) -> Html:
    inner = together([element("h2", found.title) if found.title else "", found.body])
    return Html(f'<section id="{html(found.id)}">{inner}</section>')


def _footer(words: Words) -> Iterable[Html]:
    told = words.say(
        "Made by Shoal from your own database. There is no name, address or number of any customer "
        "in this file, and opening it sends nothing to anybody."
    )
    return [element("p", told), element("noscript", words.say("The pictures need JavaScript."))]
