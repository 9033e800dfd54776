"""The sandbox: a store of our own that behaves like any other platform.

``connectors.sandbox.server`` is that store, a process by itself; nothing imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

# As docs/platforms.md says it.
PROVEN: Final = "its own server, in every test and the demo"


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a sandbox store.

    Its secrets are ``api_key`` and ``webhook_secret`` (``previous_webhook_secret`` while it is
    rotated); its options ``fixed_reply`` (a body every webhook must be answered with) and
    ``attributes`` (:mod:`connectors.attributes`).
    """
    from connectors.sandbox.api import (  # noqa: PLC0415 - the server's process shall not load httpx
        sandbox_connector,
    )

    return sandbox_connector(store, http)
