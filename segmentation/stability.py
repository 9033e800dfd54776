"""Groups keep their identity from one model version to the next, and what moved is reported."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from segmentation.model import SegmentModel, group_indices
from segmentation.rules import NOBODY, STAGES, Floats, Indices
from segmentation.wording import ENGLISH, Words, number

LEAST_OVERLAP = 0.3
"""Share of customers in common below which a group is a new one (Jaccard)."""


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``customers`` went from one group's id to another's; '' stands for none."""

    before: str
    after: str
    customers: int


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new version changed, for `campaigns check`, `doctor` and the status page.

    ``restaged`` are (old id, new id) of groups that clearly left their stage; ``emptied`` and
    ``filled`` are stages that lost their last or gained their first group. ``moves`` are the
    customers who change group (a restaged group's customers, who stay together, are not), most
    first; ``stage_changes`` counts those whose stage differs.
    """

    version_before: int
    version_after: int
    customers: int
    moved: int
    stage_changes: int
    moves: tuple[Move, ...]
    restaged: tuple[tuple[str, str], ...]
    born: tuple[str, ...]
    retired: tuple[str, ...]
    emptied: tuple[str, ...]
    filled: tuple[str, ...]
    is_rescaled: bool


def inheritance(before: Indices, after: Indices, sizes: tuple[int, int]) -> tuple[int, ...]:
    """For each new group the old group it continues, -1 where it continues none.

    ``before`` and ``after`` are the same customers' old and new groups, ``sizes`` the numbers of
    old and new groups. The pairs are those that keep most customers together over all groups.
    """
    both = (before >= 0) & (after >= 0)
    shared = np.zeros(sizes)
    np.add.at(shared, (before[both], after[both]), 1.0)
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    overlap = shared / np.maximum(union, 1.0)
    pairs = best_pairs(overlap.T)
    return tuple(
        old if old >= 0 and overlap[old, new] >= LEAST_OVERLAP else -1
        for new, old in enumerate(pairs)
    )


def best_pairs(gains: Floats) -> tuple[int, ...]:
    """For each row the column it is paired with, -1 for none; the sum of gains is the greatest.

    Exact, by dynamic programming over the set of columns used (Held & Karp, 1962): meant for at
    most a dozen columns. Gains are not negative.
    """
    rows, columns = gains.shape
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for row in range(rows):
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        for used, (total, pairs) in best.items():
            for column in range(-1, columns):
                if column >= 0 and used >> column & 1:
                    continue
                mask = used if column < 0 else used | 1 << column
                gain = total + (0.0 if column < 0 else float(gains[row, column]))
                if mask not in grown or gain > grown[mask][0]:
                    grown[mask] = (gain, (*pairs, column))
        best = grown
    return max(best.values(), key=lambda found: found[0])[1]


def report(
    before: SegmentModel, after: SegmentModel, groups_before: Indices, groups_after: Indices
) -> Report:
    """What publishing ``after`` changes for customers now in ``groups_before``.

    The arrays run in parallel over customers and index each model's own groups, -1 for none.
    """
    heirs = {old: group.id for group in after.groups for old in (*group.formerly, group.id)}
    old_ids = [group.id for group in before.groups]
    moves = _moves(before, after, groups_before, groups_after)
    inherited = {heirs[old] for old in old_ids if old in heirs}
    return Report(
        before.version,
        after.version,
        customers=len(groups_after),
        moved=sum(move.customers for move in moves),
        stage_changes=_stage_changes(before, after, groups_before, groups_after),
        moves=moves,
        restaged=tuple((old, heirs[old]) for old in old_ids if heirs.get(old, old) != old),
        born=tuple(group.id for group in after.groups if group.id not in inherited),
        retired=tuple(old for old in old_ids if old not in heirs),
        emptied=_lacking(before, after),
        filled=_lacking(after, before),
        is_rescaled=before.scaled_at != after.scaled_at,
    )


def _moves(
    before: SegmentModel, after: SegmentModel, groups_before: Indices, groups_after: Indices
) -> tuple[Move, ...]:
    continued = group_indices(after, [group.id for group in before.groups])
    # Old group -1 (nobody) continues as -1: the extra last entry is what index -1 reads.
    expected = np.append(continued, NOBODY)[groups_before]
    is_moved = expected != groups_after
    pairs = np.stack([groups_before[is_moved], groups_after[is_moved]], axis=1)
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    moves = [
        Move(_id(before, int(old)), _id(after, int(new)), int(count))
        for (old, new), count in zip(kinds, counts, strict=True)
    ]
    return tuple(sorted(moves, key=lambda move: (-move.customers, move.before, move.after)))


def _stage_changes(
    before: SegmentModel, after: SegmentModel, groups_before: Indices, groups_after: Indices
) -> int:
    return int((_stages(before)[groups_before] != _stages(after)[groups_after]).sum())


def _stages(model: SegmentModel) -> NDArray[np.str_]:
    return np.array([*(group.stage for group in model.groups), ""])


def _id(model: SegmentModel, group: int) -> str:
    return "" if group == NOBODY else model.groups[group].id


def _lacking(one: SegmentModel, other: SegmentModel) -> tuple[str, ...]:
    """Stages that one model uses and the other does not, in the order of `STAGES`."""
    used = {group.stage for group in one.groups} - {group.stage for group in other.groups}
    return tuple(stage for stage in STAGES if stage in used)


def sentences(found: Report, words: Words = ENGLISH) -> tuple[str, ...]:
    """The report for people, most important first; a version that changed nothing says so."""
    said = [words.say("stage {stage} has no group any more", stage=one) for one in found.emptied]
    said += [words.say("stage {stage} has a group again", stage=one) for one in found.filled]
    said += [
        words.say("group {before} left its stage and is now {after}", before=old, after=new)
        for old, new in found.restaged
    ]
    said += [words.say("group {group} has no successor", group=old) for old in found.retired]
    said += [words.say("group {group} is new", group=new) for new in found.born]
    if found.is_rescaled:
        said.append(words.say("the features' usual ranges were measured afresh"))
    moved = found.moved / max(found.customers, 1)
    said.append(
        words.say(
            "{share} of the customers change group ({moved} of {customers})",
            share=f"{moved:.1%}",
            moved=number(found.moved),
            customers=number(found.customers),
        )
    )
    said.append(
        words.count(
            "{number} customer changes stage, those of renamed groups counted",
            "{number} customers change stage, those of renamed groups counted",
            number(found.stage_changes),
        )
    )
    return tuple(said)
