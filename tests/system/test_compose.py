"""docker-compose.yml played without Docker, from an installation as the Dockerfile makes it: about
a minute and a half, most of it installing.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jsonschema
import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from connectors.events import microseconds
from connectors.sandbox.webhooks import signed_headers
from tests.connectors.conftest import KEY, WEBHOOK_SECRET, start, stop
from tests.system.composing import (
    ROOT,
    Composition,
    VariableMissing,
    compose_file,
    composition,
    in_order,
)
from worker import models, stream
from worker.celery import QUEUES
from worker.database import reading, transaction
from worker.embedded import valkey_program
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import settings_from
from worker.stores import AddedStore, NewStore, add_store

SECRETS = {"SHOAL_SECRET_KEY": "a key for the tests only", "POSTGRES_PASSWORD": "unguessed"}
# A store on this machine, and what an owner may set beside the secrets.
WISHES = {
    "SHOAL_PRIVATE_HOSTS": "127.0.0.1",
    "SHOAL_PUBLIC_URL": "https://shoal.example",
    "SHOAL_NOTIFY_URL": "https://hooks.example/shoal",
    "SHOAL_NOTIFY_SECRET": "whsec_aGVsbG8=",
}
SCHEMA = ROOT / "tests" / "fixtures" / "compose" / "compose-spec.json"
ORDERS = 400
PAGES = 600


def test_the_file_is_as_the_specification_says() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(compose_file(SECRETS), schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_without_a_secret_it_stops_and_says_how_to_make_one(missing: str) -> None:
    others = {name: value for name, value in SECRETS.items() if name != missing}
    with pytest.raises(
        VariableMissing, match=rf"{missing} is missing.*printf '{missing}=.*>> .env"
    ):
        compose_file(others)


def test_only_the_door_can_be_reached_from_outside() -> None:
    services = compose_file(SECRETS)["services"]
    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    assert published.pop("caddy") == ["80:80", "443:443", "443:443/udp"]
    assert services["caddy"]["profiles"] == ["public"]
    assert published == {"web": ["8787:8787"]}


def test_what_an_owner_sets_reaches_every_process() -> None:
    services = compose_file({**SECRETS, **WISHES})["services"]
    for name in ("web", "worker-drain", "worker-deliver", "beat"):
        assert WISHES.items() <= services[name]["environment"].items(), name


def test_every_queue_has_somebody_who_reads_it() -> None:
    services = compose_file(SECRETS)["services"].values()
    read = [
        queue
        for one in services
        for queues in re.findall(r"-Q (\S+)", one.get("command", ""))
        for queue in queues.split(",")
    ]
    assert sorted(read) == sorted(set(QUEUES.values()))


def test_what_must_last_has_a_volume() -> None:
    file = compose_file(SECRETS)
    used = {
        volume.partition(":")[0]
        for one in file["services"].values()
        for volume in one.get("volumes", [])
    }
    assert used == set(file["volumes"]) == {"valkey", "postgres", "caddy"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an empty environment, made by the Dockerfile's lines in their order."""
    folder = tmp_path_factory.mktemp("image")
    source, opt = folder / "source", folder / "opt"
    source.mkdir()
    for name in ("pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("worker", "connectors", "segmentation", "campaigns"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = (ROOT / "Dockerfile").read_text().partition("\nFROM ")[0]
    lines = re.findall(r"^RUN (.*)", build, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        command = line.replace("/opt/shoal", str(opt)).replace("python -m", f"{sys.executable} -m")
        subprocess.run(command, shell=True, cwd=source, check=True)  # noqa: S602 - the Dockerfile's own lines
    return opt / "bin"


@pytest.fixture
def running(installed: Path, tmp_path: Path, postgres_server: URL) -> Iterator[Composition]:
    """Everything up, in the order of the file, on an empty database."""
    ports = {name: free_port() for name in ("valkey", "door", "status")}
    database = empty_database(postgres_server).render_as_string(hide_password=False)
    places = {
        "redis://valkey:6379": f"redis://127.0.0.1:{ports['valkey']}",
        f"postgresql://shoal:{SECRETS['POSTGRES_PASSWORD']}@postgres:5432/shoal": database,
        "127.0.0.1:8788": f"127.0.0.1:{ports['status']}",
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - what the container listens on
    }
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "valkey-server").symlink_to(valkey_program())
    file = compose_file({**SECRETS, "SHOAL_PRIVATE_HOSTS": "127.0.0.1"})
    # Where Docker would give each its own network: ports and folder.
    file["services"]["valkey"]["command"] += (
        f" --bind 127.0.0.1 --port {ports['valkey']} --dir {tmp_path}"
    )
    file["services"]["valkey"]["environment"] = {"PATH": str(tmp_path / "programs")}
    here = {"SHOAL_PORT": str(ports["door"]), "SHOAL_STATUS_PORT": str(ports["status"])}
    with composition(file, tmp_path, installed, places) as made:
        for name in in_order(file):
            for other, wanted in file["services"][name].get("depends_on", {}).items():
                # The wheels have no valkey-cli, and PostgreSQL runs for all tests.
                if other == "valkey":
                    stream.await_server(stream.connect(places["redis://valkey:6379"]))
                elif other != "postgres":
                    made.await_condition(other, wanted["condition"])
            if name != "postgres":
                made.start(name, here)
        made.await_condition("web", "service_healthy")
        yield made


def empty_database(server: URL) -> URL:
    with psycopg.connect(
        server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE composed")
    return server.set(drivername="postgresql", database="composed")


def test_a_thousand_events_and_a_killed_drain(running: Composition, tmp_path: Path) -> None:
    shop, url = start(tmp_path / "sandbox")
    web = running.of("web")[0].environment
    kit = open_kit(settings_from(web))
    try:
        added = open_shop(kit, url)
        play(web["SHOAL_PORT"], added, running.of("worker-drain")[0].process)
        eventually(lambda: told(kit) == (ORDERS + PAGES, ORDERS, ORDERS))
    finally:
        close_kit(kit)
        stop(shop)
    assert in_force(running) == ["beat", "valkey", "web", "worker-deliver", "worker-drain"]
    for name in ("web", "worker-deliver", "beat"):
        running.await_condition(name, "service_healthy")
    first, second = running.of("worker-drain")
    assert not running.is_healthy(first) or first.process.poll() is not None
    assert running.is_healthy(second)


def play(port: str, added: AddedStore, victim: subprocess.Popen[bytes]) -> None:
    """Send everything as a store does, again until it is taken; kill one halfway."""
    requests = list(story(added.browser_key))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        for number, (path, body, headers) in enumerate(requests):
            if number == len(requests) // 2:
                victim.kill()
            eventually(lambda: http.post(path, content=body, headers=headers).is_success)  # noqa: B023 - called here


def story(browser_key: str) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Paid orders as webhooks, among them pages seen, ten a batch: path, body, headers."""
    now = datetime.now(UTC)
    for number in range(ORDERS):
        at = (now - timedelta(minutes=number)).isoformat()
        order = {
            "id": f"o{number}",
            "status": "paid",
            "currency": "EUR",
            "created_at": at,
            "updated_at": at,
            "lines": [{"product_id": f"p{number % 7}", "quantity": 1, "price": "9.90"}],
            "customer": {"id": f"c{number % 90}"},
        }
        body = json.dumps(order).encode()
        yield (
            "/webhooks/shop",
            body,
            signed_headers(WEBHOOK_SECRET, "order.paid", body, f"o{number}"),
        )
    for start_of in range(0, PAGES, 10):
        batch = [
            {
                "type": "page",
                "anonymousId": f"device-{number % 50}",
                "messageId": f"m{number}",
                "timestamp": now.isoformat(),
            }
            for number in range(start_of, start_of + 10)
        ]
        headers = {"authorization": f"Bearer {browser_key}"}
        yield "/v1/batch", json.dumps({"batch": batch}).encode(), headers


def open_shop(kit: Kit, url: str) -> AddedStore:
    secrets = {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET}
    new = NewStore(id="shop", platform="sandbox", url=url, currency="EUR", secrets=secrets)
    with transaction(kit.engine) as connection:
        return add_store(connection, kit.sealer, new, microseconds(kit.clock()))


def told(kit: Kit) -> tuple[int, int, int]:
    """Events in the log from the door, orders, orders in people's features."""
    log, people = models.events.c, models.customers.c
    with reading(kit.engine) as connection:
        events = (
            select(func.count())
            .select_from(models.events)
            .where(log.type.in_(("order_completed", "order_updated", "page_viewed")))
        )
        orders = select(func.count()).select_from(models.orders)
        bought = select(func.coalesce(func.sum(people.orders), 0))
        counts = [connection.execute(query).scalar_one() for query in (events, orders, bought)]
    return counts[0], counts[1], int(counts[2])


def in_force(running: Composition) -> list[str]:
    return sorted(one.service for one in running.containers if one.process.poll() is None)


def eventually(is_so: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
