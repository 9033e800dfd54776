"""How far a shop has moved away from what its groups were found in, and whether a refit may help.

The population stability index of a feature is the sum over its tenths of (p - q) ln(p / q), q the
share of customers in a tenth when the groups were found, p their share now (Siddiqi, 2006): below
0.1 the same shop, from 0.25 on another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from segmentation.model import SegmentModel
from segmentation.rules import Floats
from segmentation.sums import Round
from segmentation.wording import ENGLISH, Words, message, share

SHIFTED: Final = 0.25
"""Stability index from which a feature counts as shifted."""

WORSE: Final = 1.1
"""Error, in that of the groups when they were found, from which they count as worse."""

# A tenth that nobody is in counts as this share, so that its logarithm is finite.
_TRACE: Final = 1e-4


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changed under a version.

    ``stability_index`` by feature; ``error_ratio`` is the mean squared distance to the nearest
    group over the version's own, ``error_since_found`` over that of the groups when they were
    found; ``moved`` the share of customers who changed group under this version, by themselves.
    ``is_carried``: only comparing anew can change the groups without giving up their method.
    """

    stability_index: Mapping[str, float]
    error_ratio: float
    error_since_found: float
    moved: float
    is_carried: bool = False


def drift(model: SegmentModel, found: SegmentModel, its: Round, moved: float) -> Drift:
    """What an ageing pass under ``model`` says; ``found`` is the version of its last refit."""
    error = float(its.error[0]) / its.customers
    index = {
        name: stability_index(np.array(shares), its.tenths[row, : len(shares)])
        for row, (name, shares) in enumerate(zip(model.features, model.shares, strict=False))
    }
    is_carried = model.kind == "carried"
    return Drift(index, _over(error, model.error), _over(error, found.error), moved, is_carried)


def _over(error: float, own: float) -> float:
    return error / own if own else 1.0


def stability_index(then: Floats, now: Floats) -> float:
    """The index of two distributions over the same bins, as counts or as shares."""
    was = np.maximum(then / (float(then.sum()) or 1.0), _TRACE)
    present = np.maximum(now / (float(now.sum()) or 1.0), _TRACE)
    return float(((present - was) * np.log(present / was)).sum())


def sentences(found: Drift, words: Words = ENGLISH) -> tuple[str, ...]:
    """The drift for people; the last sentence says whether a refit may help."""
    shifted = [name for name, index in found.stability_index.items() if index >= SHIFTED]
    spread = message("{feature} is not spread as it was when the groups were found")
    said = [words.say(spread, feature=name) for name in shifted]
    said.append(
        words.say(
            "{share} of the customers changed group by themselves", share=f"{found.moved:.1%}"
        )
    )
    if found.error_since_found >= WORSE:
        wider = share(found.error_since_found - 1)
        said.append(words.say("groups are {share} wider than when found", share=wider))
    if not shifted and found.error_since_found < WORSE:
        said.append(words.say("no refit is called for"))
    elif found.is_carried:
        said.append(words.say("other groups may fit better: `shoal segments compare` says which"))
    else:
        said.append(
            words.say(
                "a refit may help: `shoal segments refit --dry-run` says what it would change"
            )
        )
    return tuple(said)
