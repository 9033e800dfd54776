"""The report's first screen: the shop in numbers, stages, what to do; then what they spend."""

from __future__ import annotations

from collections.abc import Iterator

from segmentation.rules import STAGES
from segmentation.wording import Words, days, money, number, share
from segmentation.wording_groups import stage_meaning, stage_words
from segmentation.wording_report import advice_words, campaign_words
from segmentation.wording_report import together as sentences
from worker.reporting import figures
from worker.reporting.content import Report, StageFigures
from worker.reporting.counting import SPENDING_DAYS
from worker.reporting.look import COLOURS
from worker.reporting.pieces import Section, grid, named, paragraph, plot, swatch, toned
from worker.web.html import Html, code, element, together

_FIRST = ("at_risk", "new", "promising", "champions", "loyal", "hibernating", "lost")


def overview(words: Words, report: Report) -> Section:
    """How many there are, who they are, and one thing to do about each stage."""
    cards = [_card(words, one) for one in report.stages]
    body = together(
        [
            _numbers(words, report),
            paragraph(sentences(words, _headline(words, report)), "lead"),
            element("div", *cards, _how(words), kind="cards"),
            *(paragraph(told, "soft") for told in _left_out(words, report)),
        ]
    )
    return Section("stages", words.say("Stages"), "", body)


def _numbers(words: Words, report: Report) -> Html:
    buyers = sum(one.buyers for one in report.stages)
    orders = sum(one.orders for one in report.stages)
    spent = sum(one.spent for one in report.stages)
    customers, bought = number(report.customers), number(orders)
    told = [
        (
            customers,
            words.count("customer who has ordered", "customers who have ordered", customers),
        ),
        (number(buyers), words.say("of them in the last {days} days", days=SPENDING_DAYS)),
        (
            bought,
            words.count(
                "order in these {days} days",
                "orders in these {days} days",
                bought,
                days=SPENDING_DAYS,
            ),
        ),
        (money(words, spent), words.say("sales in these {days} days", days=SPENDING_DAYS)),
    ]
    shown = [element("div", element("b", value), element("span", name)) for value, name in told]
    return element("div", *shown, kind="numbers")


def _headline(words: Words, report: Report) -> Iterator[str]:
    """What carries the shop, and where to begin."""
    best = max(report.stages, key=lambda one: one.spent)
    if best.spent:
        yield words.say(
            "{stage}: {share} of the customers, and {sales} of the sales of the last {days} days.",
            stage=stage_words(words, best.id),
            share=share(best.share),
            sales=share(best.spent_share),
            days=SPENDING_DAYS,
        )
    by_id = {one.id: one for one in report.stages}
    first = next((by_id[stage] for stage in _FIRST if by_id[stage].customers), None)
    if first is not None:
        yield words.count(
            "Begin here: {number} customer in the stage “{stage}” has spent {money} with you "
            "so far. {advice}",
            "Begin here: {number} customers in the stage “{stage}” have spent {money} with you "
            "so far. {advice}",
            number(first.customers),
            stage=stage_words(words, first.id),
            money=money(words, first.spent_in_all),
            advice=advice_words(words, first.id),
        )


def _card(words: Words, found: StageFigures) -> Html:
    size = words.count("{number} customer", "{number} customers", number(found.customers))
    heading = element("h3", swatch(found.id), stage_words(words, found.id))
    meaning = _meaning(words, found.id)
    if not found.customers:
        later = element("b", words.say("To do once somebody is here"))
        parts = [
            paragraph(element("b", words.say("Nobody at present."))),
            paragraph(meaning),
            element("div", later, *_todo(words, found), kind="todo"),
        ]
        return toned("div", COLOURS[found.id], heading, *parts, kind="card")
    parts = [
        paragraph(element("b", f"{size} · {share(found.share)}")),
        paragraph(meaning),
        *(paragraph(told) for told in _here(words, found)),
        element("div", element("b", words.say("To do")), *_todo(words, found), kind="todo"),
    ]
    return toned("div", COLOURS[found.id], heading, *parts, kind="card")


def _meaning(words: Words, stage: str) -> str:
    return words.say("They {meaning}.", meaning=stage_meaning(words, stage))


def _here(words: Words, found: StageFigures) -> Iterator[str]:
    if found.typical is not None:
        its = found.typical
        yield words.say(
            "Typical: {orders}, the last {time} ago, {money} in all.",
            orders=words.count("{number} order", "{number} orders", number(its.orders)),
            time=days(words, its.recency_days),
            money=money(words, its.monetary_value),
        )
    yield words.say(
        "Last {days} days: {money} ({share} of sales).",
        days=SPENDING_DAYS,
        money=money(words, found.spent),
        share=share(found.spent_share),
    )


def _todo(words: Words, found: StageFigures) -> Iterator[Html]:
    yield paragraph(advice_words(words, found.id))
    its = found.advice
    if its.campaign:
        yield paragraph(campaign_words(words, its.campaign, its.state), "soft")


def _how(words: Words) -> Html:
    """How a ready campaign is set going, in the place that seven cards leave free."""
    ways = (
        (words.say("Set it up; it counts and sends nothing:"), "apply campaigns/library/NAME.yaml"),
        (words.say("Let it send:"), "start NAME"),
        (words.say("See what it brought:"), "results NAME"),
    )
    told = [paragraph(together([said, " ", code(f"shoal campaigns {end}")])) for said, end in ways]
    return element("div", element("h3", words.say("A ready campaign")), *told, kind="card")


def _left_out(words: Words, report: Report) -> Iterator[str]:
    if report.unsorted:
        yield words.count(
            "{number} customer has ordered and is in no stage yet; they are sorted within "
            "the hour while Shoal runs.",
            "{number} customers have ordered and are in no stage yet; they are sorted within "
            "the hour while Shoal runs.",
            number(report.unsorted),
        )
    if report.kind != "rules":
        there = {group.id.partition(".")[0] for group in report.profiles.groups}
        names = [
            stage_words(words, one.id)
            for one in report.stages
            if not one.customers and one.id not in there
        ]
        if names:
            yield words.say(
                "Of the groups found in your shop, none is at present of the kind: {stages}.",
                stages=words.enumerated(names),
            )


def spending(words: Words, report: Report) -> Section:
    """What each stage brings, beside how many are in it."""
    title = words.say("What each stage spends")
    figure = figures.spending(words, report.stages)
    rows = [
        (
            named(words, one.id),
            number(one.customers),
            number(one.buyers),
            number(one.orders),
            money(words, one.spent),
            money(words, one.spent / one.customers),
            number(one.orders / one.customers),
            money(words, one.spent_in_all),
        )
        for one in report.stages
        if one.customers
    ]
    heads = (
        words.say("Stage"),
        words.say("Customers"),
        words.say("Bought in {days} days", days=SPENDING_DAYS),
        words.say("Orders"),
        words.say("Sales"),
        words.say("Sales per customer"),
        words.say("Orders per customer"),
        words.say("Sales since their first order"),
    )
    told = words.say(
        "Sales of the last {days} days before refunds, by the stage that customers are in today. "
        "Hatched grey: share of the customers; coloured: share of the sales. Where the coloured "
        "bar is longer, few people carry much of your business.",
        days=SPENDING_DAYS,
    )
    body = [paragraph(told), plot("spending", title, figure), grid(heads, rows)]
    return Section("spending", words.say("Spending"), title, together(body), {"spending": figure})


def nothing_yet(words: Words) -> Section:
    """What an empty shop's owner does first."""
    body = together(
        [
            paragraph(words.say("Nobody has ordered yet, so there is nobody to sort."), "lead"),
            element(
                "ul",
                element("li", words.say("Connect your shop:"), " ", code("shoal store add")),
                element(
                    "li",
                    words.say("Or play a file of past orders into a store:"),
                    " ",
                    code("shoal replay FILE --store ID"),
                ),
                element("li", words.say("Then make this report again.")),
            ),
            paragraph(words.say("These are the stages that your customers will be sorted into:")),
            element(
                "ul",
                *(element("li", named(words, one), ": ", _meaning(words, one)) for one in STAGES),
            ),
        ]
    )
    return Section("stages", words.say("Stages"), "", body)
