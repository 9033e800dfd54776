"""The playlist: real purchases, a made-up life around them, and trouble on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import pytest

from worker.demo.memory import tree_mb
from worker.demo.playlist import Delivery, Playlist, playlist
from worker.demo.purchases import cancelled_by, category, read_invoices


@pytest.fixture(scope="module")
def short() -> Playlist:
    return playlist(seed=1, most=1_500)


def deliveries(played: Playlist) -> list[Delivery]:
    return [one for day in played.days for one in (*day.first, *day.pages, *day.rest)]


def test_the_same_seed_plays_the_same(short: Playlist) -> None:
    assert playlist(seed=1, most=1_500) == short
    assert playlist(seed=2, most=1_500) != short


def test_orders_are_the_logs_own(short: Playlist) -> None:
    invoices = {one.number: one for its in read_invoices().values() for one in its}
    orders = [
        json.loads(one.body)
        for one in deliveries(short)
        if one.topic == "order.paid" and not one.is_broken and not one.is_forged
    ]
    assert len(orders) > 20
    for order in orders:
        lines = [
            (one["product_id"], one["quantity"], Decimal(one["price"])) for one in order["lines"]
        ]
        real = invoices[order["id"]].lines
        assert lines == [(one.product, one.quantity, one.price) for one in real if one.quantity > 0]


def test_some_are_repeated_and_a_few_broken(short: Playlist) -> None:
    keys = Counter(one.key for one in deliveries(short))
    repeated = sum(count - 1 for count in keys.values())
    assert 0.02 * len(keys) < repeated < 0.09 * len(keys)
    assert any(one.is_broken for one in deliveries(short))
    assert any(one.is_forged for one in deliveries(short))


def test_a_return_of_everything_is_a_cancellation() -> None:
    found = [
        (taken, its) for its in read_invoices().values() for taken in cancelled_by(its).values()
    ]
    assert found
    assert not any(taken.is_return for taken, _ in found)


def test_categories_come_from_titles() -> None:
    assert category("Set Of 3 Hanging T-Light Holders") == "lights and candles"
    assert category("Inflatable Political Globe") == "everything else"


def test_memory_of_a_tree_is_counted_with_its_branches() -> None:
    held = "import sys; held = b'x' * 64_000_000; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(  # noqa: S603 - our own line
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        branch = tree_mb(child.pid)
        whole = tree_mb(os.getpid())
        child.communicate()
    assert 61 < branch < whole < 5_000
