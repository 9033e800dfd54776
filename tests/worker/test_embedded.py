"""The own Valkey: on a socket only, whatever the home's length, with everything after kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
import redis

from worker import embedded, stream
from worker.embedded import (
    LONGEST_SOCKET,
    broker_url,
    redis_url,
    socket_path,
    stop_leftover,
    valkey_command,
    valkey_program,
)
from worker.errors import ServerMissing
from worker.settings import Settings, settings_from


@contextmanager
def server(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], redis.Redis]]:
    process = subprocess.Popen(valkey_command(settings), stdout=subprocess.DEVNULL)  # noqa: S603 - the server under test
    client = stream.connect(redis_url(settings))
    try:
        stream.await_server(client)
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait()


@pytest.mark.invariant("I1")
def test_it_keeps_every_acknowledged_write_through_kill_9(settings: Settings) -> None:
    with server(settings) as (process, client):
        for number in range(500):
            client.xadd("s", {"n": number})
        process.send_signal(signal.SIGKILL)
        process.wait()
    with server(settings) as (_, client):
        assert client.xlen("s") == 500


@pytest.mark.parametrize("kind", ["everysec", "always"])
@pytest.mark.invariant("I1")
def test_a_write_is_in_the_file_before_its_answer(settings: Settings, kind: str) -> None:
    """For two seconds: Valkey's own `everysec` breaks it while it syncs, once a second."""
    made = replace(settings, appendfsync=kind)
    with server(made) as (_, client):
        client.xadd("s", {"n": 0})
        (file,) = (embedded.folder(made) / "appendonlydir").glob("*.incr.aof")
        end, size, late = monotonic() + 2, file.stat().st_size, 0
        while monotonic() < end:
            client.xadd("s", {"n": "x" * 100})
            before, size = size, file.stat().st_size
            late += size <= before
            if kind == "everysec" and client.xlen("s") % 500 == 0:
                embedded.sync_files(made)
    assert late == 0


def test_it_evicts_nothing_and_listens_at_no_port(settings: Settings) -> None:
    with server(settings) as (_, client):
        stream.check_server(client)
        (port,) = client.config_get("port").values()
        assert int(port or 1) == 0
        assert (settings.home / "valkey").stat().st_mode & 0o077 == 0


def test_a_long_home_gets_a_short_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    settings = settings_from({"SHOAL_HOME": str(home)})
    path = socket_path(settings)
    assert len(os.fsencode(path)) <= LONGEST_SOCKET
    assert path == socket_path(settings)
    assert path != socket_path(settings_from({"SHOAL_HOME": f"{home}er"}))
    with server(settings) as (_, client):
        assert client.ping()
    shutil.rmtree(path.parent)


def test_urls_name_the_same_place(settings: Settings) -> None:
    path = str(socket_path(settings))
    assert redis_url(settings) == f"unix://{path}"
    assert broker_url(settings) == f"redis+socket://{path}"
    real = settings_from({"SHOAL_REDIS_URL": "redis://host:1/2"})
    assert redis_url(real) == broker_url(real) == "redis://host:1/2"


def test_what_an_earlier_run_left_is_stopped_orderly(settings: Settings) -> None:
    assert not stop_leftover(settings)
    with server(settings) as (process, client):
        client.set("a", 1)
        assert stop_leftover(settings)
        assert process.wait(5) == 0
    with server(settings) as (_, client):
        assert client.get("a") == b"1"


def test_without_any_program_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "_wheels_program", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissing, match="set SHOAL_REDIS_URL"):
        valkey_program()
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.1 sha=0'\n")
    old.chmod(0o755)
    with pytest.raises(ServerMissing):
        valkey_program()
    old.write_text("#!/bin/sh\necho 'Redis server v=7.2.4 sha=0'\n")
    assert valkey_program() == old
