"""The report's page: its parts one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.events import moment
from segmentation.wording import Words, date
from worker.reporting import movement, overview, own, portraits, trust
from worker.reporting.content import Report
from worker.reporting.pieces import Section
from worker.reporting.shell import document
from worker.web.html import Html, element, html, together


def page(report: Report, words: Words) -> str:
    """The whole page.

    Raises
    ------
    PlotsMissing
        Where Plotly is not installed.
    """
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
    return document(f"{title} · {report.store}", body, drawn, words.language)


def _sections(words: Words, report: Report) -> Iterable[Section]:
    if not report.customers:
        return [overview.nothing_yet(words)]
    found = [
        overview.overview(words, report),
        overview.spending(words, report),
        movement.over_time(words, report),
        movement.flows(words, report),
        portraits.profiles(words, report),
        own.own_segments(words, report),
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
