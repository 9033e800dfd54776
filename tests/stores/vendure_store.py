"""A real Vendure 3.7 as its own process, the merchant's way into it, and people who shop there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

HERE = Path(__file__).parent / "vendure"
PATIENCE = 180.0  # seconds for a boot with schema and sample data on a busy machine
SECRET = "whsec_" + "c2hvYWwgdGVzdCBzdG9yZSBzZWNyZXQgb2YgMzIgYnl0ZXM="
PERMISSIONS = (
    *("ReadCatalog", "ReadOrder", "ReadCustomer", "UpdateCustomer"),
    *("ReadCustomerGroup", "CreateCustomerGroup", "UpdateCustomerGroup"),
    *("ReadPromotion", "CreatePromotion", "UpdatePromotion", "DeletePromotion"),
)
ORDER = """id code state couponCodes subTotalWithTax totalWithTax
  discounts { adjustmentSource amountWithTax } lines { id } payments { id }"""
PLACE = """mutation {
  setOrderShippingAddress(input: {streetLine1: "1 High St", city: "Berlin", postalCode: "10115",
    countryCode: "DE"}) { __typename }
  setOrderShippingMethod(shippingMethodId: ["1"]) { __typename }
  transitionOrderToState(state: "ArrangingPayment") { __typename }
}"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Api:
    """One of Vendure's two APIs, by session."""

    url: str
    http: httpx.Client
    token: str = ""

    def __call__(self, query: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.http.post(
            self.url, json={"query": query, "variables": variables}, headers=headers
        )
        self.token = answer.headers.get("vendure-auth-token", self.token)
        body = answer.json()
        assert "errors" not in body, body["errors"]
        return body["data"]


@dataclass
class VendureStore:
    """One installation: its folder keeps the database through kills.

    Attributes
    ----------
    installed
        Where `npm ci` was run.
    folder
        Below it, so that Node finds its packages.
    webhook_url
        Where our plugin sends to.
    """

    installed: Path
    folder: Path
    node: str
    webhook_url: str
    http: httpx.Client
    keeps: bool = True
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Boot, with sample data the first time; back when both APIs answer."""
        said = self.folder / "server.log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PORT": str(self.port),
            "DATABASE": str(self.folder / "shop.sqlite") if self.keeps else "",
            "FOLDER": str(self.folder),
            "PLUGIN": str(self.folder / "shoal-plugin"),
            "SHOAL_WEBHOOK_URL": self.webhook_url,
            "SHOAL_WEBHOOK_SECRET": SECRET,
        }
        with said.open("ab") as file:
            begun = file.tell()
            self.process = subprocess.Popen(  # noqa: S603 - the store under test
                [self.node, str(self.folder / "server.js")],
                cwd=self.folder,
                env=environment,
                stdout=file,
                stderr=file,
            )
        end = monotonic() + PATIENCE
        while b"READY" not in said.read_bytes()[begun:]:
            assert self.process.poll() is None, said.read_text()[-4000:]
            assert monotonic() < end, said.read_text()[-4000:]
            sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: nothing is said, nothing is saved."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def merchant(self) -> Api:
        """The superadmin, logged in."""
        api = Api(f"{self.url}/admin-api", self.http)
        api('mutation { login(username: "merchant", password: "merchant-pass") { __typename } }')
        return api

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
        api = Api(f"{self.url}/shop-api", self.http)
        email = f"{name}@example.test"
        api(
            """mutation($input: RegisterCustomerInput!) {
              registerCustomerAccount(input: $input) { __typename } }""",
            input={"emailAddress": email, "firstName": name, "password": "s3cret-pass"},
        )
        made = Shopper(api, "", email)
        made.log_in()
        made.id = api("{ activeCustomer { id } }")["activeCustomer"]["id"]
        return made


@dataclass
class Shopper:
    """A customer with a session on the shop API."""

    api: Api
    id: str
    email: str

    def fill(self, variant: str, quantity: int = 1) -> str:
        """Put something into the cart; its code."""
        code: str = self.api(
            """mutation($v: ID!, $n: Int!) { addItemToOrder(productVariantId: $v, quantity: $n) {
              ... on Order { code } ... on ErrorResult { message } } }""",
            v=variant,
            n=quantity,
        )["addItemToOrder"]["code"]
        return code

    def enter(self, code: str) -> dict[str, Any]:
        """Type a code; the cart, or the error that Vendure names."""
        told: dict[str, Any] = self.api(
            "mutation($c: String!) { applyCouponCode(couponCode: $c) { __typename "
            f"... on Order {{ {ORDER} }} ... on ErrorResult {{ errorCode }} }} }}",
            c=code,
        )["applyCouponCode"]
        return told

    def log_in(self) -> None:
        """Begin a new session: the old one may have died with the server."""
        self.api.token = ""
        self.api(
            """mutation($email: String!) {
              login(username: $email, password: "s3cret-pass") { __typename } }""",
            email=self.email,
        )

    def pay(self) -> dict[str, Any]:
        """Give an address, choose the shipping, pay; the placed order."""
        self.api(PLACE)
        told: dict[str, Any] = self.api(
            'mutation { addPaymentToOrder(input: {method: "dummy-payment", metadata: {}}) { '
            f"__typename ... on Order {{ {ORDER} }} ... on ErrorResult {{ errorCode }} }} }}"
        )["addPaymentToOrder"]
        assert told.get("state") == "PaymentSettled", told
        return told

    def buy(self, variant: str, quantity: int = 1) -> dict[str, Any]:
        """All of it."""
        self.fill(variant, quantity)
        return self.pay()


@contextmanager
def real_vendure(
    installed: Path, folder: Path, webhook_url: str, *, keeps: bool = True
) -> Iterator[VendureStore]:
    """A running store of an empty folder in which the plugin was written already."""
    node = (installed / "node").read_text().strip()
    (folder / "server.js").write_bytes((HERE / "server.js").read_bytes())
    with httpx.Client(timeout=120) as http:
        store = VendureStore(installed, folder, node, webhook_url, http, keeps=keeps)
        store.start()
        try:
            yield store
        finally:
            store.kill()


def written(path: Path, told: dict[str, Any]) -> None:
    """Leave figures for whoever reads the end of `make test-stores`."""
    path.write_text(json.dumps(told) + "\n")
