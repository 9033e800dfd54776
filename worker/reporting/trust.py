"""The report's section about how steady the groups are, and whether they still fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from connectors.events import moment
from segmentation.drift import SHIFTED, Drift
from segmentation.wording import UNKNOWN, Words, date, number, share
from segmentation.wording_features import label
from segmentation.wording_report import health_words, light_words, maker_words
from worker.reporting import figures
from worker.reporting.content import Health, Report, Version
from worker.reporting.pieces import Section, grid, light, paragraph, plot, sentence
from worker.reporting.plots import Figure
from worker.web.html import Html, code, element, together

_SAME: Final = 0.1  # index below which a feature is spread as it was
_WEEKS: Final = 2  # that make a picture


def trust(words: Words, report: Report) -> Section:
    """A light and a sentence first; the numbers behind it after them."""
    title = words.say("Do the groups still fit?")
    its = report.health
    verdict = (
        words.say("Sorted by rule") if report.kind == "rules" else light_words(words, its.light)
    )
    told = paragraph(health_words(words, report.kind, its.drift))
    parts: list[object] = [light(its.light, verdict, told, *_to_do(words, its))]
    if its.drift is not None:
        parts += _drift(words, its.drift)
    drawn = {}
    if report.history is not None and len(report.history.weekly) >= _WEEKS:
        figure = figures.weeks(words, report.history, report.now)
        drawn["weeks"] = figure
        parts += _weeks(words, report, figure)
    if its.versions:
        parts += [
            element("h3", words.say("Versions of the groups")),
            _versions(words, its.versions),
        ]
    return Section("trust", words.say("Do they fit?"), title, together(parts), drawn)


def _to_do(words: Words, its: Health) -> Iterator[Html]:
    if its.light not in {"look", "act"} or its.drift is None:
        return
    if its.drift.is_carried:
        said = words.say("Other groups may fit better; this compares them and changes nothing:")
        yield paragraph(together([said, " ", code("shoal segments compare")]))
        return
    said = words.say(
        "Finding groups anew may help; this says what it would change, and changes nothing:"
    )
    yield paragraph(together([said, " ", code("shoal segments refit --dry-run")]))


def _drift(words: Words, found: Drift) -> Iterator[Html]:
    yield element("h3", words.say("The numbers behind it"))
    yield paragraph(
        words.say(
            "Customers are scattered {now} as widely around their groups as when these were found "
            "(100%: unchanged; from 110% on it is worth finding others). {moved} of the customers "
            "changed group by themselves under this version.",
            now=share(found.error_since_found),
            moved=share(found.moved),
        )
    )
    order = sorted(found.stability_index.items(), key=lambda pair: -pair[1])
    rows = [
        (sentence(label(words, name)), _change(words, index), f"{index:.2f}")
        for name, index in order
    ]
    heads = (
        words.say("What is looked at"),
        words.say("Spread over the customers"),
        words.say("Stability index"),
    )
    yield grid(heads, rows, texts=2)
    yield paragraph(
        words.say(
            "The stability index compares how customers are spread now with how they were when the "
            "groups were found: below 0.1 is the same, from 0.25 on it is another shop."
        ),
        "soft",
    )


def _change(words: Words, index: float) -> str:
    if index >= SHIFTED:
        return "▲ " + words.say("different from before")
    return words.say("slightly different") if index >= _SAME else words.say("as before")


def _weeks(words: Words, report: Report, figure: Figure) -> Iterator[Html]:
    if report.history is None:
        return
    title = words.say("How many change group in a week")
    usual = float(np.median(report.history.weekly))
    yield element("h3", title)
    yield paragraph(
        words.say(
            "Of 100 customers, by what they did or as time passed. In a usual week {share} change "
            "and all others stay where they are.",
            share=share(usual),
        )
    )
    yield plot("weeks", title, figure)


def _versions(words: Words, found: tuple[Version, ...]) -> Html:
    heads = (
        words.say("Version"),
        words.say("Since"),
        words.say("How it came about"),
        words.say("Groups"),
        words.say("Kept their group"),
    )
    rows = [
        (
            f"{one.number} ✔" if one.is_in_force else one.number,
            element("span", _since(words, one), kind="named"),
            maker_words(words, one.by) or UNKNOWN,
            number(one.groups),
            _kept(words, one),
        )
        for one in found
    ]
    told = words.say(
        "✔ is in force. The last column is the share of customers whom a new version left where "
        "they were. A version that does not suit you can be undone:"
    )
    note = paragraph(together([told, " ", code("shoal segments rollback VERSION")]), "soft")
    return together([grid(heads, rows, texts=3), note])


def _since(words: Words, found: Version) -> str:
    return UNKNOWN if found.at is None else date(words, moment(found.at))


def _kept(words: Words, found: Version) -> str:
    if found.moved is None or not found.customers:
        return UNKNOWN
    if found.moved == found.customers:
        return words.say("all groups are new")
    return share(1 - found.moved / found.customers)
