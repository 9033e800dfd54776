"""Definitions that people hand in as files: read at once, compared, every version kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeVar

from sqlalchemy import Connection, Table, func, select

from campaigns.errors import InvalidCampaign, Problem
from worker import bulk

Change = Literal["new", "changed", "same"]
T = TypeVar("T")
_KEPT: Final = ("store", "id", "version", "body", "made_at", "made_by")


def files_in(
    paths: Sequence[Path], expected: str, is_ours: Callable[[Path], bool] = lambda _: True
) -> list[Path]:
    """Files as they are named, and of folders those YAML files within that are ours, by name.

    Raises
    ------
    InvalidCampaign
        Saying what was ``expected`` of a folder without any.
    """
    found: list[Path] = []
    for path in paths:
        within = [path]
        if path.is_dir():
            within = sorted(one for one in path.rglob("*.y*ml") if is_ours(one))
        if not within:
            raise InvalidCampaign(str(path), [Problem("", expected)])
        found += within
    return found


def read_each(paths: Sequence[Path], load: Callable[[str, Path], T]) -> list[T]:
    """What ``load`` makes of each file's text.

    Raises
    ------
    InvalidCampaign
        With every problem of every file.
    """
    found: list[T] = []
    wrong: list[InvalidCampaign] = []
    for path in paths:
        try:
            found.append(load(path.read_text("utf-8"), path))
        except InvalidCampaign as error:
            wrong.append(error)
        except FileNotFoundError:
            wrong.append(InvalidCampaign(str(path), [Problem("", "there is no such file")]))
        except OSError as error:
            problem = Problem("", f"cannot be read: {error.strerror or type(error).__name__}")
            wrong.append(InvalidCampaign(str(path), [problem]))
        except UnicodeDecodeError as error:
            problem = Problem("", f"expected UTF-8, found byte 0x{error.object[error.start]:02x}")
            wrong.append(InvalidCampaign(str(path), [problem]))
    if wrong:
        raise _together(wrong)
    return found


def refuse_twin(field: str, names: Sequence[str], path: Path) -> None:
    """Refuse the last name if it stood before: of two files only one could be applied."""
    if names[-1] in names[:-1]:
        text = f"expected an id of its own, {names[-1]!r} is in another file too"
        raise InvalidCampaign(str(path), [Problem(field, text)])


def change_of(before: str | None, after: str) -> Change:
    """What applying a text does where another one is in force; None: nothing is."""
    if before is None:
        return "new"
    return "same" if before == after else "changed"


def keep_version(
    connection: Connection, versions: Table, name: tuple[int, str], body: str, made: tuple[int, str]
) -> int:
    """Write the next version of a definition; its number.

    Parameters
    ----------
    name
        The store's number and the definition's id.
    made
        When (operating time, int microseconds) and by whom.
    """
    columns = versions.c
    of_it = (columns.store == name[0]) & (columns.id == name[1])
    last = connection.execute(select(func.max(columns.version)).where(of_it)).scalar()
    version = int(last or 0) + 1
    bulk.upsert(connection, versions, _KEPT, [(*name, version, body, *made)])
    return version


def _together(wrong: Sequence[InvalidCampaign]) -> InvalidCampaign:
    if len(wrong) == 1:
        return wrong[0]
    problems = [
        Problem(
            ": ".join(filter(None, (one.path, problem.place))), problem.expected, problem.nearest
        )
        for one in wrong
        for problem in one.problems
    ]
    return InvalidCampaign(f"{len(wrong)} files", problems)
