"""What can be wrong with a campaign file, said all at once.

::

    CampaignError
    ├─ InvalidCampaign   the file; carries every problem with its place
    └─ MissingFact       a column was not fetched: a fault of ours, not of the file
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from segmentation.catalogues import counted


class CampaignError(Exception):
    """Anything that goes wrong with a campaign or a policy."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file.

    Attributes
    ----------
    place
        Where, as ``steps[1].coupon.percent_off``; empty for the file as a whole.
    expected
        What is wrong and what was expected, as a clause.
    nearest
        The nearest valid choice; empty when nothing is near.
    """

    place: str
    expected: str
    nearest: str = ""

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.place}: {self.expected}{hint}" if self.place else f"{self.expected}{hint}"


class InvalidCampaign(CampaignError):
    """A campaign or policy file that cannot be used. ``problems`` holds every mistake found."""

    def __init__(self, path: str, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{path}: {counted(count, 'problem', 'problems')}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class MissingFact(CampaignError):
    """A condition names a column that the caller did not bring."""

    def __init__(self, name: str) -> None:
        super().__init__(f"fact {name!r} was not fetched: bring what needed_columns() names")
        self.name = name


def nearest(name: str, choices: Iterable[str]) -> str:
    """The choice most like a misspelt name, or an empty text."""
    found = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return found[0] if found else ""
