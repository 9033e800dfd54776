"""How complete a demographic field is, is said where a campaign asks for it."""

from __future__ import annotations

from campaigns.campaign import Campaign, load_campaign
from connectors.records import Customer
from segmentation.constructed import Constructed
from segmentation.wording import Words
from tests.worker.driving import Houses
from worker.database import reading
from worker.known_fields import asked, asks, known_fields, sentence, used_fields


def campaign(name: str, condition: str) -> Campaign:
    text = f"""
id: {name}
when: {{event: order_completed}}
if: {{{condition}}}
steps: [{{tag: seen}}]
"""
    return load_campaign(text, f"{name}.yaml")


def test_fields_are_those_that_names_are_made_of() -> None:
    own = (Constructed("per_head", "ratio", ("monetary_value", "household_size")),)
    names = ("orders", "age", "gender_male", "gender_female", "per_head", "attribute.region")
    assert used_fields(names, own) == ("birth_year", "gender", "household_size", "region")
    assert used_fields(("orders", "attribute.shoe_size")) == ()


def test_a_condition_is_told_with_what_is_known(houses: Houses, postgres_houses: Houses) -> None:
    for its in (houses, postgres_houses):
        with its() as driver:
            for name, said in (("a", {"gender": "female"}), ("b", {"region": "DE-BY"}), ("c", {})):
                body = Customer(name, driver.now, said)  # type: ignore[arg-type]  # words are what they are
                driver.tell(
                    driver.fact(body, ("customer_id", name)), driver.order(f"o{name}", name)
                )
            driver.tell(driver.order("od", "d"), driver.touch("page_viewed", ("anonymous_id", "v")))
            shop = driver.shop()
            young = campaign("young", "gender_female: 1, attribute.region: DE-BY")
            others = campaign("others", "orders: {at_least: 2}")
            with reading(driver.kit.engine) as connection:
                told = asked(connection, shop, (young, others))
                (gender, age) = known_fields(connection, shop, ("gender", "birth_year"))
        # Of the four who have ordered; a visitor is none of them.
        assert gender.known == 0.25
        assert [name for name, _ in gender.sources] == ["webhook"]
        assert gender.latest == driver.now.date().isoformat()
        assert (age.known, age.sources, age.latest) == (0.0, (), "")
        assert [name for name, _ in told] == ["young", "young"]
        assert "Known of 25% of those who have ordered: region (source: webhook" in told[0][1]
        assert sentence(Words(), age) == "Known of 0% of those who have ordered: age."
    assert asks((others,)) == {}
    per_head = campaign("heads", "own.per_head: {at_least: 1}")
    own = (Constructed("per_head", "ratio", ("monetary_value", "household_size")),)
    assert asks((per_head,)) == {}
    assert asks((per_head,), own) == {"heads": ("household_size",)}
