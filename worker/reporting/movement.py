"""The report's sections about time: sizes day by day, and who went where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from connectors.events import moment
from segmentation.rules import STAGES
from segmentation.wording import Words, date, number
from segmentation.wording_groups import stage_words
from segmentation.wording_report import mark_words
from worker.reporting import figures
from worker.reporting.content import Flow, Flows, History, Report
from worker.reporting.pieces import Section, grid, legend, named, paragraph, plot
from worker.reporting.plots import Figure
from worker.web.html import Html, element, listed, together

_BACK = (90, 30)  # days ago that the table looks at
_TOLD = 6  # flows told in the table
_LEAST_DRAWN = 10  # moves: fewer are told quicker than drawn
_AWAY = frozenset({"at_risk", "hibernating", "lost"})


def over_time(words: Words, report: Report) -> Section | None:
    """Sizes of the stages, the days on which the groups were found anew, and a table."""
    found = report.history
    if found is None or len(found.days) < 2:  # noqa: PLR2004 - two days make a line
        return None
    title = words.say("How the stages have grown and shrunk")
    figure = figures.sizes(words, found, report.now)
    since = moment(report.now) - timedelta(days=found.days[0])
    told = words.say(
        "Customers in each stage, day by day since {day}. Counted back from today over every "
        "recorded change; customers whose data was erased are not in it.",
        day=date(words, since),
    )
    marks = [
        mark_words(
            words,
            moment(report.now) - timedelta(days=one.ago),
            one.cause,
            one.version,
            one.customers,
        )
        for one in found.marks
    ]
    dashed = words.say("Dashed lines are days on which many were sorted anew:")
    body = [
        paragraph(told),
        legend(words),
        plot("sizes", title, figure),
        *(
            [paragraph(dashed), element("ol", *(element("li", one) for one in marks))]
            if marks
            else []
        ),
        _sizes_table(words, found),
    ]
    return Section("sizes", words.say("Over time"), title, together(body), {"sizes": figure})


def _sizes_table(words: Words, found: History) -> Html:
    backs = [ago for ago in _BACK if ago <= found.days[0]] or [found.days[0]]
    heads = [
        words.say("Stage"),
        *(words.count("{number} day ago", "{number} days ago", number(ago)) for ago in backs),
        words.say("Today"),
        words.count("Change in {number} day", "Change in {number} days", number(backs[-1])),
    ]
    rows = []
    for stage in STAGES:
        its = found.sizes[stage]
        then = [its[-1 - ago] for ago in backs]
        change = its[-1] - then[-1]
        sign = "▲ +" if change > 0 else "▼ −" if change < 0 else ""  # noqa: RUF001 - a minus
        told = f"{sign}{number(abs(change))}"
        rows.append((named(words, stage), *map(number, then), number(its[-1]), told))
    return grid(heads, rows)


def flows(words: Words, report: Report) -> Section:
    """Who went from which stage to which, by what they did and as time passed."""
    title = words.say("Who moved where")
    told = words.say(
        "Only moves that customers made themselves, by ordering or by staying away: not those by a "
        "new version of the groups or by an import. Whoever moved twice counts twice."
    )
    if not report.flows:
        nothing = paragraph(words.say("Nobody has moved within the last 90 days."))
        return Section("flows", words.say("Movement"), title, together([paragraph(told), nothing]))
    drawn = {
        f"flows-{one.days}": figures.flows(words, one)
        for one in report.flows
        if sum(flow.moves for flow in one.flows) >= _LEAST_DRAWN
    }
    parts = [element("div", *_one_span(words, one, drawn)) for one in report.flows]
    body = [paragraph(told), element("div", *parts, kind="pair")]
    return Section("flows", words.say("Movement"), title, together(body), drawn)


def _one_span(words: Words, found: Flows, drawn: Mapping[str, Figure]) -> Iterator[Html]:
    title = words.say("The last {days} days", days=found.days)
    yield element("h3", title)
    yield listed(_sentences(words, found.flows))
    name = f"flows-{found.days}"
    if name in drawn:
        yield plot(name, title, drawn[name])
    rows = [
        (_stage(words, one.before), named(words, one.after), number(one.moves))
        for one in found.flows[:_TOLD]
    ]
    yield grid((words.say("From"), words.say("To"), words.say("Moves")), rows, texts=2)


def _stage(words: Words, stage: str) -> Html:
    return named(words, stage, "" if stage else words.say("First order"))


def _sentences(words: Words, found: Sequence[Flow]) -> Iterator[str]:
    joined = sum(one.moves for one in found if not one.before)
    slipped = sum(
        one.moves for one in found if one.before not in {"", *_AWAY} and one.after in _AWAY
    )
    back = sum(one.moves for one in found if one.before in _AWAY and one.after not in _AWAY)
    if joined:
        yield words.say("{number} ordered for the first time.", number=number(joined))
    away = words.enumerated([stage_words(words, stage) for stage in STAGES if stage in _AWAY])
    values = {"number": number(slipped), "stages": away}
    yield (
        words.say("{number} slipped away ({stages}).", **values)
        if slipped
        else words.say("Nobody slipped away ({stages}).", stages=away)
    )
    yield (
        words.say("{number} came back from there.", number=number(back))
        if back
        else words.say("Nobody came back from there.")
    )
