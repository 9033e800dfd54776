"""A store's report: its figures are those of the tables, and its page reads well and safely."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from sqlalchemy import select

from connectors.records import Customer
from segmentation.constructed import Constructed
from segmentation.record import DAY
from segmentation.rules import STAGES
from segmentation.wording import Words
from segmentation.wording_features import label
from segmentation.wording_groups import segment_words, stage_words
from segmentation.wording_report import advice_words
from tests.segmentation.snapshot import MODELS
from tests.worker import log_store
from tests.worker.driving import Driver
from tests.worker.test_segment_reports import here, judge, moves, publish
from worker import models
from worker.database import reading, transaction
from worker.reporting import sampling
from worker.reporting.content import Cell, Report
from worker.reporting.gathering import gathered
from worker.reporting.mapping import picture
from worker.reporting.page import page
from worker.reporting.summary import summary
from worker.runtime import Kit
from worker.shop import Shop
from worker.stores import AddedStore
from worker.surrogates import learn_tree

ONE_IN: Final = 24
CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
SECTIONS: Final = (
    *("stages", "spending", "sizes", "flows", "profiles", "map", "questions", "trust"),
)
PLOTS: Final = ("spending", "sizes", "flows-30", "flows-90", "map", "weeks")
# Of the page in Chinese: the product, the store's id, campaigns' names. Commands are code.
LATIN: Final = re.compile(
    r"Shoal|JavaScript|\bshop\b|"
    r"vip-early-access|birthday|abandoned-checkout|second-order|win-back"
)


@pytest.fixture
def judged(kit: Kit, shop: AddedStore) -> tuple[Kit, Shop, dict[int, str]]:
    """A sixteenth of the log's customers in the groups of a k-means model, with its tree."""
    log_store.fill(kit.engine, "shop", ONE_IN)
    publish(kit, shop.number, MODELS["kmeans"](), {"moved": 40, "customers": 128})
    its = here(kit)
    learn_tree(kit, its)
    groups = judge(kit, its)
    one, two, three, *others = groups
    told = [
        (one, 3, "new.one_order", groups[one], "event"),
        (two, 40, "", groups[two], "event"),
        (three, 100, "loyal.everyday", groups[three], "time"),
        *((other, 20, "lost.one_order", groups[other], "model") for other in others[:60]),
    ]
    moves(kit, shop.number, told)
    return kit, its, groups


def report_of(kit: Kit) -> Report:
    with reading(kit.engine) as connection:
        return gathered(connection, here(kit))


def spent_lately(groups: dict[int, str], number: int) -> dict[str, tuple[int, float]]:
    """Orders and sales of the last 90 days by stage, from the log itself."""
    lines = log_store.sold()
    names = sorted(lines["customer_id"].unique())[::ONE_IN]
    of = {name: groups[(number << 40) + at + 1].partition(".")[0] for at, name in enumerate(names)}
    late = lines[(lines["at"] > log_store.END - 90 * DAY) & lines["customer_id"].isin(names)]
    stages = late.assign(stage=late["customer_id"].map(of)).groupby("stage")
    return {
        str(stage): (its["invoice"].nunique(), float(its["value"].sum()) / 100)
        for stage, its in stages
    }


def test_sizes_and_sales_are_those_of_the_tables(
    judged: tuple[Kit, Shop, dict[int, str]],
) -> None:
    kit, shop, groups = judged
    found = report_of(kit)
    stages = [group.partition(".")[0] for group in groups.values()]
    assert {one.id: one.customers for one in found.stages} == {
        stage: stages.count(stage) for stage in STAGES
    }
    assert (found.customers, found.unsorted) == (len(groups), 0)
    wanted = spent_lately(groups, shop.number)
    for one in found.stages:
        orders, spent = wanted.get(one.id, (0, 0.0))
        assert one.orders == orders
        assert one.spent == pytest.approx(spent)
    assert sum(one.spent_share for one in found.stages) == pytest.approx(1)
    by_group = {one.id: one.customers for one in found.profiles.groups}
    assert by_group == {one: list(groups.values()).count(one) for one in set(groups.values())}
    assert found.tree is not None
    assert found.tree.fidelity.customers == round(len(groups) / 4)


def test_former_sizes_and_flows_are_those_of_the_recorded_changes(
    judged: tuple[Kit, Shop, dict[int, str]],
) -> None:
    kit, _, groups = judged
    one, two, three, *others = (group.partition(".")[0] for group in groups.values())
    found = report_of(kit)
    assert found.history is not None
    assert len(found.history.days) == 101
    sizes = {stage: its[-1] for stage, its in found.history.sizes.items()}
    assert sizes == {stage: [one, two, three, *others].count(stage) for stage in STAGES}
    before = {stage: its[-1 - 10] for stage, its in found.history.sizes.items()}
    assert before == {stage: sizes[stage] - (one == stage) + (stage == "new") for stage in STAGES}
    assert sum(its[-1 - 50] for its in found.history.sizes.values()) == len(groups) - 1
    (mark,) = found.history.marks
    moved = sum(stage != "lost" for stage in others[:60])
    assert (mark.ago, mark.cause, mark.customers) == (20, "model", moved)
    month, quarter = found.flows
    assert [(flow.before, flow.after, flow.moves) for flow in month.flows] == [("new", one, 1)]
    assert {(flow.before, flow.after) for flow in quarter.flows} == {("new", one), ("", two)}
    assert found.history.weekly[-1] == pytest.approx(1 / len(groups))
    assert sum(found.history.weekly[:-1]) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_every_part_and_asks_nobody(
    judged: tuple[Kit, Shop, dict[int, str]], language: str
) -> None:
    kit, shop, groups = judged
    words = Words(language, shop.currency)
    # Fewer than ten moves are told and not drawn.
    assert 'id="plot-flows-30"' not in page(report_of(kit), words)
    many = list(groups)[60:80]
    moves(kit, shop.number, [(one, 5, "new.one_order", groups[one], "event") for one in many])
    text = page(report_of(kit), words)
    head = text.partition("<script>")[0]
    assert [name for name in SECTIONS if f'<section id="{name}">' not in head] == []
    assert [name for name in PLOTS if f'id="plot-{name}"' not in head] == []
    for stage in STAGES:
        assert stage_words(words, stage) in head
        if stage in {group.partition(".")[0] for group in groups.values()}:
            assert html.escape(advice_words(words, stage)) in head
    for group in set(groups.values()):
        assert segment_words(words, group) in head
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*""", head) == []
    assert "default-src 'none'" in html.unescape(head)
    assert text.count("<script>") == text.count("</script>") == 2


def test_in_chinese_no_english_is_left(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, shop, _ = judged
    text = page(report_of(kit), Words("zh", shop.currency))
    head, _, scripts = text.partition("<script>")
    unread = r"(?s)<style>.*?</style>|<code>.*?</code>|<[^>]*>"
    visible = re.sub(unread, "\n", head)
    labels = " ".join(re.findall(r'aria-label="([^"]*)"', head))
    assert re.findall(r"[A-Za-z]{2,}", LATIN.sub("", html.unescape(visible + labels))) == []
    drawn = drawn_in(scripts)
    words = {text for text in written(drawn) if re.search(r"[A-Za-z]{2,}", text)}
    assert words == set()
    assert re.search(r"[\u4e00-\u9fff]", str(drawn))


def drawn_in(text: str) -> Any:
    return msgspec.json.decode(text.rpartition("const PLOTS=")[2].partition(";\n")[0])


def written(value: Any, key: str = "") -> Iterator[str]:
    """Everything in the pictures that somebody reads."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from written(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from written(inner, key)
    elif isinstance(value, str) and key in {"text", "name", "label", "ticktext"}:
        yield value


def test_an_empty_shop_is_told_what_to_do(kit: Kit, shop: AddedStore) -> None:
    assert shop.number
    found = report_of(kit)
    assert (found.customers, found.history, found.picture, found.tree) == (0, None, None, None)
    for language, said in (("en", "Nobody has ordered yet"), ("zh", "还没有人下过单")):
        text = page(found, Words(language))
        assert said in text
        assert "shoal store add" in text
        assert "Plotly" not in text


def test_stages_by_rule_are_told_by_their_rules(kit: Kit, shop: AddedStore) -> None:
    assert shop.number
    log_store.fill(kit.engine, "shop", ONE_IN)
    judge(kit, here(kit))
    found = report_of(kit)
    assert (found.kind, found.version, found.history) == ("rules", 0, None)
    text = page(found, Words("en", "GBP")).partition("<script>")[0]
    assert "Usual time between two orders here: 45 days" in text
    assert "Your customers are sorted by fixed rules for now" in text
    assert 'id="plot-map"' in text
    assert 'id="plot-sizes"' not in text


def test_groups_of_before_are_counted_under_their_present_ids(
    judged: tuple[Kit, Shop, dict[int, str]],
) -> None:
    """A version is in force before the drain has given everybody the new ids."""
    kit, shop, groups = judged
    renamed = tuple(
        msgspec.structs.replace(one, id=f"{one.stage}.other_{at}", formerly=(one.id,))
        for at, one in enumerate(shop.model.groups)
    )
    publish(kit, shop.number, msgspec.structs.replace(shop.model, version=2, groups=renamed), {})
    people, told = models.customers.c, {one.formerly[0]: one.id for one in renamed}
    with transaction(kit.engine) as connection:
        for one in list(groups)[::2]:
            mine = models.customers.update().where(people.id == one)
            connection.execute(mine.values(grouping=told[groups[one]]))
    found = report_of(kit)
    assert {one.id for one in found.profiles.groups} <= {one.id for one in renamed}
    assert sum(one.customers for one in found.profiles.groups) == len(groups)
    assert found.profiles.waiting == 0
    assert [one.number for one in found.health.versions] == [2, 1]
    assert page(found, Words())


def test_nothing_personal_is_in_the_file(driver: Driver) -> None:
    names = ("Ann", "Bea", "Cid", "Dora", "Eve")
    mails = [f"{name.lower()}.personally@example.com" for name in names]
    for name, mail in zip(names, mails, strict=True):
        it = f"customer-{name}"
        about = Customer(it, driver.now, {"gender": "female"}, {"email": True})
        told = {"email": mail, "first_name": f"{name}abella"}
        driver.append(driver.fact(about, ("customer_id", it), ("email", mail), **told))
        driver.append(*(driver.order(f"order-{name}-{at}", it, 1000 + at) for at in range(4)))
    driver.drain()
    with reading(driver.kit.engine) as connection:
        personal = set(stored_words(connection))
        found = gathered(connection, driver.shop())
    assert {"customer-Ann", "order-Bea-3"} <= personal
    assert len(driver.rows(models.profiles, "customer")) == len(names)
    assert found.customers == len(names)
    text = page(found, Words("en", "EUR")) + msgspec.json.encode(summary(found)).decode()
    personal |= {*mails, *(f"{name}abella" for name in names)}
    assert [word for word in personal if word in text] == []


def stored_words(connection: Any) -> Iterator[str]:
    people, orders, keys = models.customers.c, models.orders.c, models.identities.c
    for query in (
        select(people.id, people.platform_id),
        select(orders.order_id),
        select(keys.key),
    ):
        for row in connection.execute(query):
            yield from (str(value) for value in row if value)


def test_features_of_a_shops_own_are_profiled_and_mapped(
    judged: tuple[Kit, Shop, dict[int, str]],
) -> None:
    kit, shop, groups = judged
    own = Constructed("dearness", "ratio", ("monetary_value", "orders"), zh="单价")
    names = (*shop.model.features[:-1], own.name)
    model = msgspec.structs.replace(shop.model, features=names, constructed=(own,))
    theirs = replace(shop, model=model)
    with reading(kit.engine) as connection:
        found = sampling.sample(connection, shop)
    columns = {**found.columns, own.name: found.columns["average_order_value"]}
    told = sampling.profiles(
        theirs, msgspec.structs.replace(found, columns=columns), Counter(groups.values())
    )
    usual = told.shop[names.index(own.name)]
    assert usual == Cell("dearness", float(np.median(columns[own.name])), 0.0)
    assert label(Words("zh", own={own.name: own}), usual.feature) == "单价"
    assert picture(model, columns, found.stages) is not None


def test_who_waits_for_a_new_version_is_told(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, shop, groups = judged
    strange = tuple(
        msgspec.structs.replace(one, id=f"{one.stage}.strange_{at}", formerly=())
        for at, one in enumerate(shop.model.groups[1:], 1)
    )
    first = shop.model.groups[0]
    model = msgspec.structs.replace(shop.model, version=2, groups=(first, *strange))
    publish(kit, shop.number, model, {})
    found = report_of(kit)
    known = list(groups.values()).count(first.id)
    assert found.profiles.waiting == len(groups) - known > 0
    text = page(found, Words())
    assert f"{found.profiles.waiting} customers are still in groups of an earlier version" in text


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here; `make test-browser` looks")
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_browser_draws_every_picture_and_complains_of_nothing(
    judged: tuple[Kit, Shop, dict[int, str]], language: str, tmp_path: Path
) -> None:
    """Also on a narrow screen, where nothing but tables may be wider than it."""
    kit, shop, groups = judged
    many = list(groups)[60:80]
    moves(kit, shop.number, [(one, 5, "new.one_order", groups[one], "event") for one in many])
    text = page(report_of(kit), Words(language, shop.currency))
    asks = "{const it=document.documentElement;it.dataset.over=it.scrollWidth-it.clientWidth}"
    (tmp_path / "who.html").write_text(f"{text}<script>setTimeout(()=>{asks},2000)</script>")
    ran = opened(tmp_path, "who.html")
    assert [line for line in ran.stderr.splitlines() if ":CONSOLE" in line] == []
    places = ran.stdout.partition("<script>")[0].split('id="plot-')[1:]
    assert [place.partition('"')[0] for place in places] == list(PLOTS)
    assert [place[:20] for place in places if 'class="main-svg"' not in place] == []
    assert 'data-over="0"' in ran.stdout


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here; `make test-browser` looks")
def test_a_browser_is_heard_complaining(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<body><script>throw new Error('bad')</script>")
    assert "Uncaught Error: bad" in opened(tmp_path, "bad.html").stderr


def opened(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """A page in Chromium: what became of it, and what the browser said."""
    words = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
    size = ("--window-size=500,900", "--virtual-time-budget=6000", f"--user-data-dir={folder}/me")
    return subprocess.run(  # noqa: S603 - a browser of this machine, on our own page
        [CHROMIUM, *words, *size, "--dump-dom", f"file://{folder / name}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_what_a_shop_writes_cannot_run(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, _, _ = judged
    found = report_of(kit)
    assert found.picture is not None
    evil = "</script><img src=x onerror=alert(1)>"
    right = msgspec.structs.replace(found.picture.right, more=("category_share_3",), less=())
    odd = msgspec.structs.replace(
        found, store=evil, picture=msgspec.structs.replace(found.picture, right=right)
    )
    text = page(odd, replace(Words(), categories={3: evil}))
    assert evil not in text
    assert text.count("onerror=alert") > 2
    assert text.count("</script>") == 2
    assert "<img" not in text.partition("<script>")[0]
    assert [one for one in written(drawn_in(text)) if "<" in one] == []


def test_a_merged_profile_is_nobody(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, _, groups = judged
    gone = next(iter(groups))
    people = models.customers.c
    with transaction(kit.engine) as connection:
        values = {"merged_into": list(groups)[1], "segment": "", "grouping": ""}
        connection.execute(models.customers.update().where(people.id == gone).values(**values))
    found = report_of(kit)
    assert found.customers == len(groups) - 1
    assert found.history is not None
    assert sum(its[-1 - 10] for its in found.history.sizes.values()) == len(groups) - 1
    assert all(one.before != "new" for span in found.flows for one in span.flows)


def test_segments_of_the_owners_own_stand_beside_the_stages(driver: Driver) -> None:
    driver.rule("recent", "{recency_days: {at_most: 30}}")
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"))
    driver.pass_time(timedelta(days=25))
    driver.tell(driver.order("o3", "cid"))
    driver.pass_time(timedelta(days=10))
    with reading(driver.kit.engine) as connection:
        found = gathered(connection, driver.shop())
    (own,) = found.own
    assert (own.segment.id, own.customers) == ("rule.recent", 1)
    # Two came more than 30 days ago.
    assert (own.entered, own.left) == (1, 2)
    text = page(found, Words("zh", "EUR"))
    assert '<section id="own">' in text
    assert "距最近一次下单" in text.partition('<section id="own">')[2].partition("</section>")[0]
    assert summary(found)["own"] == [{"id": "rule.recent", "customers": 1, "entered": 1, "left": 2}]
