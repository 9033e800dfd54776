"""One customer is told as one: in every sentence of the pages and commands about segments."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from segmentation.catalogues import counted, entries, source_text
from segmentation.surrogate import Bound, Fidelity, Rule
from segmentation.wording import Words
from segmentation.wording_segments import fidelity_words, rule_words
from tests.worker.driving import Driver
from worker.database import reading
from worker.reporting.gathering import gathered
from worker.reporting.page import page
from worker.rule_reports import about_rule, rule_lines
from worker.segment_reports import about
from worker.segment_telling import lines

EN = Words()
THINGS = "customers|orders|products|groups|events|features|times|moves"
# What is said of one in the form of many, "1 of 1 customers" too.
WRONG = re.compile(rf"(?<![\d.,])1 (?:of your )?(?:such |different )?(?:{THINGS})\b(?! and)")


def test_no_message_counts_with_a_plural_alone() -> None:
    """Of what is counted there is a form for one, or the sentence has no plural."""
    counted = rf"\{{(?:number|size|customers|members|before|count)\}} (?:such )?(?:{THINGS})\b"
    # A sample is of thousands.
    drawn = {
        "Counted on {read} of {customers} customers with an order, drawn by lot.",
        "{titles}: cost grows with customers², so on {small} of {customers} customers.",
    }
    messages = [key for key in entries(source_text("zh")) if "\0" not in key and key not in drawn]
    assert [key for key in messages if re.search(counted, key)] == []


def test_one_customer_is_told_as_one(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    driver.rule("once", "{orders: {at_least: 1}}")
    driver.drain()
    with reading(driver.kit.engine) as connection:
        shop = driver.shop()
        (group,) = [one.id for one in shop.model.groups if one.stage == "new"]
        told = [*lines(EN, about(connection, shop, group, EN))]
        told += rule_lines(EN, about_rule(connection, shop, "rule.once", EN))
        report = gathered(connection, shop)
    told.append(text_of(page(report, EN)))
    told.append(text_of(page(replace_counts(report), EN)))
    assert "1 customer, 100% of the 1 who have ordered" in told
    assert "  0 customers before, 1 now" in told
    wrong = [
        text[max(one.start() - 60, 0) : one.end() + 40]
        for text in told
        for one in WRONG.finditer(text)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("customers", "said"),
    [(1, "1 of 1 such customer belongs here"), (2, "1 of 2 such customers belong here")],
)
def test_a_rule_of_the_tree_is_told_of_one(customers: int, said: str) -> None:
    rule = Rule((Bound("orders", 2.0, None),), customers, 1)
    assert rule_words(EN, rule).endswith(said)
    tree = fidelity_words(EN, Fidelity(customers, 1.0, 1.0, 1.0))[0]
    assert f"of {customers} customer{'s' if customers > 1 else ''} left out" in tree


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.partition("<script>")[0]))


def replace_counts(report: Any) -> Any:
    """The same report of a shop in which one customer waits to be sorted."""
    return msgspec.structs.replace(report, unsorted=1)


def test_english_sentences_are_counted_alike() -> None:
    told = [counted(number, "customer meets", "customers meet") for number in (0, 1, 2, 1000)]
    assert told == [
        *("0 customers meet", "1 customer meets", "2 customers meet", "1,000 customers meet"),
    ]
