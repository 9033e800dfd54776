"""What a campaign brought: customers it reached against its control group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FEWEST: Final = 100  # customers of each arm
FEWEST_CONVERSIONS: Final = 5  # of each arm: below, the normal interval is not to be trusted
_Z: Final = 1.959963984540054  # 97.5 % point of the normal distribution


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One arm, one entry a customer (its first decision).

    Attributes
    ----------
    converted
        bool: reached the goal in time.
    revenue
        int64 minor units within the goal's time, 0 without an order.
    """

    converted: NDArray[np.bool_]
    revenue: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in either arm and their difference with its 95 % interval.

    Shares for conversion, minor units a head for revenue; NaN where an arm is empty.
    """

    reached: float
    control: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Lift:
    """What a campaign brought. ``caution`` says why it is too early to tell; empty if it is not."""

    customers: int
    control_customers: int
    conversion: Difference
    revenue: Difference
    caution: str

    @property
    def is_clear(self) -> bool:
        """Whether the conversions differ beyond chance (95 %), with enough customers to say so."""
        return not self.caution and not self.conversion.low <= 0 <= self.conversion.high


def lift(reached: Arm, control: Arm) -> Lift:
    """Conversion and revenue a head of the reached against the held out.

    The interval of conversion is Agresti and Caffo's (The American Statistician 54, 2000), good
    for small shares; that of revenue is Welch's with the normal quantile.
    """
    return Lift(
        len(reached.converted),
        len(control.converted),
        _conversion(reached.converted, control.converted),
        _revenue(reached.revenue, control.revenue),
        _caution(reached, control),
    )


def verdict(found: Lift) -> str:
    """What a lift says, in one sentence that promises no more than it holds."""
    if not found.control_customers:
        return "There is no control group, so nobody can tell what it brought."
    if found.caution:
        return f"It is too early to tell: {found.caution}."
    apart = found.conversion
    if not found.is_clear:
        between = f"{_more(apart.low)} and {_more(apart.high)}"
        return f"No difference can be told from chance: of 100 customers between {between}."
    ends = " to ".join(f"{100 * abs(end):.1f}" for end in sorted((apart.low, apart.high), key=abs))
    sure = f"{_more(apart.difference)} (95 % sure: {ends})"
    return f"Of 100 customers it reached, {sure} came to the goal than would have anyway."


def _more(share: float) -> str:
    return f"{100 * abs(share):.1f} {'fewer' if share < 0 else 'more'}"


def _conversion(reached: NDArray[np.bool_], control: NDArray[np.bool_]) -> Difference:
    first, second = _share(reached), _share(control)
    a, b = _adjusted(reached), _adjusted(control)
    spread = math.sqrt(a * (1 - a) / (len(reached) + 2) + b * (1 - b) / (len(control) + 2))
    middle = a - b
    return Difference(first, second, first - second, middle - _Z * spread, middle + _Z * spread)


def _share(converted: NDArray[np.bool_]) -> float:
    return float(converted.mean()) if len(converted) else math.nan


def _adjusted(converted: NDArray[np.bool_]) -> float:
    return (int(converted.sum()) + 1) / (len(converted) + 2)


def _revenue(reached: NDArray[np.int64], control: NDArray[np.int64]) -> Difference:
    if min(len(reached), len(control)) < 2:  # noqa: PLR2004 -- a variance needs two
        return Difference(*[math.nan] * 5)
    first, second = float(reached.mean()), float(control.mean())
    spread = math.sqrt(
        float(reached.var(ddof=1)) / len(reached) + float(control.var(ddof=1)) / len(control)
    )
    apart = first - second
    return Difference(first, second, apart, apart - _Z * spread, apart + _Z * spread)


def _caution(reached: Arm, control: Arm) -> str:
    for name, arm in (("reached", reached), ("control group", control)):
        if len(arm.converted) < FEWEST:
            return f"too few customers ({name}: {len(arm.converted)}, expected {FEWEST})"
        if int(arm.converted.sum()) < FEWEST_CONVERSIONS:
            count = int(arm.converted.sum())
            return f"too few conversions ({name}: {count}, expected {FEWEST_CONVERSIONS})"
    return ""
