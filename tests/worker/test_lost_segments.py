"""A model that loses what a live campaign names: check, doctor and the status page say so."""

from __future__ import annotations

import pytest
from msgspec import structs

from campaigns.campaign import load_campaign
from campaigns.check import warnings
from segmentation.model import empty_model, to_json
from tests.worker.driving import Driver
from worker import bulk, checkup, models, stores
from worker.campaign_files import known_of
from worker.database import reading, transaction
from worker.web.status_stores import shown_store

GONE = "id: gone\nwhen: {segment: loyal.everyday, enters: true}\nsteps: [tag: x]\n"
EMPTY = "id: empty\nwhen: {segment: champions, enters: true}\nsteps: [tag: x]\n"
THERE = "id: there\nwhen: {segment: loyal, enters: true}\nsteps: [tag: x]\n"
SAID = (
    "Campaign empty is live and waits in vain, when.segment: stage 'champions' has no group",
    "Campaign gone is live and waits in vain, when.segment: segment 'loyal.everyday' is not in the",
)


@pytest.fixture
def renamed(driver: Driver) -> Driver:
    """Live campaigns on two groups and a stage; then a model of which only one is left."""
    model = empty_model()
    groups = tuple(group for group in model.groups if group.stage != "champions")
    body = to_json(structs.replace(model, version=1, groups=groups))
    columns = ("store", "kind", "version", "body", "published_at", "customers_read")
    for text in (GONE, EMPTY, THERE):
        driver.run(text)
    driver.run(GONE.replace("gone", "shadowed"), state="shadow")
    with transaction(driver.kit.engine) as connection:
        row = (driver.number, "segments", 1, body, 0, 0)
        bulk.upsert(connection, models.models, columns, [row])
    return driver


@pytest.mark.invariant("I5")
def test_the_status_page_says_which_campaign_waits_in_vain(renamed: Driver) -> None:
    with reading(renamed.kit.engine) as connection:
        (store,) = stores.list_stores(connection)
        trouble = shown_store(connection, store, 0, {}, 95).trouble
    assert len(trouble) == 2
    assert all(line.startswith(said) for line, said in zip(trouble, SAID, strict=True))


@pytest.mark.invariant("I5")
def test_doctor_says_it_too(renamed: Driver) -> None:
    told = checkup.examine(renamed.kit.settings)
    (found,) = [one for one in told if one.check == "store shop"]
    assert not found.is_ok
    assert all(said in found.said for said in SAID)


@pytest.mark.invariant("I5")
def test_a_check_of_the_file_warns(renamed: Driver) -> None:
    known = known_of(renamed.shop())
    found = {
        text: [str(one) for one in warnings(load_campaign(text, "a file"), known)]
        for text in (GONE, EMPTY, THERE)
    }
    assert "segment 'loyal.everyday' is not in the model" in found[GONE][0]
    assert "stage 'champions' has no group" in found[EMPTY][0]
    assert not any("segment" in line for line in found[THERE])
