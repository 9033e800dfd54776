"""The JSON Schema of campaign, policy and rule files, made from what reads them."""

from __future__ import annotations

import json
from typing import Any, Final

from campaigns.campaign import CAMPAIGN
from campaigns.condition_file import condition_definitions
from campaigns.policy import POLICY
from campaigns.rule_segments import RULE_SEGMENT
from campaigns.steps import STEP

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def campaign_schema() -> dict[str, Any]:
    """The schema of a campaign file, for editors and the API."""
    definitions = {**condition_definitions(), "step": STEP.schema()}
    head = {"$schema": _DIALECT, "title": "Shoal campaign", "$defs": definitions}
    return {**head, **CAMPAIGN.schema()}


def policy_schema() -> dict[str, Any]:
    """The schema of a segment's policy file."""
    return {"$schema": _DIALECT, "title": "Shoal segment policy", **POLICY.schema()}


def rule_schema() -> dict[str, Any]:
    """The schema of a rule segment's file; that it names no other rule, the reader sees alone."""
    head = {"$schema": _DIALECT, "title": "Shoal rule segment", "$defs": condition_definitions()}
    return {**head, **RULE_SEGMENT.schema()}


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as it is published."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
