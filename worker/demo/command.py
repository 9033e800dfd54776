"""`shoal demo`, from beginning to end."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console

from worker.demo import stage, summary
from worker.demo.figures import failures
from worker.demo.leaving import PREFIX, Leaving, leaving, own_folder
from worker.demo.screen import screen
from worker.demo.theatre import SABOTAGES, Theatre, Wanted, status_url, theatre
from worker.demo.visiting import how_to_ask, write_environment
from worker.errors import SettingError
from worker.up import await_end, ending


def demo(wanted: Wanted, *, quiet: bool, stay: bool) -> tuple[dict[str, Any], bool]:
    """Play the log and show what came of it; the figures, and whether the proof holds.

    Parameters
    ----------
    quiet
        Show nothing: the caller prints the figures.
    stay
        Keep everything running afterwards, until Ctrl-C.

    Raises
    ------
    SystemExit
        After a signal, once everything is stopped and removed.
    """
    console = Console(quiet=quiet)
    with leaving() as ends, own_folder(wanted.folder, keep=wanted.keep) as leftovers:
        for folder in leftovers:
            console.print(f"Removed {folder}, which a killed demo left", highlight=False)
        console.print("Starting Valkey, the workers, the front door and a sandbox store …")
        with theatre(wanted, console.print) as there:
            write_environment(wanted.folder, there.outer.settings)
            console.print(f"Status page, while it plays: {status_url(there)}?live")
            told = _played(wanted, there, console, ends)
            if stay:
                console.print(f"\nStatus page: {status_url(there)}")
                _invite(console, wanted.folder)
                console.print("Everything keeps running until Ctrl-C.")
                with ending() as ended:
                    await_end(ended)
    if wanted.keep:
        console.print(f"Everything is kept in {wanted.folder}", highlight=False)
        _invite(console, wanted.folder)
    elif not stay:
        console.print(
            "\nAll of it is removed now. With `--stay` it keeps running, with `--keep DIR` the "
            "data stays: `shoal campaigns explain CUSTOMER` then answers for anybody.",
            highlight=False,
        )
    return told, not failures(told)


def _played(wanted: Wanted, there: Theatre, console: Console, ends: Leaving) -> dict[str, Any]:
    try:
        with ends.allowed():
            with screen(console, there.kit, there.target.number, wanted.picture) as shown:

                def on_step(now: stage.Moment) -> None:
                    ends.insist()
                    shown.on_step(now)

                seen = stage.play(wanted, there, on_step)
                ends.insist()
            told = stage.results(there, seen)
            summary.show(console, there, told)
            for line in seen.verdict["differences"]:
                console.print(line, highlight=False)
            return told
    except SystemExit:
        with suppress(OSError):  # the terminal may be closed
            console.print("Stopping everything")
        raise


def _invite(console: Console, folder: Path) -> None:
    console.print(
        f"To ask it with `shoal` from another terminal, type there first:\n  {how_to_ask(folder)}",
        highlight=False,
        soft_wrap=True,
    )


def wanted_from(
    events: int, seed: int, keep: Path | None, sabotage: str, picture: Path | None = None
) -> Wanted:
    """What the command line asks for.

    Raises
    ------
    SettingError
        Naming what was expected.
    """
    if events < 0:
        message = f"--events {events}: expected a number of events, or 0 for the whole log"
        raise SettingError(message)
    if sabotage not in SABOTAGES:
        near = get_close_matches(sabotage, SABOTAGES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        message = f"--sabotage {sabotage!r}: expected drop, double or skew{hint}"
        raise SettingError(message)
    if keep is not None and not _is_free(keep.absolute()):
        message = f"--keep {keep}: expected a folder that is new or empty"
        raise SettingError(message)
    if picture is not None and not picture.absolute().parent.is_dir():
        message = f"--picture {picture}: expected a file in a folder that exists"
        raise SettingError(message)
    new = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(4)}"
    return Wanted(
        folder=keep.absolute() if keep else new,
        keep=keep is not None,
        picture=picture,
        events=events,
        seed=seed,
        sabotage=sabotage,
    )


def _is_free(folder: Path) -> bool:
    if folder.is_dir():
        return not any(folder.iterdir())
    return not folder.exists() and not any(one.is_file() for one in folder.parents)
