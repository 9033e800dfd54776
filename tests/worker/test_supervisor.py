"""Real processes: restarted when they die, gone when the supervisor goes, however it goes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from worker.errors import HomeHeld, ServiceUnreachable, ShoalError
from worker.holding import holder_of, holding
from worker.programs import Program, free_port
from worker.settings import Settings
from worker.supervisor import run_once, supervised

# Starts a child of its own, as Celery does, and notes both.
FAMILY = """
import os, sys, time
if not os.fork():
    time.sleep(600)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
time.sleep(600)
"""
# A supervisor to be killed.
ALONE = """
import sys, time
from pathlib import Path
from worker.programs import Program
from worker.settings import settings_from
from worker.supervisor import supervised
family, home = sys.argv[1:]
settings = settings_from({"SHOAL_HOME": home})
with supervised(settings, {}) as stack:
    stack.start(Program("one", (sys.executable, "-c", family, home + "/pids")))
    stack.start(Program("two", (sys.executable, "-c", family, home + "/pids"), is_needed=True))
    time.sleep(600)
"""


def eventually(is_so: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def lines(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def alive(marker: str) -> list[int]:
    """Processes, zombies apart, whose command names something."""
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(marker in part for part in process.info["cmdline"] or ())
    ]


def test_a_dead_child_is_restarted_and_its_own_children_go_with_it(settings: Settings) -> None:
    pids = settings.home / "pids"
    said: list[str] = []
    with supervised(settings, {}, said.append) as stack:
        stack.start(Program("family", (sys.executable, "-c", FAMILY, str(pids))))
        eventually(lambda: len(lines(pids)) == 1)
        first = lines(pids)[0]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: len(lines(pids)) == 2)
        second = lines(pids)[1]
        eventually(lambda: len(alive(str(pids))) == 2)
        assert {psutil.Process(pid).pid for pid in alive(str(pids))} >= {second}
        assert stack.pids() == {"family": second}
    assert alive(str(pids)) == []
    assert said == ["family ended (signal 9); again in 0.2 s"]


def test_a_child_that_fails_at_once_is_started_ever_more_slowly(settings: Settings) -> None:
    said: list[str] = []
    with supervised(settings, {}, said.append) as stack:
        stack.start(Program("bad", (sys.executable, "-c", "print('why'); raise SystemExit(3)")))
        eventually(lambda: len(said) == 3)
    assert [line.rpartition(" in ")[2] for line in said] == ["0.2 s", "0.4 s", "0.8 s"]
    assert "status 3" in said[0]
    assert (settings.home / "logs" / "bad.log").read_text().startswith("why\nwhy")


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_when_the_supervisor_is_killed(settings: Settings, kind: signal.Signals) -> None:
    settings.home.mkdir()
    pids = settings.home / "pids"
    supervisor = subprocess.Popen(  # noqa: S603 - the text above
        [sys.executable, "-c", ALONE, FAMILY, str(settings.home)], cwd=Path(__file__).parents[2]
    )
    eventually(lambda: len(lines(pids)) == 2)
    eventually(lambda: len(alive(str(pids))) == 4)
    supervisor.send_signal(kind)
    supervisor.wait()
    eventually(lambda: alive(str(pids)) == [])


def test_a_killed_guardian_is_replaced_and_knows_whom_to_end(settings: Settings) -> None:
    with supervised(settings, {}) as stack:
        stack.start(Program("sleeper", (sys.executable, "-c", "import time; time.sleep(600)")))
        first = stack.guard
        first.kill()
        eventually(lambda: stack.guard is not first)
        second = stack.guard
        assert second.stdin is not None
        second.stdin.close()  # as the kernel does when the supervisor is gone
        eventually(lambda: stack.children["sleeper"].process.poll() is not None)
    if first.stdin is not None:
        first.stdin.close()


def test_what_others_need_ends_last(settings: Settings) -> None:
    order = settings.home / "order"
    noting = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(sys.argv[1], 'a').write('.')\n"
        "time.sleep(600)\n"
    )
    with supervised(settings, {}) as stack:
        command = (sys.executable, "-c", noting, str(order))
        stack.start(Program("n", (*command, "N"), is_needed=True))
        stack.start(Program("o", (*command, "O")))
        eventually(lambda: order.exists() and len(order.read_text()) == 2)
    assert order.read_text() == "..ON"


def test_a_short_program_tells_its_lines_or_its_error(settings: Settings) -> None:
    environment = dict(os.environ)
    settings.home.mkdir()
    good = (sys.executable, "-c", "print('a'); print('b')")
    assert run_once(settings, environment, good) == ["a", "b"]
    bad = (sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(4)")
    with pytest.raises(ShoalError, match="no such thing") as caught:
        run_once(settings, environment, bad)
    assert caught.value.exit_code == 4
    with pytest.raises(ShoalError, match=r"ZeroDivisionError: see .*prepare\.log"):
        run_once(settings, environment, (sys.executable, "-c", "1/0"))


def test_a_second_holder_is_told_who_the_first_is(settings: Settings) -> None:
    assert holder_of(settings) is None
    with holding(replace(settings, port=1234)):
        holder = holder_of(settings)
        assert holder is not None
        assert (holder.pid, holder.port) == (os.getpid(), 1234)
        with (
            pytest.raises(
                HomeHeld, match=re.escape(f"process {os.getpid()}, since {holder.since}")
            ),
            holding(settings),
        ):
            pass
    assert holder_of(settings) is None
    with holding(settings):
        pass


def test_a_taken_port_is_stepped_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port("127.0.0.1", port)
        assert port < found < port + 100
        assert free_port("127.0.0.1", port, taken=(found,)) > found
    with pytest.raises(ServiceUnreachable, match="no free port"):
        free_port("127.0.0.1", 65_530, taken=tuple(range(65_530, 65_536)))
