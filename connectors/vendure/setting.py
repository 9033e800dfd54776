"""What Shoal is told about a Vendure store."""

from __future__ import annotations

from typing import Final

from connectors.attributes import NEED as ATTRIBUTES
from connectors.needs import Need

# As docs/platforms.md says it.
PROVEN: Final = "a real Vendure 3.7.3 (`make test-stores`)"
_CODE: Final = "the shop's vendure-config"
NEEDS: Final = (
    Need(
        "url",
        "url",
        "the address of the Vendure server, without /admin-api: https://shop.example",
        "where the shop's server runs",
        is_needed=True,
    ),
    Need(
        "secret",
        "api_key",
        "a key whose role has the permissions below",
        "Vendure's dashboard → Settings → API keys",
        is_needed=True,
        instead=("username", "password"),
    ),
    Need(
        "secret",
        "username",
        "of an administrator, in place of api_key, where `bearer` is among the token methods",
        "Vendure's dashboard → Settings → Administrators",
    ),
    Need("secret", "password", "the same administrator's", "whoever made that administrator"),
    Need(
        "secret",
        "webhook_secret",
        "what the plugin signs with (`shoal store plugin vendure`)",
        "SHOAL_WEBHOOK_SECRET of the shop's server",
        is_needed=True,
        is_for_webhooks=True,
    ),
    Need(
        "secret",
        "previous_webhook_secret",
        "the one before, while it is rotated",
        "SHOAL_WEBHOOK_SECRET as it was",
        former_of="webhook_secret",
    ),
    Need("option", "admin_path", "where the Admin API is; else /admin-api", _CODE),
    Need(
        "option",
        "channel_token",
        "the channel to speak with; else the default channel",
        "Vendure's dashboard → Settings → Channels",
    ),
    Need(
        "option",
        "money_precision",
        "decimal places of the shop's money strategy; else 2",
        _CODE,
    ),
    ATTRIBUTES,
    Need(
        "option",
        "consents",
        "custom fields of customers that hold consent: email:newsletter, sms:textsOk; without it "
        "nobody has consented, since Vendure has no consent of its own",
        _CODE,
    ),
    Need(
        "option",
        "recommendations",
        "the custom field of customers that takes product ids, shoalRecommendations if the plugin "
        "made it; without it there are no recommendations",
        _CODE,
    ),
)
