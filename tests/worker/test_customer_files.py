"""Customers, consents and suppressions of another tool's file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.records import Customer
from tests.worker.driving import MINUTE, START, Driver, coupon_campaign
from worker import models, stream
from worker.cells import FileRefused
from worker.customer_files import Report, import_customers
from worker.trying.asking import Wishes

KLAVIYO = (
    "Email,Klaviyo ID,First Name,Last Name,Phone Number,Email Marketing Consent,"
    "Email Marketing Consent Timestamp,Email Suppressions"
)


def taken(driver: Driver, path: Path, *lines: str, wishes: Wishes | None = None) -> Report:
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return import_customers(driver.kit, path, driver.id, wishes or Wishes())


def person(driver: Driver, address: str) -> Any:
    blind = driver.kit.sealer.blind(driver.id, address)
    customer = driver.customer("email", blind)
    (row,) = driver.rows(
        models.customers, "consents", "is_suppressed", "attributes", "platform_id", id=customer
    )
    return row


def consents(driver: Driver, address: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(person(driver, address).consents)
    return found


def test_klaviyos_export_with_dates_sources_and_suppressions(
    driver: Driver, tmp_path: Path
) -> None:
    report = taken(
        driver,
        tmp_path / "people.csv",
        KLAVIYO,
        "Ann@X.example,01A,Ann,Smith,+491,SUBSCRIBED,2024-05-06 07:08:09,",
        "bob@x.example,01B,Bob,,,UNSUBSCRIBED,2024-05-06 07:08:09,",
        "cid@x.example,01C,,,,NEVER_SUBSCRIBED,,",
        "dan@x.example,01D,,,,SUBSCRIBED,2024-05-06 07:08:09,HARD_BOUNCE",
        "eve@x.example,01E,,,,SUBSCRIBED,,UNSUBSCRIBED",
        "no address,01F,,,,SUBSCRIBED,,",
        ",01G,,,,SUBSCRIBED,,",
        "gil@x.example,01H,,,,SUBSCRIBED,soon,",
        "hal@x.example,01I,,,,SUBSCRIBED,2124-05-06,",
        "ida@x.example,01J,,,,SUBSCRIBED,,,surplus",
    )
    assert (report.source, report.rows, report.taken) == ("klaviyo", 10, 5)
    assert report.rejected == [
        (7, "its e-mail is no address"),
        (8, "it names neither an id nor an e-mail"),
        (9, "the date of its consent to email cannot be read"),
        (10, "the date of its consent to email is in the future"),
        (11, "it has more cells than the header has names"),
    ]
    assert consents(driver, "ann@x.example") == {
        "email": True,
        "email.from": "klaviyo",
        "email.at": "2024-05-06T07:08:09+00:00",
    }
    assert consents(driver, "bob@x.example")["email"] is False
    assert consents(driver, "cid@x.example") == {}
    assert person(driver, "dan@x.example").is_suppressed
    assert consents(driver, "eve@x.example")["email"] is False
    assert not person(driver, "eve@x.example").is_suppressed
    stored = repr(driver.rows(models.customers, *models.customers.c.keys()))
    stored += repr(driver.rows(models.events, *models.events.c.keys()))
    stored += repr(driver.rows(models.profiles, "sealed"))
    assert not any(word in stored for word in ("Smith", "x.example", "+491"))


def test_a_file_read_again_changes_nothing_and_goes_on_where_it_was_cut(
    driver: Driver, tmp_path: Path
) -> None:
    lines = [f"p{at}@x.example,,,,,SUBSCRIBED,2024-01-02," for at in range(30)]
    first = taken(driver, tmp_path / "a.csv", KLAVIYO, *lines[:10])
    whole = taken(driver, tmp_path / "a.csv", KLAVIYO, *lines)
    driver.now += timedelta(days=3)
    again = taken(driver, tmp_path / "a.csv", KLAVIYO, *lines)
    assert [(one.taken, one.already) for one in (first, whole, again)] == [
        (10, 0),
        (20, 10),
        (0, 30),
    ]
    assert len(driver.values(models.customers, "id")) == 30
    assert not stream.unread(driver.kit.redis, driver.partition)


def test_the_stores_own_word_is_never_overruled(driver: Driver, tmp_path: Path) -> None:
    own = Customer("c1", START, consents={"email": False}, attributes={"gender": "f"})
    driver.tell(
        driver.fact(own, ("customer_id", "c1"), ("email", "ann@x.example"), email="ann@x.example")
    )
    header = "customer_id,email,newsletter,consent_date,gender"
    old = (START - timedelta(days=9)).isoformat()
    taken(driver, tmp_path / "a.csv", header, f"c1,ann@x.example,yes,{old},m")
    assert consents(driver, "ann@x.example") == {"email": False}
    said = json.loads(person(driver, "ann@x.example").attributes)
    assert (said["gender"], said["gender.from"]) == ("f", "webhook")
    driver.now += timedelta(days=9)
    new = (START + timedelta(days=1)).isoformat()
    taken(driver, tmp_path / "a.csv", header, f"c1,ann@x.example,yes,{new},m")
    assert consents(driver, "ann@x.example")["email"] is True
    taken(driver, tmp_path / "a.csv", header, "c1,ann@x.example,no,,")
    assert consents(driver, "ann@x.example") == {"email": False, "email.from": "file"}
    later = Customer("c1", driver.now, consents={"email": True})
    driver.tell(driver.fact(later, ("customer_id", "c1")))
    assert consents(driver, "ann@x.example") == {"email": True}


def test_who_is_known_by_e_mail_alone_is_one_with_the_customer_who_comes(
    driver: Driver, tmp_path: Path
) -> None:
    taken(driver, tmp_path / "a.csv", KLAVIYO, "ann@x.example,,,,,SUBSCRIBED,2024-01-02,")
    assert person(driver, "ann@x.example").platform_id == ""
    driver.tell(driver.order("o1", "c1", who=[("email", "ann@x.example")]))
    assert person(driver, "ann@x.example").platform_id == "c1"
    assert consents(driver, "ann@x.example")["email"] is True
    assert len(driver.values(models.customers, "id")) == 1


def test_an_import_wakes_no_campaign(driver: Driver, tmp_path: Path) -> None:
    driver.run(coupon_campaign("any", "{event: customer_updated}"))
    taken(driver, tmp_path / "a.csv", "customer_id,newsletter", "c1,yes")
    assert driver.values(models.customers, "platform_id") == ["c1"]
    assert driver.rows(models.decisions, "customer") == []
    assert driver.rows(models.holds, "customer") == []


def test_mautics_export_says_nothing_of_consent(driver: Driver, tmp_path: Path) -> None:
    report = taken(
        driver,
        tmp_path / "a.csv",
        "id,title,firstname,lastname,email,mobile,doNotContact",
        *("7,Ms,Ann,Smith,ann@x.example,+49,0", "8,,Bob,,bob@x.example,,1"),
    )
    assert report.source == "mautic"
    assert "consent stays unknown, which is no" in report.notes[0]
    assert consents(driver, "ann@x.example") == {}
    assert [person(driver, f"{one}@x.example").is_suppressed for one in ("ann", "bob")] == [
        False,
        True,
    ]
    # Mautic's number is not the shop's.
    assert person(driver, "ann@x.example").platform_id == ""


def test_dates_of_either_order_and_names_of_ones_own(driver: Driver, tmp_path: Path) -> None:
    lines = ("Kunde;Mail;Ja/Nein;Wann", "c1;ann@x.example;ja;03/04/2024")
    mapped = "customer_id=Kunde,email=Mail,consent.email=Ja/Nein,consent.email.at=Wann"
    with pytest.raises(FileRefused, match="--dates day-first or --dates month-first"):
        taken(driver, tmp_path / "a.csv", *lines, wishes=Wishes(mapped))
    taken(driver, tmp_path / "a.csv", *lines, wishes=Wishes(mapped, "day-first"))
    at = datetime(2024, 4, 3, tzinfo=UTC)
    assert consents(driver, "ann@x.example")["email.at"] == at.isoformat()
    with pytest.raises(FileRefused, match=r"expected one of .*; did you mean consent.email"):
        taken(driver, tmp_path / "a.csv", *lines, wishes=Wishes("consent.mail=Mail"))
    with pytest.raises(FileRefused, match=r"Say it with: --map email=COLUMN"):
        taken(driver, tmp_path / "b.csv", "a,b", "1,2")


def test_a_store_that_knows_no_suppression_lifts_none(driver: Driver, tmp_path: Path) -> None:
    taken(
        driver, tmp_path / "k.csv", KLAVIYO, "dan@x.example,01D,,,,NEVER_SUBSCRIBED,,SPAM_COMPLAINT"
    )
    assert person(driver, "dan@x.example").is_suppressed

    def said(version: int, *, is_suppressed: bool | None) -> None:
        body = Customer("C1", driver.now + version * MINUTE, is_suppressed=is_suppressed)
        driver.tell(driver.fact(body, ("customer_id", "C1"), email="dan@x.example"))

    said(1, is_suppressed=None)
    assert person(driver, "dan@x.example").is_suppressed
    said(2, is_suppressed=False)
    assert not person(driver, "dan@x.example").is_suppressed
