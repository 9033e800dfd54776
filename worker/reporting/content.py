"""What a report says: plain values, before any word, picture or page is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from campaigns.conditions import Condition
from segmentation.drift import Drift
from segmentation.explain_segments import Difference
from segmentation.rules import RuleSet
from segmentation.segment import Segment
from segmentation.surrogate import Fidelity, Surrogate

Light = Literal["good", "look", "act", "unknown"]


class Typical(msgspec.Struct, frozen=True):
    """Medians of a stage's customers: days, orders, and the currency's main unit."""

    recency_days: float
    orders: float
    monetary_value: float


class Advice(msgspec.Struct, frozen=True):
    """The ready campaign that fits a stage ('': none) and its state in the store ('': absent)."""

    campaign: str
    state: str


class StageFigures(msgspec.Struct, frozen=True):
    """A stage today. Money is in the main unit; ``spent`` is that of the last 90 days."""

    id: str
    customers: int
    share: float
    typical: Typical | None
    buyers: int
    orders: int
    spent: float
    spent_share: float
    spent_in_all: float
    advice: Advice


class Mark(msgspec.Struct, frozen=True):
    """A day on which many changed stage and not by themselves."""

    ago: int
    cause: str
    version: int
    customers: int


class History(msgspec.Struct, frozen=True):
    """Sizes at the end of each day, the oldest first and today last, and who moved each week.

    ``weekly`` are the moves from group to group by event and time for each customer of today, the
    oldest week first, whole weeks only.
    """

    days: tuple[int, ...]
    sizes: Mapping[str, tuple[int, ...]]
    marks: tuple[Mark, ...]
    weekly: tuple[float, ...]


class Flow(msgspec.Struct, frozen=True):
    """Moves from a stage to another one, by event and time; '' is before the first order."""

    before: str
    after: str
    moves: int


class Flows(msgspec.Struct, frozen=True):
    """The moves of the last ``days``, most first."""

    days: int
    flows: tuple[Flow, ...]


class Axis(msgspec.Struct, frozen=True):
    """Features that grow and shrink most along a direction, the strongest first."""

    more: tuple[str, ...]
    less: tuple[str, ...]


class Picture(msgspec.Struct, frozen=True):
    """Customers drawn by lot on a plane: their stages in parallel to their places."""

    stages: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    right: Axis
    up: Axis
    explained: float


class Cell(msgspec.Struct, frozen=True):
    """A feature's median in a group, and its distance from the shop's in deviations."""

    feature: str
    value: float
    effect: float


class GroupProfile(msgspec.Struct, frozen=True):
    """A group beside the shop."""

    id: str
    customers: int
    share: float
    cells: tuple[Cell, ...]
    differences: tuple[Difference, ...]


class Profiles(msgspec.Struct, frozen=True):
    """The groups, the best stage first, and the shop's own medians in the same columns.

    ``waiting`` are customers whom the version in force has not been asked about yet, and who were
    in a group that it does not know.
    """

    waiting: int
    shop: tuple[Cell, ...]
    groups: tuple[GroupProfile, ...]


class Tree(msgspec.Struct, frozen=True):
    """The tree that stands for the model, and how often it is right."""

    surrogate: Surrogate
    fidelity: Fidelity
    agreement_now: float


class Version(msgspec.Struct, frozen=True):
    """A published version: when, by whom, how many changed group by it; None is not known."""

    number: int
    at: int | None
    by: str
    groups: int
    moved: int | None
    customers: int | None
    is_in_force: bool


class OwnSegment(msgspec.Struct, frozen=True):
    """A segment by a rule of the owner's: who is in it, and who came and went in 30 days."""

    segment: Segment
    condition: Condition
    customers: int
    entered: int
    left: int


class Health(msgspec.Struct, frozen=True):
    """Whether the groups still fit. ``is_carried``: only comparing anew can change them."""

    light: Light
    drift: Drift | None
    versions: tuple[Version, ...]


class Report(msgspec.Struct, frozen=True):
    """All of it. Times are int microseconds; ``unsorted`` have ordered and are in no stage yet."""

    store: str
    currency: str
    now: int
    version: int
    kind: str
    rules: RuleSet
    customers: int
    unsorted: int
    stages: tuple[StageFigures, ...]
    history: History | None
    flows: tuple[Flows, ...]
    picture: Picture | None
    profiles: Profiles
    tree: Tree | None
    own: tuple[OwnSegment, ...]
    health: Health
