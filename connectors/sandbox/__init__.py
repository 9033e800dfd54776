"""The sandbox: a store of our own that behaves like any other platform.

``connectors.sandbox.server`` is that store, a process by itself; nothing imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors import attributes
from connectors.needs import Need

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

# As docs/platforms.md says it.
PROVEN: Final = "its own server, in every test and the demo"
_WORDS: Final = "the words that the sandbox's server was started with"
NEEDS: Final = (
    Need("url", "url", "the address that the sandbox's server printed"),
    Need("secret", "api_key", "the key of its admin API", f"--key of {_WORDS}", is_needed=True),
    Need(
        "secret",
        "webhook_secret",
        "what signs its webhooks",
        f"--webhook-secret of {_WORDS}",
        is_needed=True,
        is_for_webhooks=True,
    ),
    Need(
        "secret",
        "previous_webhook_secret",
        "the one before, while it is rotated",
        "your own notes",
        former_of="webhook_secret",
    ),
    Need("option", "fixed_reply", "the body that every webhook must be answered with"),
    attributes.NEED,
)


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a sandbox store; ``NEEDS`` lists its secrets and options."""
    from connectors.sandbox.api import (  # noqa: PLC0415 - the server's process shall not load httpx
        sandbox_connector,
    )

    return sandbox_connector(store, http)
