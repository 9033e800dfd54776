"""Who customers are: by whom it was said, where it stands, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import update

from connectors.demographics import coarse
from connectors.events import Event
from connectors.records import Customer
from segmentation.features import DEMOGRAPHIC
from tests.worker.driving import DAY, HOUR, START, Driver
from worker import models
from worker.customer_files import import_customers
from worker.database import transaction
from worker.describing import filled_in, with_source
from worker.refolding import refold_all
from worker.trying.asking import Wishes

ANN = ("customer_id", "ann")
SAID = {"birthday": "1990-05-17", "gender": "f", "income_band": 4, "education": 6}


def told(driver: Driver, said: Mapping[str, Any], at: Any = START, who: str = "ann") -> Event:
    body = Customer(who, at, attributes=coarse(said, at))
    return driver.fact(body, birthday=said.get("birthday", ""))


def known(driver: Driver, who: tuple[str, str] = ANN) -> dict[str, float]:
    """The demographic features that are known."""
    customer = driver.customer(*who)
    values = {name: driver.feature(customer, name) for name in DEMOGRAPHIC}
    return {name: value for name, value in values.items() if not np.isnan(value)}


def row(driver: Driver) -> dict[str, Any]:
    (attributes,) = driver.values(models.customers, "attributes", id=driver.customer(*ANN))
    found: dict[str, Any] = json.loads(attributes)
    return found


EXPECTED = {"age": 36, "income_band": 4, "education": 6, "gender_female": 1, "gender_male": 0}


@pytest.mark.invariant("I9")
def test_a_birthday_is_sealed_and_its_year_makes_the_age(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    assert known(driver) == {}
    driver.tell(told(driver, SAID))
    assert known(driver) == EXPECTED
    assert "05-17" not in json.dumps(row(driver))
    assert row(driver)["birth_year"] == 1990
    assert (row(driver)["income_band.from"], row(driver)["income_band.at"]) == (
        "webhook",
        START.isoformat(),
    )
    driver.now += 365 * DAY
    assert known(driver)["age"] == 37


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.invariant("I3")
def test_the_newest_word_stands_whatever_comes_first(driver: Driver, *, is_turned: bool) -> None:
    """Of each field; a description need not say them all."""
    events = [
        told(driver, SAID, START - 2 * HOUR),
        told(driver, {"income_band": 1}, START - HOUR),
        told(driver, {"household_size": 2}),
    ]
    driver.tell_one_by_one(*(events[::-1] if is_turned else events))
    assert known(driver) == EXPECTED | {"income_band": 1, "household_size": 2}
    assert row(driver)["income_band.at"] == (START - HOUR).isoformat()


def test_a_word_of_an_earlier_version_is_not_overruled_by_an_older_one() -> None:
    older = with_source({"gender": "male", "education": 3.0}, "webhook", START)
    assert json.loads(filled_in('{"gender":"f"}', older)) == {
        "gender": "f",
        "education": 3.0,
        "education.from": "webhook",
        "education.at": START.isoformat(),
    }
    hearsay = json.dumps(with_source({"gender": "f"}, "klaviyo", START + DAY))
    assert json.loads(filled_in(hearsay, older))["gender"] == "male"


@pytest.mark.parametrize(
    "row", [{"gender": "male", "gender.from": "poll"}, {"gender.from": "poll"}], ids=str
)
def test_a_source_without_a_date_is_older_than_any(row: dict[str, str]) -> None:
    said = with_source({"gender": "female"}, "webhook", START)
    text = json.dumps(row)
    assert json.loads(filled_in(text, said)) == said
    assert json.loads(filled_in(json.dumps(said), row)) == said


def test_two_profiles_that_are_one_person_are_described_by_both(driver: Driver) -> None:
    driver.tell(told(driver, {"birthday": "1990-05-17", "income_band": 4}, START - HOUR))
    driver.tell(told(driver, {"income_band": 1, "education": 3}, START, "bob"))
    merge = driver.touch("customers_merged", source="server", customer_id="ann", previous_id="bob")
    driver.tell(msgspec.structs.replace(merge, identities=(ANN,)))
    assert known(driver) == {"age": 36, "income_band": 1, "education": 3}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 1, 3, 2), (2, 0, 3, 1), (3, 2, 1, 0)])
@pytest.mark.invariant("I3")
def test_it_does_not_matter_when_two_profiles_become_one(
    driver: Driver, order: tuple[int, ...]
) -> None:
    """The newer profile says the older word on income: the newest of each field stands."""
    merge = driver.touch("customers_merged", source="server", customer_id="ann", previous_id="bob")
    events = [
        told(driver, {"income_band": 5}, START - 3 * HOUR),
        told(driver, {"income_band": 1}, START - 2 * HOUR, "bob"),
        told(driver, {"household_size": 2}, START - HOUR),
        msgspec.structs.replace(merge, identities=(ANN,)),
    ]
    driver.tell_one_by_one(*(events[place] for place in order))
    assert known(driver) == {"income_band": 1, "household_size": 2}


def test_records_computed_again_are_of_the_same_people(driver: Driver) -> None:
    driver.tell(told(driver, SAID), driver.order("o1", "ann"))
    with transaction(driver.kit.engine) as connection:
        refold_all(connection)
    assert known(driver) == EXPECTED


def imported(driver: Driver, tmp_path: Path, text: str) -> Any:
    path = tmp_path / "people.csv"
    path.write_text(text)
    return import_customers(driver.kit, path, "shop", Wishes())


def test_a_file_fills_gaps_says_where_from_and_overrules_nothing(
    driver: Driver, tmp_path: Path
) -> None:
    driver.tell(told(driver, {"income_band": 4}))
    header = "customer_id,birthday,sex,income_band,household_size,region,education"
    report = imported(driver, tmp_path, f"{header}\nann,17.05.1990,F,1,2,DE-BY,clown school\n")
    assert known(driver) == {
        "age": 36,
        "income_band": 4,
        "household_size": 2,
        "gender_female": 1,
        "gender_male": 0,
    }
    said = row(driver)
    assert (said["region"], said["region.from"]) == ("DE-BY", "file")
    assert said["income_band.from"] == "webhook"
    assert report.counts == {"education not understood, left out": 1}
    assert report.left_out == []


def test_a_file_is_not_named_as_the_source_of_what_was_known_before(
    driver: Driver, tmp_path: Path
) -> None:
    driver.tell(driver.order("o1", "ann"))
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.customers).values(attributes='{"gender":"f"}'))
    imported(driver, tmp_path, "customer_id,gender\nann,m\n")
    assert row(driver) == {"gender": "f"}


def test_an_age_in_a_file_is_of_the_day_it_is_read(driver: Driver, tmp_path: Path) -> None:
    imported(driver, tmp_path, "customer_id,age\nann,40\n")
    assert row(driver)["birth_year"] == START.year - 40
    assert known(driver) == {"age": 40}
