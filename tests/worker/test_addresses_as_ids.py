"""Shops whose customers go by addresses: by any door, no table holds one in clear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.generic.messages import Sender
from connectors.generic.track import read_batch
from tests.worker.driving import Driver
from worker import models, stream
from worker.customer_files import import_customers
from worker.sealing import seal_events
from worker.trying.asking import Wishes

ANN, BEN = "ann@example.com", "ben@example.com"


def every_row(driver: Driver) -> str:
    """All tables, in lower case."""
    tables = models.metadata.tables.values()
    return repr([driver.rows(table, *table.c.keys()) for table in tables]).lower()


def known_by(driver: Driver, address: str) -> int:
    return driver.customer("email", driver.kit.sealer.blind(driver.id, address))


@pytest.mark.invariant("I9")
def test_an_imported_id_that_is_an_address_is_sealed_and_found(
    driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    lines = (
        "id,email,newsletter,Shoe",
        f"{ANN},,yes,41",
        f"{BEN},ben@new.example,no,42",
        "7,,,43",
    )
    path.write_text("\n".join((*lines, "no@where,,,")))
    report = import_customers(driver.kit, path, driver.id, Wishes())
    assert (report.taken, report.left_out) == (3, ["Shoe"])
    assert report.rejected == [(5, "its e-mail is no address")]
    assert "example" not in every_row(driver)
    assert sorted(driver.values(models.customers, "platform_id")) == ["", "", "7"]
    assert known_by(driver, "ben@new.example")
    (sealed,) = driver.values(models.profiles, "sealed", customer=known_by(driver, ANN))
    assert driver.kit.sealer.open(driver.id, sealed) == {"email": ANN}
    assert import_customers(driver.kit, path, driver.id, Wishes()).already == 3


@pytest.mark.invariant("I9")
def test_segments_user_id_that_is_an_address_is_sealed_and_found(driver: Driver) -> None:
    at = driver.now.isoformat()
    order = {"order_id": "o1", "total": 20, "currency": "EUR"}
    messages: list[dict[str, Any]] = [
        {"type": "track", "event": "Order Completed", "userId": ANN, "properties": order},
        {"type": "identify", "userId": ANN, "traits": {"consents": {"email": True}}},
        {"type": "track", "event": "Product Viewed", "userId": ANN, "anonymousId": ANN}
        | {"properties": {"product_id": "p"}},
        {"type": "alias", "userId": "C1", "previousId": ANN},
    ]
    body = json.dumps({"batch": [{**one, "timestamp": at} for one in messages]}).encode()
    read = read_batch(body, Sender(driver.id, "EUR", is_server=True), driver.now)
    assert read.rejections == ()
    for event in seal_events(driver.kit.sealer, read.events):
        assert b"@example" not in stream.pack(event)
    driver.tell(*read.events)
    assert "@example" not in every_row(driver)
    ann = known_by(driver, ANN)
    assert driver.customer("customer_id", "C1") == ann
    assert driver.feature(ann, "orders") == 1
    (row,) = driver.rows(models.customers, "platform_id", "consents", id=ann)
    assert (row.platform_id, json.loads(row.consents)) == ("C1", {"email": True})
