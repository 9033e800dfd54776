"""The sandbox store as its own process, one a session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from connectors.protocol import StoreConfig

# A busy machine is slow now and then; that is no mistake of the code.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

KEY = "sandbox-admin-key"
WEBHOOK_SECRET = "sandbox-webhook-secret"


@dataclass(frozen=True)
class Shop:
    """A running sandbox store and the merchant's own way into it."""

    url: str
    http: httpx.Client

    def post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()

    def read(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def fault(self, **wanted: Any) -> None:
        self.post("/_faults", wanted)

    def config(self, **changes: Any) -> StoreConfig:
        given: dict[str, Any] = {
            "id": "shop",
            "platform": "sandbox",
            "url": self.url,
            "currency": "EUR",
            "secrets": {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET},
        }
        return StoreConfig(**(given | changes))


def start(home: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A store's process and its address."""
    command = [sys.executable, "-m", "connectors.sandbox.server", "--home", str(home)]
    keys = ["--key", KEY, "--webhook-secret", WEBHOOK_SECRET, "--with-parent"]
    process = subprocess.Popen([*command, *keys, *arguments], stdout=subprocess.PIPE)  # noqa: S603 - the store under test
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = start(tmp_path_factory.mktemp("sandbox"))
    yield url
    stop(process)


@pytest.fixture
def shop(shop_url: str) -> Iterator[Shop]:
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=shop_url, headers=headers, timeout=10) as http:
        http.delete("/_faults")
        yield Shop(shop_url, http)
