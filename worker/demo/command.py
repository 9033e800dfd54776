"""`shoal demo`, from beginning to end."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from worker.demo import stage, summary
from worker.demo.leaving import PREFIX, Leaving, leaving, own_folder
from worker.demo.sandbox import sandbox_venue
from worker.demo.screen import screen
from worker.demo.theatre import Opening, Theatre, status_url, theatre
from worker.demo.vendure.packages import installed_packages
from worker.demo.vendure.venue import vendure_venue
from worker.demo.venue import Proof
from worker.demo.visiting import how_to_ask, write_environment
from worker.demo.wanted import SABOTAGES, USUAL, Wanted
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
        opening = _opening(wanted, console)
        console.print(
            "Starting Valkey, the workers, the front door and "
            f"{'a sandbox store' if wanted.platform == 'sandbox' else 'Vendure'} …"
        )
        with theatre(wanted, opening, console.print) as there:
            write_environment(wanted.folder, there.outer.settings)
            console.print(f"Status page, while it plays: {status_url(there)}?live")
            proof = _played(wanted, there, console, ends)
            if stay:
                _stay(console, there, wanted.folder)
    if wanted.keep:
        console.print(f"Everything is kept in {wanted.folder}", highlight=False)
        _invite(console, wanted.folder)
    elif not stay:
        console.print(
            "\nAll of it is removed now. With `--stay` it keeps running, with `--keep DIR` the "
            "data stays: `shoal campaigns explain CUSTOMER` then answers for anybody.",
            highlight=False,
        )
    return proof.told, proof.holds


def _opening(wanted: Wanted, console: Console) -> Opening:
    """What opens the venue; what that needs on this machine is looked for before all else."""
    if wanted.platform == "sandbox":
        return sandbox_venue
    return partial(vendure_venue, installed_packages(console.print))


def _played(wanted: Wanted, there: Theatre, console: Console, ends: Leaving) -> Proof:
    try:
        with ends.allowed():
            with screen(console, there, wanted.picture) as shown:

                def on_step(now: stage.Moment) -> None:
                    ends.insist()
                    shown.on_step(now)

                proof = stage.play(wanted, there, on_step)
                ends.insist()
            summary.show(console, there, proof)
            return proof
    except SystemExit:
        with suppress(OSError):  # the terminal may be closed
            console.print("Stopping everything")
        raise


def _stay(console: Console, there: Theatre, folder: Path) -> None:
    console.print(f"\nStatus page: {status_url(there)}")
    if there.venue.visit:
        console.print(there.venue.visit, highlight=False, soft_wrap=True)
    _invite(console, folder)
    console.print("Everything keeps running until Ctrl-C.")
    with ending() as ended:
        await_end(ended)


def _invite(console: Console, folder: Path) -> None:
    console.print(
        f"To ask it with `shoal` from another terminal, type there first:\n  {how_to_ask(folder)}",
        highlight=False,
        soft_wrap=True,
    )


@dataclass(frozen=True)
class Asked:
    """The command line's word, unchecked; ``events`` None: the usual number."""

    store: str
    events: int | None
    seed: int
    keep: Path | None
    sabotage: str
    picture: Path | None


def wanted_from(asked: Asked) -> Wanted:
    """What the command line asks for.

    Raises
    ------
    SettingError
        Naming what was expected.
    """
    if asked.store not in SABOTAGES:
        raise SettingError(_expected("--store", asked.store, list(SABOTAGES)))
    if asked.events is not None and asked.events < 0:
        message = f"--events {asked.events}: expected a number of events, or 0 for the whole log"
        raise SettingError(message)
    if asked.sabotage and asked.sabotage not in SABOTAGES[asked.store]:
        raise SettingError(_expected("--sabotage", asked.sabotage, SABOTAGES[asked.store]))
    _require_places(asked.keep, asked.picture)
    new = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(4)}"
    return Wanted(
        folder=asked.keep.absolute() if asked.keep else new,
        platform=asked.store,
        keep=asked.keep is not None,
        picture=asked.picture,
        events=USUAL[asked.store] if asked.events is None else asked.events,
        seed=asked.seed,
        sabotage=asked.sabotage,
    )


def _expected(option: str, given: str, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    *first, last = names
    return f"{option} {given!r}: expected {', '.join(first)} or {last}{hint}"


def _require_places(keep: Path | None, picture: Path | None) -> None:
    if keep is not None and not _is_free(keep.absolute()):
        message = f"--keep {keep}: expected a folder that is new or empty"
        raise SettingError(message)
    if picture is not None and not picture.absolute().parent.is_dir():
        message = f"--picture {picture}: expected a file in a folder that exists"
        raise SettingError(message)


def _is_free(folder: Path) -> bool:
    if folder.is_dir():
        return not any(folder.iterdir())
    return not folder.exists() and not any(one.is_file() for one in folder.parents)
