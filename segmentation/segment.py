"""A segment: a named set of customers with an id that lasts, in whichever of three ways it is made.

*Learned* groups under the seven stages come from a model (`segmentation.model`), *rule* segments
from an owner's condition (`campaigns.rule_segments`), *predicted* ones from a band of a
prediction's score. The id tells which: ``at_risk.gift_buyers``, ``rule.vip``,
``predicted.churn.high``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["learned", "rule", "predicted"]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RULE: Final = re.compile(r"rule\.[a-z0-9][a-z0-9_]{0,39}")
PREDICTED: Final = re.compile(r"predicted\.[a-z0-9][a-z0-9_]{0,39}\.[a-z0-9][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Segment:
    """What every segment has, whatever its kind.

    Attributes
    ----------
    id
        Its lasting name; begins with ``rule.``, ``predicted.`` or a stage.
    kind
        How it is made.
    names
        Pairs (language, what people call it); empty where the words are made from the id.
    stage
        Of a learned group; '' otherwise.
    version
        Of what decides who is in: the model, the rule's file, the prediction.
    """

    id: str
    kind: Kind
    names: tuple[tuple[str, str], ...] = ()
    stage: str = ""
    version: int = 0

    def name_in(self, language: str) -> str:
        """What people of a language call it; else its English name, else its id."""
        told = dict(self.names)
        return told.get(language) or told.get("en") or self.id


def kind_of(segment: str) -> Kind:
    """The kind of a segment by its id."""
    if segment.startswith("rule."):
        return "rule"
    return "predicted" if segment.startswith("predicted.") else "learned"


@dataclass(frozen=True, slots=True)
class Band:
    """The scores from ``low`` up to, but not at, ``high``: bands side by side share nobody.

    Who is in stays until the score is more than ``margin`` outside (0: no hysteresis), so that
    nobody flaps between two bands; meanwhile somebody may be in both.

    Raises
    ------
    ValueError
        If it is empty, or the margin negative.
    """

    low: float
    high: float
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not self.low < self.high or not self.margin >= 0:
            message = f"band from {self.low} to {self.high}, margin {self.margin}: expected"
            message += " the lower end first and a margin of at least 0"
            raise ValueError(message)


def members(band: Band, scores: Floats, before: Bools | None = None) -> Bools:
    """Who is in a band by score (NaN: nobody's), given who was (None: nobody)."""
    inside: Bools = (scores >= band.low) & (scores < band.high)
    if before is None or not band.margin:
        return inside
    stays = (scores >= band.low - band.margin) & (scores < band.high + band.margin)
    return inside | (before & stays)
