"""Vendure 3: the Admin API outwards, a small plugin of ours in the store inwards.

The plugin (``plugin/``, written into a shop's project by ``shoal store plugin vendure``) is the
store's side of the wire: nothing here imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.vendure.setting import NEEDS, PROVEN

if TYPE_CHECKING:
    import httpx

    from connectors.protocol import Connector, StoreConfig

__all__ = ["NEEDS", "PROVEN", "connect"]


def connect(store: StoreConfig, http: httpx.Client) -> Connector:
    """The connector of a Vendure store; ``NEEDS`` lists its secrets and options."""
    from connectors.vendure.api import (  # noqa: PLC0415 - who only lists platforms shall not load httpx
        vendure_connector,
    )

    return vendure_connector(store, http)
