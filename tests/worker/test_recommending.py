"""Which products a customer is shown: learned together, known, in stock, not just bought."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import update

from campaigns.recommendations import Shelf, shelf_text
from campaigns.steps import RecommendStep, Strategy
from connectors.records import Line, Product
from tests.worker.driving import DAY, EUR, Driver
from worker import bulk, models
from worker.database import reading, transaction
from worker.explaining import snapshot
from worker.recommending import Shelves

PRODUCTS = ("tea", "pot", "cup", "jam", "ink")
TEA, POT, CUP, JAM, INK = range(5)
# Tea goes with the pot, then the cup; champions buy jam.
PARTNERS = [[POT, CUP], [TEA, CUP], [TEA, POT], [-1, -1], [-1, -1]]
SHELF = Shelf(
    PRODUCTS,
    np.array(PARTNERS, np.int64),
    {"": np.array([INK, TEA], np.int64), "champions": np.array([JAM], np.int64)},
)


@pytest.fixture
def store(driver: Driver) -> Driver:
    """A store with five products, one each in stock, and what was learned of them."""
    driver.tell(*(driver.fact(product(driver, name)) for name in PRODUCTS))
    columns = ("store", "kind", "version", "body")
    rows = [
        (driver.number, "products", 1, shelf_text(Shelf(("old",), np.array([[-1]]), {}))),
        (driver.number, "products", 2, shelf_text(SHELF)),
    ]
    with transaction(driver.kit.engine) as connection:
        bulk.insert_missing(connection, models.models, columns, rows)
    return driver


def product(driver: Driver, name: str, stock: int | None = 1) -> Product:
    return Product(
        product_id=name, title=name, price=100, currency=EUR, updated_at=driver.now, stock=stock
    )


def shown(driver: Driver, strategy: Strategy, count: int = 4, name: str = "ann") -> tuple[str, ...]:
    customer = driver.customer("customer_id", name)
    with reading(driver.kit.engine) as connection:
        batch = snapshot(connection, driver.shop(), [customer])
        return Shelves(connection, batch).recommend(RecommendStep(strategy, count), customer)


def buy(driver: Driver, order: str, *names: str) -> None:
    lines = tuple(Line(name, 1, 100) for name in names)
    driver.tell(driver.order(order, "ann", lines=lines, value=100 * len(names)))


def test_what_goes_with_the_last_order_comes_first(store: Driver) -> None:
    buy(store, "o1", "tea")
    assert shown(store, "bought_together", 2) == ("pot", "cup")


def test_what_was_just_bought_is_not_offered_again(store: Driver) -> None:
    buy(store, "o1", "tea", "pot")
    assert "tea" not in shown(store, "bought_together")
    assert shown(store, "bought_together", 1) == ("cup",)


def test_what_the_store_has_not_is_never_shown(store: Driver) -> None:
    buy(store, "o1", "tea")
    store.now += DAY
    store.tell(store.fact(product(store, "pot", stock=0)))
    assert "pot" not in shown(store, "bought_together")
    with transaction(store.kit.engine) as connection:
        columns = models.products.c
        connection.execute(
            update(models.products).where(columns.product_id == "cup").values(is_available=False)
        )
        connection.execute(models.products.delete().where(columns.product_id == "ink"))
    assert shown(store, "bought_together") == ()


def test_stock_that_nobody_counts_is_there(store: Driver) -> None:
    buy(store, "o1", "tea")
    store.now += DAY
    store.tell(store.fact(product(store, "pot", stock=None)))
    assert shown(store, "bought_together", 1) == ("pot",)


def test_a_stages_best_sellers_come_before_everybodys(store: Driver) -> None:
    buy(store, "o1", "cup")
    with transaction(store.kit.engine) as connection:
        connection.execute(update(models.customers).values(segment="champions"))
    assert shown(store, "best_in_segment", 2) == ("jam", "ink")


def test_repeat_buys_rank_by_how_often_and_how_lately(store: Driver) -> None:
    buy(store, "o1", "ink")
    buy(store, "o2", "ink")
    store.now += 200 * DAY
    buy(store, "o3", "tea")
    # Two purchases of two half-lives ago weigh less than one of today.
    assert shown(store, "repeat_buys", 2) == ("tea", "ink")
    buy(store, "o4", "jam", "jam")
    assert shown(store, "repeat_buys", 3) == ("jam", "tea", "ink")


def test_a_cancelled_order_is_no_taste(store: Driver) -> None:
    buy(store, "o1", "tea")
    store.now += DAY
    lines = (Line("tea", 1, 100),)
    store.tell(store.order("o1", "ann", lines=lines, value=100, status="cancelled"))
    assert shown(store, "repeat_buys", 2) == ("ink", "tea")


def test_before_anything_was_learned_there_is_nothing_to_show(driver: Driver) -> None:
    buy(driver, "o1", "tea")
    assert shown(driver, "bought_together") == ()
