"""The whole stack in a terminal of its own: however it is ended, nothing is left running."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from worker import stream
from worker.embedded import redis_url
from worker.holding import holder_of
from worker.settings import Settings, environment_of, settings_from

ALL = 2 + 2  # Celery's processes: deliver, drain with its children
ROOT = Path(__file__).parents[2]
UP = """
import os
from worker.errors import ShoalError
from worker.settings import settings_from
from worker.up import up
try:
    up(settings_from(os.environ))
except ShoalError as error:
    raise SystemExit(str(error))
"""


# A signal that another thread receives, as the kernel may choose.
ELSEWHERE = """
import signal, threading, time
from worker.up import await_end, ending
def receive():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)
with ending() as ended:
    threading.Thread(target=receive, daemon=True).start()
    await_end(ended)
print("ended")
"""


@dataclass
class Terminal:
    """A terminal and the supervisor in its foreground."""

    master: int
    process: subprocess.Popen[bytes]


def eventually(is_so: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


def of_home(settings: Settings) -> list[psutil.Process]:
    """Processes, zombies apart, that were told to work in a home."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(psutil.Error):
            if process.info["status"] != psutil.STATUS_ZOMBIE and process.environ().get(
                "SHOAL_HOME"
            ) == str(settings.home):
                found.append(process)
    return found


def named(settings: Settings, part: str) -> list[psutil.Process]:
    found = []
    for process in of_home(settings):
        with suppress(psutil.Error):
            if part in " ".join(process.cmdline()):
                found.append(process)
    return found


@contextmanager
def up_in_a_terminal(settings: Settings) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - the text above
        [sys.executable, "-c", UP],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment_of(settings)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - a terminal is taken by the process itself
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        with suppress(OSError):
            os.close(master)
        process.kill()
        process.wait()


def _take_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the forked child
    import termios  # noqa: PLC0415 - in the forked child

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def said(terminal: Terminal) -> str:
    os.set_blocking(terminal.master, False)
    text = b""
    with suppress(BlockingIOError, OSError):
        while part := os.read(terminal.master, 65_536):
            text += part
    return text.decode()


def press_control_c(terminal: Terminal) -> None:
    os.write(terminal.master, b"\x03")


def close_the_terminal(terminal: Terminal) -> None:
    os.close(terminal.master)


def kill_it(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGKILL)


def ask_it(terminal: Terminal) -> None:
    terminal.process.terminate()


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    return settings_from(
        {"SHOAL_HOME": str(tmp_path / "h"), "SHOAL_SECRET_KEY": settings.secret_key}
    )


@pytest.mark.parametrize(
    ("end", "started"),
    [(press_control_c, 1), (close_the_terminal, ALL), (kill_it, ALL), (kill_it, 2), (ask_it, 3)],
)
def test_nothing_is_left_however_it_ends(
    own: Settings, end: Callable[[Terminal], None], started: int
) -> None:
    with up_in_a_terminal(own) as terminal:
        eventually(lambda: len(named(own, "celery")) >= started and named(own, "valkey-server"))
        end(terminal)
        terminal.process.wait(30)
        eventually(lambda: of_home(own) == [])
    assert holder_of(own) is None


def test_it_comes_back_and_tells_what_it_does(own: Settings) -> None:
    with up_in_a_terminal(own) as terminal:
        eventually(lambda: len(named(own, "celery")) >= ALL)
        (server,) = named(own, "valkey-server")
        client = stream.connect(redis_url(own))
        stream.await_server(client)
        client.set("kept", 1)
        server.kill()
        eventually(lambda: [one for one in named(own, "valkey-server") if one.pid != server.pid])
        stream.await_server(client)
        assert client.get("kept") == b"1"
        client.close()

        with up_in_a_terminal(own) as second:
            assert second.process.wait(30) == 1
            told = said(second)
            assert f"held by process {terminal.process.pid}, since 20" in told
        press_control_c(terminal)
        assert terminal.process.wait(30) == 0
        told = said(terminal)
    assert f"Everything is kept in {own.home} (SHOAL_HOME)" in told
    assert "valkey ended (signal 9); again in 0." in told
    assert "Stopping" in told


def test_a_signal_is_noticed_whichever_thread_receives_it() -> None:
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - the text above
    assert done.stdout == "ended\n"
