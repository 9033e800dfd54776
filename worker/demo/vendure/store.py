"""A real Vendure as its merchant sees it: what its process is told, and the way into its admin."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from worker.demo.vendure.shopping import Api, Shopper, registered

SERVER: Final = Path(__file__).parent / "server.js"
READY: Final = "READY"  # what the server says once both APIs answer
SECRET: Final = "whsec_" + "c2hvYWwgdGVzdCBzdG9yZSBzZWNyZXQgb2YgMzIgYnl0ZXM="
MERCHANT: Final = ("merchant", "merchant-pass")
PERMISSIONS: Final = (
    *("ReadCatalog", "ReadOrder", "ReadCustomer", "UpdateCustomer"),
    *("ReadCustomerGroup", "CreateCustomerGroup", "UpdateCustomerGroup"),
    *("ReadPromotion", "CreatePromotion", "UpdatePromotion", "DeletePromotion"),
)
_PAGE: Final = 100  # entries of a list at a time


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class VendureStore:
    """One installation.

    Attributes
    ----------
    packages
        Where `npm ci` was run.
    folder
        The store's own; it holds the plugin as ``shoal-plugin``.
    webhook_url
        Where our plugin sends to.
    """

    packages: Path
    folder: Path
    webhook_url: str
    http: httpx.Client
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What `server.js` is told, with more of it (its head says what there is)."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "NODE_PATH": str(self.packages / "node_modules"),
            "PORT": str(self.port),
            "FOLDER": str(self.folder),
            "PLUGIN": str(self.folder / "shoal-plugin"),
            "SHOAL_WEBHOOK_URL": self.webhook_url,
            "SHOAL_WEBHOOK_SECRET": SECRET,
            **more,
        }

    def merchant(self) -> Api:
        """The superadmin, logged in."""
        return merchant(self.url, self.http)

    def api_key(self) -> str:
        """A key for Shoal, with the few permissions that the plugin's page asks for."""
        api = self.merchant()
        role = api(
            "mutation($input: CreateRoleInput!) { createRole(input: $input) { id } }",
            input={"code": "shoal", "description": "Shoal", "permissions": PERMISSIONS},
        )["createRole"]["id"]
        key: str = api(
            "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }",
            input={
                "roleIds": [role],
                "translations": [{"languageCode": "en", "name": "Shoal"}],
            },
        )["createApiKey"]["apiKey"]
        return key

    def shopper(self, name: str) -> Shopper:
        """Somebody who registers and logs in."""
        return registered(shop_api(self.url, self.http), name, f"{name}@example.test")


def shop_api(url: str, http: httpx.Client) -> Api:
    """The shop API, for somebody without a session yet."""
    return Api(f"{url}/shop-api", http)


def merchant(url: str, http: httpx.Client) -> Api:
    """The admin API of a store, the superadmin logged in."""
    api = Api(f"{url}/admin-api", http)
    name, password = MERCHANT
    api(
        """mutation($name: String!, $password: String!) {
          login(username: $name, password: $password) { __typename } }""",
        name=name,
        password=password,
    )
    return api


def listed(api: Api, name: str, parts: str, chosen: str = "") -> Iterator[dict[str, Any]]:
    """Every entry of one of the admin's lists.

    Parameters
    ----------
    name
        Of the list: ``orders``.
    parts
        What to read of each.
    chosen
        A filter as GraphQL writes it; empty: all of them.
    """
    filtered = f", filter: {chosen}" if chosen else ""
    options = f"{{skip: $skip, take: {_PAGE}, sort: {{id: ASC}}{filtered}}}"
    query = (
        f"query($skip: Int!) {{ {name}(options: {options}) {{ totalItems items {{ {parts} }} }} }}"
    )
    skip, total = 0, 1
    while skip < total:
        found = api(query, skip=skip)[name]
        total = int(found["totalItems"])
        yield from found["items"]
        skip += _PAGE
