"""Files and folders of YAML that people hand in: every one is read, every problem told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from campaigns.errors import InvalidCampaign, Problem

T = TypeVar("T")


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
