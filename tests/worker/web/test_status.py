from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update
from starlette.types import ASGIApp

import campaigns
from campaigns.campaign import load_campaign
from campaigns.reasons import REASONS
from tests.worker.web.conftest import SEEDED, House, order
from worker import models
from worker.campaign_files import Files, apply_files, known_of, read_files, set_state
from worker.database import reading, transaction
from worker.pipeline import drain
from worker.shop import load_shops
from worker.web.plain_words import OF_MANY, outcome_said, trigger_said
from worker.web.status import status_app
from worker.web.status_queries import status

pytestmark = pytest.mark.anyio
LIBRARY = Path(campaigns.__file__).parent / "library"
_VOID = {"meta", "input", "br"}


class _Balance(HTMLParser):
    """Fails on a tag that is not closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def get(app: ASGIApp, path: str, host: str = "127.0.0.1", **told: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        if told:
            return await client.post(path, data=told)
        return await client.get(path)


@pytest.fixture
def app(house: House) -> ASGIApp:
    return status_app(house.kit, house.desk.counters)


async def shop_with_history(house: House) -> None:
    """Two orders of two people, one of them told twice; every campaign live."""
    with transaction(house.kit.engine) as connection:
        shop = load_shops(connection, {"shop"}, -1, 0)["shop"]
        apply_files(connection, shop, read_files([LIBRARY], known_of(shop)), 0, "tests")
        shop = load_shops(connection, {"shop"}, -1, 0)["shop"]
        for one in shop.campaigns:
            set_state(connection, shop, one.campaign.id, "live")
    await house.webhook("order.paid", order(1))
    await house.webhook("order.paid", order(2, customer={"id": "c2"}))
    await house.webhook("order.paid", order(1))
    drain(house.kit, house.store.partition)


@pytest.mark.invariant("I6")
async def test_the_page_answers_the_four_questions(house: House, app: ASGIApp) -> None:
    await shop_with_history(house)
    answer = await get(app, "/")
    assert answer.status_code == 200
    for words in (
        "Who got what",
        "why did this one not?",
        "cost at most",
        "shoal campaigns pause win-back --store shop",
        "duplicates stopped",
        "Champions",
    ):
        assert words in answer.text
    assert "<b>Shop</b>" not in answer.text
    assert "&lt;b&gt;Shop&lt;/b&gt;" in answer.text
    assert SEEDED not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    balance = _Balance()
    balance.feed(answer.text)
    assert balance.open == []


async def test_the_numbers_are_those_of_the_tables(house: House, app: ASGIApp) -> None:
    await shop_with_history(house)
    told = (await get(app, "/status.json")).json()
    (shop,) = told["stores"]
    assert shop["events"] == {"applied": 2, "duplicates": 1, "unowned": 0, "set_aside": 0}
    assert shop["customers"] == 2
    assert sum(one["customers"] for one in shop["segments"]) == 2
    assert {one["id"] for one in shop["campaigns"]} >= {"win-back", "welcome", "birthday"}
    assert shop["actions"].get("due", 0) == sum(one["state"] == "due" for one in shop["newest"])
    assert [one["unread"] for one in told["streams"]] == [0] * 8


@pytest.mark.parametrize("who", ["", "c1", SEEDED])
@pytest.mark.invariant("I6")
async def test_why_is_told_for_any_name_of_a_customer(house: House, app: ASGIApp, who: str) -> None:
    await shop_with_history(house)
    people = models.customers.c
    with reading(house.kit.engine) as connection:
        ours = connection.execute(select(people.id).where(people.platform_id == "c1")).scalar_one()
    answer = await get(app, "/why", store="shop", customer=who or str(ours), campaign="win-back")
    assert answer.status_code == 200
    assert "Not every condition holds." in answer.text
    assert "win-back" in answer.text
    assert "welcome" not in answer.text
    assert SEEDED not in answer.text


async def test_nobody_and_no_store_are_said_without_the_address(house: House, app: ASGIApp) -> None:
    assert house.id == "shop"
    nobody = await get(app, "/why", store="shop", customer=SEEDED)
    nowhere = await get(app, "/why", store="shp", customer="c1")
    assert (nobody.status_code, nowhere.status_code) == (404, 404)
    assert SEEDED not in nobody.text
    assert "did you mean" in nowhere.text


@pytest.mark.invariant("I8")
async def test_metrics_carry_the_tables_counts_and_nothing_personal(
    house: House, app: ASGIApp
) -> None:
    await shop_with_history(house)
    text = (await get(app, "/metrics")).text
    for line in (
        'shoal_webhooks_total{platform="sandbox"} 3.0',
        'shoal_events_total{outcome="applied"} 2.0',
        'shoal_events_total{outcome="duplicate"} 1.0',
        "shoal_dead_letters 0.0",
        'shoal_unread_entries{partition="0"} 0.0',
    ):
        assert line in text
    assert SEEDED not in text


async def test_another_sites_name_for_this_machine_reads_nothing(app: ASGIApp) -> None:
    assert (await get(app, "/", host="evil.example")).status_code == 400
    assert (await get(app, "/status.json", host="localhost")).status_code == 200


async def test_ready_only_with_redis_and_database(house: House, app: ASGIApp) -> None:
    ready = await get(app, "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    pool = house.kit.redis.connection_pool
    pool.disconnect()
    pool.reset()
    pool.connection_kwargs["path"] += ".gone"
    away = await get(app, "/readyz")
    page = await get(app, "/")
    assert (away.status_code, away.json()["redis"]) == (503, "RedisDown")
    assert away.json()["database"] == "ok"
    assert "Redis does not answer" in page.text
    assert (await get(app, "/healthz")).status_code == 200


async def test_trouble_is_said_with_what_to_do(house: House) -> None:
    with transaction(house.kit.engine) as connection:
        connection.execute(update(models.stores).values(paused="access denied", poison=21))
    await house.webhook("order.paid", b"no json")
    (shop,) = status(house.kit).stores
    assert "access denied" in shop.trouble[0]
    assert "shoal dead-letters replay --store shop" in shop.trouble[1]
    assert status(house.kit).letters_waiting == 1


def test_every_reason_can_be_said_of_many() -> None:
    assert OF_MANY.keys() == REASONS.keys()
    assert not any("{" in words or "…" in words for words in OF_MANY.values())


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{event: order_completed}", "when “order completed” happens"),
        ("{segment: at_risk, enters: true}", "when somebody enters At risk"),
        ("{segment: loyal.gift_buyers, leaves: true}", "when somebody leaves loyal.gift_buyers"),
        ("{schedule: {every: day, at: '10:00'}}", "every day at 10:00"),
        ("{schedule: {every: week, on: friday, at: '10:00'}}", "every Friday at 10:00"),
        ("{schedule: {every: month, on: 31, at: '10:00'}}", "every month on day 31 at 10:00"),
        ("{date: birthday, at: '09:00'}", "on the customer's birthday, at 09:00"),
        (
            "{date: birthday, offset_days: -3, at: '09:00'}",
            "3 days before the customer's birthday, at 09:00",
        ),
        ("{cart_abandoned: {after: 90m}}", "when a cart is left for 1 hour without an order"),
    ],
)
def test_a_trigger_is_said_in_words(when: str, words: str) -> None:
    text = f"id: a\nwhen: {when}\nsteps: [{{tag: x}}]\n"
    assert trigger_said(load_campaign(text, "a.yaml").trigger) == words


def test_outcomes_are_said_in_words() -> None:
    assert outcome_said("fire (live)") == "it was done"
    assert outcome_said("holdout (shadow)") == "not done: control group, had it been live"


async def test_what_it_cost_and_what_was_done_stand_together(house: House, app: ASGIApp) -> None:
    """A coupon and a recommendation of one decision are one row, with the cost of the coupon."""
    text = (
        "id: thanks\nwhen: {event: order_completed}\nholdout: 0\n"
        "steps: [{tag: buyer}, {coupon: {amount_off: 5, valid_for: 10d, prefix: THANKS}}]\n"
    )
    with transaction(house.kit.engine) as connection:
        shop = load_shops(connection, {"shop"}, -1, 0)["shop"]
        campaign = load_campaign(text, "thanks.yaml")
        apply_files(connection, shop, Files((campaign,), (), ()), 0, "tests")
        shop = load_shops(connection, {"shop"}, -1, 0)["shop"]
        set_state(connection, shop, "thanks", "live")
    now = house.kit.clock().isoformat()
    await house.webhook("order.paid", order(1, created_at=now, updated_at=now))
    drain(house.kit, house.store.partition)
    (shown,) = (await get(app, "/status.json")).json()["stores"]
    assert shown["cost_at_most"] == "5.00 EUR"
    (thanks,) = shown["campaigns"]
    assert (thanks["cost_at_most"], thanks["fires"]) == ("5.00 EUR", 1)
    page = (await get(app, "/")).text
    assert page.count("/why") == 2  # the question, and one decision
    assert "5.00 EUR off" in page
    assert "tag buyer" in page
    assert "shoal campaigns pause --all --store shop" in page
    answer = (await get(app, "/why", store="shop", customer="c1")).text
    assert "Customer c1" in answer
    assert "it was done" in answer
    assert "when “order completed” happens" in answer


async def test_only_a_live_page_loads_itself_anew(app: ASGIApp) -> None:
    assert 'http-equiv="refresh"' not in (await get(app, "/")).text
    assert 'http-equiv="refresh"' in (await get(app, "/?live")).text
