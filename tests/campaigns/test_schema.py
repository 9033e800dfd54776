"""The published schema is current and agrees with the reader."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from campaigns.campaign import campaign_text, load_campaign
from campaigns.errors import InvalidCampaign
from campaigns.library import READY, ready_text
from campaigns.schema import campaign_schema, policy_schema, rule_schema, schema_text

DOCS = Path(__file__).parents[2] / "docs"
CAMPAIGN = jsonschema.Draft202012Validator(campaign_schema())
WRONG = [
    {"id": "A"},
    {"when": {"segment": "nowhere", "enters": True}},
    {"if": {"ordrs": 1}},
    {"if": {"orders": {"at_leas": 1}}},
    {"steps": [{"message": {}}]},
    {"steps": [{"coupon": {"percent_off": 101, "valid_for": "1d"}}]},
    {"limits": {"cooldown": "soon"}},
    {"holdout": 1},
    {"extra": 1},
]


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("campaign.schema.json", campaign_schema()),
        ("policy.schema.json", policy_schema()),
        ("rule.schema.json", rule_schema()),
    ],
)
def test_the_published_file_is_current(name: str, schema: dict[str, Any]) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == schema_text(schema), (
        f"docs/{name} is old: write schema_text() there"
    )
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", READY)
def test_ready_campaigns_pass_as_file_and_canonically(name: str) -> None:
    CAMPAIGN.validate(yaml.safe_load(ready_text(name)))
    canonical = campaign_text(load_campaign(ready_text(name), name))
    CAMPAIGN.validate(yaml.safe_load(canonical))


@pytest.mark.parametrize("change", WRONG)
def test_schema_and_reader_refuse_alike(change: dict[str, Any]) -> None:
    base = {"id": "a", "when": {"event": "order_completed"}, "steps": [{"tag": "x"}]}
    CAMPAIGN.validate(base)
    data = {**base, **change}
    with pytest.raises(jsonschema.ValidationError):
        CAMPAIGN.validate(data)
    with pytest.raises(InvalidCampaign):
        load_campaign(yaml.safe_dump(data), "a.yaml")
