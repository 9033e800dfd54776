"""Who is who: merges, shared devices, claims; what must never become one person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.events import Event
from connectors.records import Customer
from tests.worker.driving import HOUR, MINUTE, START, Driver
from worker import models
from worker.identities import Directory, Key, keys_to_read, merge_people, resolve

ANN, BEA = ("customer_id", "ann"), ("customer_id", "bea")
PHONE, LAPTOP = ("anonymous_id", "phone"), ("anonymous_id", "laptop")


def bind(driver: Driver, *who: tuple[str, str]) -> Event:
    """A trusted word that these keys are one."""
    return driver.touch("custom", *who, source="server", event="identify")


def test_a_visitor_yields_to_who_they_turn_out_to_be(driver: Driver) -> None:
    driver.tell(*(driver.touch("product_viewed", PHONE) for _ in range(3)))
    visitor = driver.customer(*PHONE)
    driver.tell(driver.order("o1", "ann"))
    driver.tell(bind(driver, ANN, PHONE), driver.touch("product_viewed", PHONE))
    ann = driver.customer(*ANN)
    assert driver.customer(*PHONE) == ann != visitor
    assert driver.feature(ann, "views") == 4
    assert driver.feature(ann, "orders") == 1
    (pointer,) = driver.rows(models.customers, "merged_into", "orders", id=visitor)
    assert tuple(pointer) == (ann, 0)
    assert driver.feature(visitor, "views") == 0
    assert driver.tally("merges") == 1


def test_two_people_on_one_device_stay_two(driver: Driver) -> None:
    driver.tell_one_by_one(
        driver.touch("product_viewed", PHONE),
        bind(driver, ANN, PHONE),
        driver.touch("product_viewed", PHONE),
        bind(driver, BEA, PHONE),
        driver.touch("product_viewed", PHONE),
    )
    ann, bea = driver.customer(*ANN), driver.customer(*BEA)
    assert ann != bea
    assert [driver.feature(one, "views") for one in (ann, bea)] == [2, 1]


def test_two_guests_on_one_device_stay_two(driver: Driver) -> None:
    driver.tell(bind(driver, ("email", "ann@example.com"), PHONE))
    driver.tell(bind(driver, ("email", "bea@example.com"), PHONE))
    assert len(driver.rows(models.customers, "id", is_known=True)) == 2


def test_two_devices_of_one_person_become_one(driver: Driver) -> None:
    views = [driver.touch("product_viewed", device) for device in (PHONE, LAPTOP)]
    driver.tell(*views, bind(driver, ANN, PHONE), bind(driver, ANN, LAPTOP))
    assert driver.customer(*PHONE) == driver.customer(*LAPTOP)
    assert driver.feature(driver.customer(*ANN), "views") == 2


def test_a_guest_who_registers_keeps_what_they_bought(driver: Driver) -> None:
    driver.tell(driver.order("o1", who=[("email", "ann@example.com")]))
    driver.tell(driver.order("o2", "ann", who=[("email", "ann@example.com")]))
    assert driver.feature(driver.customer(*ANN), "orders") == 2
    assert driver.values(models.customers, "platform_id") == ["ann"]


def test_two_accounts_with_one_email_stay_two(driver: Driver) -> None:
    shared = ("email", "home@example.com")
    driver.tell(driver.order("o1", "ann", who=[shared]), driver.order("o2", "bea", who=[shared]))
    assert driver.customer(*ANN) != driver.customer(*BEA)


def test_the_store_may_merge_two_accounts(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"))
    driver.tell(driver.touch("customers_merged", ANN, source="webhook", previous_id="bea"))
    assert driver.customer(*ANN) == driver.customer(*BEA) == driver.customer("order", "o2")
    assert driver.feature(driver.customer(*ANN), "orders") == 2
    assert driver.feature(driver.customer(*ANN), "distinct_products") == 1
    driver.tell(driver.order("o3", "bea"))
    assert driver.feature(driver.customer(*ANN), "orders") == 3


@pytest.mark.invariant("I11")
def test_a_browsers_cart_is_a_claim_until_the_store_says_so(driver: Driver) -> None:
    driver.tell(driver.touch("product_added", PHONE, ("cart", "t1")))
    driver.tell(driver.order("o1", "ann"), driver.cart("t2", "ann"))
    driver.tell(driver.touch("product_viewed", LAPTOP, ("cart", "t2")))
    assert driver.feature(driver.customer(*ANN), "views") == 0
    driver.tell(driver.order("o2", "ann", cart="t1"))
    assert driver.customer(*PHONE) == driver.customer(*ANN)
    assert driver.feature(driver.customer(*ANN), "views") == 0


def test_our_own_word_about_somebody_who_merged_meanwhile(driver: Driver) -> None:
    driver.tell(driver.touch("product_viewed", PHONE))
    visitor = driver.customer(*PHONE)
    driver.tell(driver.order("o1", "ann"), bind(driver, ANN, PHONE))
    told = [
        driver.touch("campaign_contacted", source="shoal", campaign="x", customer=one)
        for one in (visitor, 999)
    ]
    driver.tell(*told)
    ann = driver.customer(*ANN)
    assert driver.feature(ann, "contacts") == 1
    assert driver.values(models.events, "customer", type="campaign_contacted") == [0, ann]


def test_a_customer_and_their_profile(driver: Driver) -> None:
    said = {"email": "Ann@Example.com", "first_name": "Ann"}
    body = Customer("ann", START, {"tier": "gold"}, {"email": True}, "Europe/Paris")
    driver.tell(driver.fact(body, **said))
    old = Customer("ann", START - HOUR, {"tier": "old", "age_band": "30"}, {"email": False})
    driver.tell(driver.fact(old, first_name="Anna"))
    (row,) = driver.rows(models.customers, "attributes", "consents", "time_zone", "is_known")
    assert tuple(row) == ('{"tier":"gold"}', '{"email":true}', "Europe/Paris", True)
    (sealed,) = driver.values(models.profiles, "sealed")
    assert b"Ann" not in bytes(sealed)
    profile = driver.kit.sealer.open(driver.id, bytes(sealed))
    assert (profile["first_name"], profile["email"]) == ("Ann", "Ann@Example.com")


def test_the_newest_word_stands_when_accounts_merge(driver: Driver) -> None:
    first = driver.fact(Customer("ann", START, {"tier": "gold"}))
    second = driver.fact(Customer("bea", START + MINUTE, {"tier": "silver"}))
    merged = driver.touch("customers_merged", ANN, source="webhook", previous_id="bea")
    driver.tell_one_by_one(first, second, merged)
    assert driver.values(models.customers, "attributes", merged_into=None) == ['{"tier":"silver"}']


KEYS = [
    *(("customer_id", name) for name in "AB"),
    *(("email", name) for name in "xy"),
    *(("order", name) for name in "12"),
    *(("cart", name) for name in "st"),
    *(("anonymous_id", name) for name in "pq"),
]
SAID = st.lists(
    st.tuples(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True), st.booleans()),
    max_size=14,
)


def is_plausible(keys: list[Key]) -> bool:
    """One event speaks of at most one of a kind."""
    return len({kind for kind, _ in keys}) == len(keys)


@given(SAID)
def test_two_people_never_merge_by_themselves(said: list[tuple[list[Key], bool]]) -> None:
    directory = Directory({}, {}, set(), 0)
    for keys, is_claim in said:
        if is_plausible(keys):
            owner = resolve(directory, keys, is_claim=is_claim)
            assert owner == directory.final(owner)
    bound = {key: directory.final(owner) for key, owner in directory.bound.items()}
    people = [bound[key] for key in KEYS[:2] if key in bound]
    assert len(set(people)) == len(people)
    for name in "AB":
        if ("customer_id", name) in bound:
            assert directory.platform_ids[bound["customer_id", name]] == name
    assert all(owner not in directory.merged for owner in bound.values())


@given(SAID)
@pytest.mark.invariant("I11")
def test_a_browser_merges_and_names_nobody(said: list[tuple[list[Key], bool]]) -> None:
    directory = Directory({}, {}, set(), 0)
    for keys, _ in said:
        resolve(directory, keys, is_claim=True)
    assert not directory.merged
    assert not directory.known
    assert {kind for kind, _ in directory.bound} <= {"anonymous_id", "claim"}


def test_what_is_read_before_resolving() -> None:
    assert keys_to_read([("cart", "t")]) == {("cart", "t"), ("claim", "t")}


def test_a_store_that_merges_ids_nobody_knew() -> None:
    directory = Directory({}, {}, set(), 0)
    merge_people(directory, "A", "B")
    assert directory.bound == {("customer_id", "A"): 1, ("customer_id", "B"): 1}
    assert not directory.merged
