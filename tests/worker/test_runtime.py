"""The kit: one a process, whose doorbells reach Celery's queue, with secrets that never change."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
import redis
from sqlalchemy.engine import URL

from worker import installation, stream
from worker.celery import DRAIN, make_app
from worker.database import open_engine, transaction
from worker.runtime import close_kit, open_kit, process_kit
from worker.sealing import sealer_from
from worker.settings import Settings, environment_of


@pytest.fixture
def here(settings: Settings, valkey_url: str, database_url: URL, valkey: redis.Redis) -> Settings:
    assert valkey.ping()
    return replace(
        settings,
        redis_url=valkey_url,
        database_url=database_url.render_as_string(hide_password=False),
    )


def test_a_doorbell_is_sent_once_and_carries_a_number_only(
    here: Settings, valkey: redis.Redis
) -> None:
    kit = open_kit(here)
    kit.ring_drain(3)
    kit.ring_drain(3)
    kit.ring_deliver(1)
    waiting = valkey.lrange("shoal:celery:drain", 0, -1)
    assert isinstance(waiting, list)
    assert len(waiting) == 1
    assert json.loads(waiting[0])["headers"]["argsrepr"] == "(3,)"
    assert valkey.llen("shoal:celery:deliver") == 1
    close_kit(kit)


def test_a_lost_doorbell_is_no_error(here: Settings, caplog: pytest.LogCaptureFixture) -> None:
    kit = open_kit(replace(here, redis_url="redis://127.0.0.1:9/0"))
    kit.send(DRAIN, 1)
    assert [record.getMessage() for record in caplog.records if record.name == "shoal.runtime"] == [
        "doorbell_lost"
    ]
    close_kit(kit)


def test_what_is_made_once_stays(here: Settings) -> None:
    one, two = open_kit(here), open_kit(here)
    assert len(one.coupon_secret) == 32
    assert one.coupon_secret == two.coupon_secret
    assert one.salt == two.salt
    close_kit(one)
    close_kit(two)


def test_the_coupon_secret_outlives_a_change_of_keys(database_url: URL) -> None:
    old, new = "the older key of ours", "the newer key of ours"
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        before = installation.coupon_secret(connection, sealer_from(old))
    with transaction(engine) as connection:
        assert installation.coupon_secret(connection, sealer_from(f"{new},{old}")) == before
        assert installation.partitions(connection, 4) == 4
        assert installation.partitions(connection, 16) == 4
    engine.dispose()


def test_a_forked_child_makes_its_own_kit(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(here).items():
        monkeypatch.setenv(name, value)
    kit = process_kit()
    assert process_kit() is kit
    with transaction(kit.engine) as connection:
        installation.salt(connection)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            own = process_kit()
            with transaction(own.engine) as connection:
                os.write(writer, f"{own is not kit} {installation.salt(connection)}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 100).decode() == f"True {kit.salt}"
    with transaction(kit.engine) as connection:
        assert installation.salt(connection) == kit.salt
    close_kit(kit)


def test_celery_is_set_as_the_drain_needs_it(here: Settings) -> None:
    conf = make_app(here).conf
    assert conf.task_acks_late is False
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result is True
    assert conf.broker_transport_options["global_keyprefix"] == "shoal:celery:"
    assert conf.beat_schedule["shoal.sweep"]["options"]["expires"] <= 2
    assert stream.drain_bell(1).startswith("shoal:")
