"""The demo in a terminal of its own: however it ends, neither process nor folder is left."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from worker.demo.leaving import Leaving, own_folder, remove_leftovers

ROOT = Path(__file__).parents[3]
UP = "main() up"
DEMO = "from worker.cli import main; main()"


@dataclass
class Terminal:
    """A terminal with the demo in its foreground; ``place`` is where it makes its folder."""

    master: int
    process: subprocess.Popen[bytes]
    place: Path

    def alive(self, part: str = "") -> list[psutil.Process]:
        """What runs of it, zombies apart: everything inherits the place."""
        found = []
        for process in psutil.process_iter(["status"]):
            with suppress(psutil.Error):
                if (
                    process.info["status"] != psutil.STATUS_ZOMBIE
                    and process.environ().get("TMPDIR") == str(self.place)
                    and part in " ".join(process.cmdline())
                ):
                    found.append(process)
        return found

    def folders(self) -> list[Path]:
        return list(self.place.glob("shoal-*"))

    def starts(self) -> bool:
        """Whether the first of its processes is there."""
        return bool(self.alive("valkey-server"))

    def plays(self) -> bool:
        """Whether the first days were sent."""
        return any(path.stat().st_size for path in self.place.glob("shoal-demo-*/sent.jsonl"))


def eventually(is_so: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


@contextmanager
def demo_in_a_terminal(place: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", DEMO, "demo"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(place), "TMPDIR": str(place)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - a terminal is taken by the process itself
    )
    os.close(slave)
    os.set_blocking(master, False)
    found = Terminal(master, process, place)
    try:
        yield found
    finally:
        with suppress(OSError):
            os.close(master)
        process.kill()
        process.wait()


def _take_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the forked child
    import termios  # noqa: PLC0415 - in the forked child

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Who runs the tests in the background ignores it, and that is handed down.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def reading(terminal: Terminal, is_so: Callable[[Terminal], object]) -> Callable[[], object]:
    """Ask, and take what was shown, so that nobody waits for a full terminal."""

    def ask() -> object:
        with suppress(OSError):
            while os.read(terminal.master, 65_536):
                pass
        return is_so(terminal)

    return ask


def has_ended(terminal: Terminal) -> bool:
    return terminal.process.poll() is not None


def press_control_c(terminal: Terminal) -> None:
    os.write(terminal.master, b"\x03")


def press_it_twice(terminal: Terminal) -> None:
    press_control_c(terminal)
    time.sleep(0.5)
    press_control_c(terminal)


def close_the_terminal(terminal: Terminal) -> None:
    os.close(terminal.master)


def ask_it(terminal: Terminal) -> None:
    terminal.process.terminate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "when", "status"),
    [
        (press_it_twice, Terminal.plays, 128 + signal.SIGINT),
        (close_the_terminal, Terminal.plays, None),  # nobody is left to read it
        (ask_it, Terminal.starts, 128 + signal.SIGTERM),
    ],
)
def test_nothing_is_left_however_it_ends(
    tmp_path: Path,
    end: Callable[[Terminal], None],
    when: Callable[[Terminal], bool],
    status: int | None,
) -> None:
    """About ten seconds each."""
    with demo_in_a_terminal(tmp_path) as terminal:
        eventually(reading(terminal, when))
        end(terminal)
        eventually(reading(terminal, has_ended))
        assert status in {None, terminal.process.returncode}
        assert terminal.folders() == []
        eventually(lambda: terminal.alive() == [], 1)


@pytest.mark.slow
def test_nothing_runs_after_it_was_killed_and_the_next_one_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About ten seconds."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with demo_in_a_terminal(tmp_path) as terminal:
        eventually(reading(terminal, Terminal.plays))
        left = terminal.folders()
        assert remove_leftovers(tmp_path) == []  # somebody plays there
        terminal.process.kill()
        terminal.process.wait()
        eventually(lambda: terminal.alive() == [])
        assert terminal.folders() == left
        with own_folder(tmp_path / "shoal-demo-next", keep=False) as removed:
            assert removed == [one for one in left if one.name.startswith("shoal-demo-")]
        assert terminal.folders() == []


@pytest.mark.slow
def test_it_notices_when_the_stack_dies_under_it(tmp_path: Path) -> None:
    """About ten seconds."""
    said: list[bytes] = []
    with demo_in_a_terminal(tmp_path) as terminal:
        eventually(reading(terminal, Terminal.plays))
        (up,) = terminal.alive(UP)
        up.kill()

        def has_said_why() -> bool:
            with suppress(OSError):
                while told := os.read(terminal.master, 65_536):
                    said.append(told)
            return b"ended before its time, by signal 9" in b"".join(said)

        eventually(has_said_why, 20)
        eventually(reading(terminal, has_ended))
        assert terminal.process.returncode == 1
        assert terminal.folders() == []


def test_a_signal_waits_until_leaving_is_allowed_and_comes_once() -> None:
    ends = Leaving()
    ends.ask(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, ends.allowed():
        pytest.fail("not reached")
    assert ended.value.code == 128 + signal.SIGTERM
    ends.ask(signal.SIGINT)
    with pytest.raises(SystemExit) as ended, ends.allowed():
        pytest.fail("not reached")


def test_a_second_signal_does_not_disturb_the_tidying_up() -> None:
    ends = Leaving()

    def ask_twice() -> None:
        try:
            ends.ask(signal.SIGINT)
        finally:
            ends.ask(signal.SIGTERM)

    with pytest.raises(SystemExit) as ended, ends.allowed():
        ask_twice()
    assert ended.value.code == 128 + signal.SIGINT


def test_a_signal_that_was_lost_is_noticed_later() -> None:
    ends = Leaving()
    ends.insist()
    # Where Python calls a finalizer, it prints what is raised and goes on.
    with suppress(SystemExit), ends.allowed():
        ends.ask(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        ends.insist()
    assert ended.value.code == 128 + signal.SIGINT


def test_only_our_own_marked_folders_are_removed(tmp_path: Path) -> None:
    (tmp_path / "shoal-demo-unmarked").mkdir()
    elsewhere = tmp_path / "other" / "file"
    elsewhere.parent.mkdir()
    elsewhere.touch()
    (tmp_path / "shoal-demo-link").mkdir()
    (tmp_path / "shoal-demo-link" / "demo.lock").symlink_to(elsewhere)
    assert remove_leftovers(tmp_path) == []
    (tmp_path / "shoal-demo-dead").mkdir()
    (tmp_path / "shoal-demo-dead" / "demo.lock").touch()
    assert remove_leftovers(tmp_path) == [tmp_path / "shoal-demo-dead"]
    assert elsewhere.exists()


def test_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    with own_folder(tmp_path / "a" / "b", keep=True):
        (tmp_path / "a" / "b" / "file").touch()
    assert (tmp_path / "a" / "b" / "file").exists()
