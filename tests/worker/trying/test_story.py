"""What is printed: what was read, who the customers are, who leaves, what campaigns would do."""

from __future__ import annotations

import io
import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from worker.cells import FileRefused
from worker.trying.command import Wanted, try_file
from worker.trying.outcomes import Outcome, Standing
from worker.trying.reasoning import about

FIRST = date(2025, 1, 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of a shop with regulars, some of whom stopped in autumn, and passers-by."""
    luck = random.Random(7)  # noqa: S311 - a test's shop
    rows, number = [], 0
    for customer in range(60):
        days = range(customer % 20, 365 if customer % 3 else 290, 25)
        for day in [*days] if customer % 2 else [luck.randrange(365)]:
            number += 1
            at = FIRST + timedelta(days=day)
            worth = round(luck.uniform(20, 90), 2)
            rows.append((at, f"{number},user{customer}@mail.example,{at} 10:00,{worth}"))
    path = tmp_path_factory.mktemp("story") / "orders.csv"
    path.write_text("\n".join(["order,email,date,amount", *(line for _, line in sorted(rows))]))
    return path


@pytest.fixture(scope="module")
def told(shop: Path) -> dict[str, Any]:
    """What the story is made of."""
    return try_file(Wanted(path=shop), quiet=True)


def printed(path: Path, monkeypatch: pytest.MonkeyPatch, width: int, **more: object) -> str:
    out = io.StringIO()
    monkeypatch.setattr(
        "worker.trying.command.Console",
        lambda **_: Console(file=out, width=width, highlight=False),
    )
    try_file(Wanted(path=path, **more), quiet=False)  # type: ignore[arg-type]  # a test's options
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_the_story_fits_and_names_no_address(
    shop: Path, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    said = printed(shop, monkeypatch, width, currency="EUR")
    assert max(map(len, said.splitlines())) <= width
    said = " ".join(said.split())
    for part in (
        *("What was read in orders.csv", "Who your customers are", "Who is slipping away"),
        *("would have done in the last 90 days", "What to do next", "win-back", "second-order"),
        *("Not judged: it needs carts", "Not judged: it needs birthdays", "EUR"),
        *("Stages by rule", "shoal store add my-shop", "in the last 90 days"),
    ):
        assert part in said
    assert "@" not in said
    assert "order " in said
    assert "It asks for: number of orders is at least 2 and did not" in said
    at_risk = next(one["standing"] for one in told["campaigns"] if one["id"] == "win-back")
    assert f"Of the {at_risk['customers']} who are at risk at the end: " in said
    anyway = sum(one["bought_anyway"] for one in told["campaigns"] if one["coupons"])
    assert f"; {anyway} would have gone to people who ordered anyway" in said


def test_the_same_as_json_with_the_same_control_group(shop: Path, told: dict[str, Any]) -> None:
    again = try_file(Wanted(path=shop), quiet=True)
    assert told == again
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(told))
    assert "@" not in json.dumps(told)
    assert told["customers"] == 60
    assert told["currency"] is None
    assert told["slipping"]["customers"] >= len(told["slipping"]["people"]) > 0
    assert abs(sum(one["share_of_spend"] for one in told["segments"]) - 1) < 1e-9
    by_id = {one["id"]: one for one in told["campaigns"]}
    assert len(by_id) == 6
    second = by_id["second-order"]
    assert second["reached"] > 0
    assert second["cost_at_most"] <= 15 * second["coupons"]
    assert second["bought_anyway"] <= second["reached"]


def test_every_member_of_a_segment_is_accounted_for_by_its_campaign(told: dict[str, Any]) -> None:
    standing = {one["id"]: one for one in told["campaigns"] if one["standing"]}
    assert standing.keys() == {"welcome", "win-back", "vip-early-access"}
    for one in standing.values():
        here = one["standing"]
        stages = [group for group in told["segments"] if group["stage"] == here["segment"]]
        assert here["customers"] == sum(group["customers"] for group in stages)
        others = sum(count for _, count in here["others"])
        assert here["customers"] == here["reached"] + here["control"] + others
        assert one["reached"] == here["reached"] + here["gone"]
    said = {reason for one in standing.values() for reason, _ in one["standing"]["others"]}
    assert said == {"before"}


def test_a_campaigns_lines_say_why_not_everybody_was_reached(told: dict[str, Any]) -> None:
    (own,) = [one for one in told["campaigns"] if one["id"] == "vip-early-access"]
    standing = Standing(
        segment="champions",
        customers=27,
        reached=18,
        control=1,
        others=(("before", 5), ("silent", 2), ("cooldown", 1)),
        gone=3,
    )
    one = Outcome(**{**own, "reached": 21, "standing": standing, "segments": [("champions", 21)]})
    assert about(one)[-1] == (
        "Of the 27 who are champions at the end: 18 reached, 1 in the control group, 5 in it "
        "before these days (only entering counts), 2 in it since groups were learned anew (that "
        "wakes no campaign), 1 had had it too lately. No longer champions: 3 of those reached."
    )
    passed = Outcome(**{**own, "standing": None, "held": (("condition", 4), ("odd", 1))})
    assert about(passed)[-1] == "Passed over: 4 did not meet its conditions, 1 were held back."


def test_without_prices_nobody_is_said_to_have_spent_nothing(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "unpriced.csv"
    path.write_text("\n".join(line.rpartition(",")[0] for line in shop.read_text().splitlines()))
    said = " ".join(printed(path, monkeypatch, 80).split())
    assert "are at risk: they used to buy and are late. Some of the ones" in said
    assert "it has no column for price" in said
    for money in ("spent", "worth 0", "of all", "0%"):
        assert money not in said


def test_only_a_discount_can_have_been_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "first.csv"  # first orders alone, all of one day: a welcome and no discount
    rows = [f"{at},c{at},{FIRST} 10:00,20" for at in range(9)]
    path.write_text("\n".join(["order,customer,date,amount", *rows]))
    said = printed(path, monkeypatch, 80)
    assert "welcome: Greets" in said
    assert "for nothing" not in said


def test_segments_messages_with_carts_and_birthdays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[object] = []
    for day in range(100):
        at = f"{FIRST + timedelta(days=day)}T10:00:00Z"
        who = {"userId": f"u{day % 9}", "messageId": f"m{day}", "timestamp": at}
        order = {"order_id": str(day), "total": 30, "currency": "EUR", "products": []}
        lines.append({**who, "type": "track", "event": "Order Completed", "properties": order})
        bought = [{"product_id": "p", "price": 50}]
        cart = {"cart_id": f"c{day}", "currency": "EUR", "products": bought}
        if day % 10 == 0:
            begun = {**who, "userId": f"u{(day + 4) % 9}", "messageId": f"c{day}"}
            lines.append(
                {**begun, "type": "track", "event": "Checkout Started", "properties": cart}
            )
    traits = {"email": "u1@mail.example", "birthday": "1990-03-01"}
    at = f"{FIRST}T09:00:00Z"
    lines.append({"type": "identify", "userId": "u1", "traits": traits, "timestamp": at})
    lines.append({"type": "track", "event": "Order Completed", "properties": {}})
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join([*map(json.dumps, lines), "{broken", "[1]"]))
    told = try_file(Wanted(path=path), quiet=True)
    assert (told["kind"], told["orders"], told["currency"]) == ("Segment's messages", 100, "EUR")
    assert {one["reason"]: one["rows"] for one in told["left_out"]}["not JSON"] == 1
    assert sum(one["rows"] for one in told["left_out"]) == 3
    by_id = {one["id"]: one for one in told["campaigns"]}
    assert by_id["abandoned-checkout"]["missing"] == ""
    assert by_id["abandoned-checkout"]["reached"] + by_id["abandoned-checkout"]["control"] > 0
    assert by_id["birthday"]["reached"] == 1
    said = printed(path, monkeypatch, 80)
    assert "Segment's messages" in said
    assert "mail.example" not in said


def test_people_who_go_by_addresses_in_messages_are_reached_and_shown_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    for at in range(40):
        order = {"order_id": str(at), "total": 30 + at, "currency": "EUR", "products": []}
        day = FIRST + timedelta(days=at)
        who = {"userId": f"U{at % 30}@mail.example", "timestamp": f"{day}T10:00:00Z"}
        lines.append({**who, "type": "track", "event": "Order Completed", "properties": order})
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join([json.dumps({"batch": lines[:5]}), *map(json.dumps, lines[5:])]))
    told = try_file(Wanted(path=path), quiet=True)
    by_id = {one["id"]: one for one in told["campaigns"]}
    assert (told["orders"], told["customers"]) == (40, 30)
    assert by_id["welcome"]["reached"] + by_id["welcome"]["control"] > 10
    assert all(one.startswith("customer ") for one in by_id["welcome"]["people"])
    assert "mail.example" not in printed(path, monkeypatch, 80)


def test_a_table_of_customers_is_grouped_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck = random.Random(1)  # noqa: S311 - a test's shop
    rows = ["id;age;income;occupation;purchases"]
    for at in range(90):
        kind = at % 3
        age = [22, 45, 68][kind] + luck.randint(-3, 3)
        income = "" if at == 5 else f"{[18, 60, 30][kind] + luck.random():.2f}".replace(".", ",")
        rows.append(f"{at};{age};{income};{['student', 'engineer', 'retired'][kind]};{kind * 100}")
    path = tmp_path / "people.csv"
    path.write_text("\n".join(rows))
    told = try_file(Wanted(path=path), quiet=True)
    assert [one["customers"] for one in told["groups"]] == [30, 30, 30]
    assert {one["often"] for one in told["groups"]} == {
        "100% occupation student",
        "100% occupation engineer",
        "100% occupation retired",
    }
    assert told["filled"] == {"income": 1}
    assert "high income" in " ".join(one["name"] for one in told["groups"])
    assert abs(sum(one["share_of_spend"] for one in told["groups"]) - 1) < 1e-9
    assert len({one["name"] for one in told["groups"]}) == 3
    assert len(try_file(Wanted(path=path, groups=2), quiet=True)["groups"]) == 2
    said = printed(path, monkeypatch, 80)
    assert "The groups lie clearly apart" in said
    assert "numbers without groups have 0." in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80
    with pytest.raises(FileRefused, match="50 groups: expected from 2 to 8 for 90 rows"):
        try_file(Wanted(path=path, groups=50), quiet=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,name\n1,Ann\n2,Bob\n", "expected a column of numbers beside the id"),
        ("id,age\n1,20\n2,30\n", "2 rows: expected at least 6"),
        ("id,age\n", "expected rows below the header"),
    ],
)
def test_a_table_without_enough_in_it_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(FileRefused, match=said):
        try_file(Wanted(path=path), quiet=True)


def test_a_currency_is_a_known_one(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="--currency 'EURO': expected an ISO 4217 code"):
        try_file(Wanted(path=tmp_path / "a.csv", currency="EURO"), quiet=True)
