"""Vendure 3: the Admin API outwards, a small plugin of ours in the store inwards.

The plugin (``plugin/``, written into a shop's project by ``shoal store plugin vendure``) is the
store's side of the wire: nothing here imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

# As docs/platforms.md says it.
PROVEN: Final = "a real Vendure 3.7.3 (`make test-stores`)"


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a Vendure store.

    Its secrets are ``api_key``, or ``username`` and ``password``; and ``webhook_secret``, the one
    that the plugin signs with (``previous_webhook_secret`` while it is rotated). Its options:
    ``admin_path`` (``/admin-api``), ``channel_token`` (the default channel), ``money_precision``
    (2), ``attributes`` (:mod:`connectors.attributes`, names of the customer's custom fields) and
    ``recommendations`` (the custom field of customers that takes product ids; none: no ability).
    """
    from connectors.vendure.api import (  # noqa: PLC0415 - who only lists platforms shall not load httpx
        vendure_connector,
    )

    return vendure_connector(store, http)
