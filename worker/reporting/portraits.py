"""The report's sections about who is who: profiles, the map, the tree as questions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segmentation.wording import Words, message, number, share
from segmentation.wording_features import label, said, told_amount, typical_amount
from segmentation.wording_groups import segment_words
from segmentation.wording_report import axis_words, closeness_words, rules_words
from segmentation.wording_segments import difference_words
from worker.reporting import figures
from worker.reporting.content import Cell, GroupProfile, Report
from worker.reporting.look import COLOURS, tint
from worker.reporting.pieces import (
    Section,
    legend,
    named,
    paragraph,
    plot,
    sentence,
    swatch,
    toned,
)
from worker.reporting.questions import Answer, Question, asked
from worker.web.html import Html, element, html, listed, together

_PLAIN = 0.2  # of the shop's spread: less is no difference


def profiles(words: Words, report: Report) -> Section | None:
    """Each group beside the shop, as a table of colours and in sentences."""
    its = report.profiles
    if not its.groups:
        return None
    told = words.say(
        "Each row is a group of customers, each number the middle of the group: half of it lie "
        "above, half below. Blue with ▲ is more than usual in your shop, orange with ▼ less; the "
        "deeper the colour, the greater the difference."
    )
    heads = [
        element("th", ""),
        *(element("th", sentence(label(words, one.feature))) for one in its.shop),
    ]
    shop = _row(words.say("The whole shop"), words, its.shop)
    rows = [_row(_name(words, one), words, one.cells) for one in its.groups]
    table = element("table", element("tr", *heads), shop, *rows, kind="heat")
    cards = [_card(words, one) for one in its.groups]
    waiting = words.count(
        "{number} customer is still in a group of an earlier version and stands in no row; they "
        "are moved within the hour while Shoal runs.",
        "{number} customers are still in groups of an earlier version and stand in no row; they "
        "are moved within the hour while Shoal runs.",
        number(its.waiting),
    )
    body = [
        paragraph(told),
        *([paragraph(waiting)] if its.waiting else []),
        element("div", table, kind="wide"),
        element("h3", words.say("What sets each group apart")),
        element("div", *cards, kind="cards"),
    ]
    return Section(
        "profiles", words.say("Groups"), words.say("How the groups differ"), together(body)
    )


def _name(words: Words, found: GroupProfile) -> Html:
    return named(words, _stage(found.id), segment_words(words, found.id))


def _stage(group: str) -> str:
    return group.partition(".")[0]


def _row(name: object, words: Words, cells: tuple[Cell, ...]) -> Html:
    return element("tr", element("th", name), *(_cell(words, one) for one in cells))


def _cell(words: Words, found: Cell) -> Html:
    sign = "▲ " if found.effect >= _PLAIN else "▼ " if found.effect <= -_PLAIN else ""
    # A gap of no days is how one is told that is not there yet.
    is_none = found.feature.startswith("gap_days") and np.isnan(found.value)
    told = typical_amount(words, found.feature, 0.0 if is_none else found.value)
    colour = tint(found.effect) if sign else "transparent"
    return toned("td", colour, sign, told)


def _card(words: Words, found: GroupProfile) -> Html:
    size = words.count("{number} customer", "{number} customers", number(found.customers))
    told = [sentence(difference_words(words, one)) for one in found.differences]
    parts = listed(told) if told else paragraph(words.say("They are as everybody in the shop."))
    heading = element("h3", swatch(_stage(found.id)), segment_words(words, found.id))
    body = [heading, paragraph(f"{size} · {share(found.share)}", "soft"), parts]
    return toned("div", COLOURS[_stage(found.id)], *body, kind="card")


def plane(words: Words, report: Report) -> Section | None:
    """The map, with its directions in words."""
    its = report.picture
    if its is None:
        return None
    title = words.say("A map of your customers")
    figure = figures.plane(words, its)
    right, up = its.right, its.up
    told = words.say(
        "Each dot is a customer ({customers} were drawn by lot); who lies near another buys alike. "
        "A name stands at the middle of its stage. The map shows {share} of all differences "
        "between customers, so dots may overlap that are told apart otherwise.",
        customers=number(len(its.x)),
        share=share(its.explained),
    )
    ways = [
        words.say(
            "Further right: {words}.",
            words=words.enumerated(axis_words(words, right.more, right.less)),
        ),
        words.say(
            "Further up: {words}.", words=words.enumerated(axis_words(words, up.more, up.less))
        ),
    ]
    body = [paragraph(told), listed(ways), legend(words), plot("map", title, figure)]
    return Section("map", words.say("Map"), title, together(body), {"map": figure})


def questions(words: Words, report: Report) -> Section:
    """The tree, and how far it is to be believed; the rules themselves where they sort."""
    title = words.say("The groups as a few questions")
    told: list[object] = []
    if report.kind == "rules":
        title = words.say("The stages as rules")
        told.append(listed(rules_words(words, report.rules)))
    elif report.tree is None:
        told.append(
            paragraph(
                words.say(
                    "There are no questions for this version of the groups yet: they are learned "
                    "with the next look at the whole shop."
                )
            )
        )
    else:
        told += [paragraph(one) for one in _introduced(words, report)]
        tree = _branch(words, asked(report.tree.surrogate))
        told.append(Html(f'<ul class="tree">{element("li", tree)}</ul>'))
    return Section("questions", words.say("Rules"), title, together(told))


def _introduced(words: Words, report: Report) -> Iterator[str]:
    if report.tree is None:
        return
    yield words.say(
        "Answer at most four questions about a customer, and you know the likeliest group. Nobody "
        "is sorted by these questions; they tell in short what the groups are."
    )
    yield closeness_words(words, report.tree.fidelity)


def _branch(words: Words, found: Question | Answer) -> Html:
    if isinstance(found, Answer):
        return together(
            [
                swatch(_stage(found.group)),
                element("b", segment_words(words, found.group)),
                " ",
                element(
                    "span",
                    words.count(
                        "({members} of {number} such customer)",
                        "({members} of {number} such customers)",
                        number(found.customers),
                        members=number(found.members),
                    ),
                    kind="way",
                ),
            ]
        )
    asks = words.say(
        "{feature}: {bound} or less?",
        feature=sentence(label(words, found.feature)),
        bound=told_amount(words, found.feature, found.bound),
    )
    unknown = said(words, found.feature, float("nan"))
    ways = ((_YES, found.yes, True), (_NO, found.no, False))
    items = [
        element(
            "li",
            element("span", _way(words, way, unknown if found.takes_unknown is is_yes else "")),
            _branch(words, inner),
        )
        for way, inner, is_yes in ways
    ]
    return together([asks, element("ul", *items)])


def _way(words: Words, way: str, unknown: str) -> Html:
    told = words.say("{answer}, or {unknown}", answer=words.say(way), unknown=unknown)
    told = told if unknown else words.say(way)
    return Html(f'<span class="way">{html(told)} → </span>')


_YES = message("yes")
_NO = message("no")
