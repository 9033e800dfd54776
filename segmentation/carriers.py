"""Rules that say, with numpy alone, which group a customer's numbers belong to.

Some ways of finding groups cannot say where the next customer belongs (DBSCAN, HDBSCAN, Ward's
tree). A classifier trained on their labels carries them; it is stored as plain numbers and applied
here, without scikit-learn. A Gaussian mixture carries itself. Training: `segmentation.carrying`.

Every rule gives a score for each group; the highest wins. What a score's unit is differs from kind
to kind, so that scores are compared within one model only.
"""

from __future__ import annotations

import msgspec
import numpy as np

from segmentation.rules import Floats, Indices

Row = tuple[float, ...]
Matrix = tuple[Row, ...]


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="tree"):
    """A decision tree. Its scores are the groups' shares among the leaf's training customers.

    Parallel over nodes, the root first: at ``feature`` (-1: a leaf) up to ``threshold`` goes to the
    node ``left``, above it to ``right``. ``shares`` are empty at inner nodes.
    """

    feature: tuple[int, ...]
    threshold: Row
    left: tuple[int, ...]
    right: tuple[int, ...]
    shares: Matrix


class Forest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="forest"):
    """Decision trees that vote; a score is the mean of theirs."""

    trees: tuple[Tree, ...]


class Planes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="planes"):
    """A linear support vector machine: one plane a group, its score the signed distance."""

    weights: Matrix
    offsets: Row


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="machine"):
    """A support vector machine with a Gaussian (RBF) kernel, one against one.

    ``vectors`` are grouped by group, ``counts`` of each; ``dual`` has a row for each group but one,
    ``offsets`` one number a pair of groups (0, 1), (0, 2) … . A score is the number of pairs won
    plus less than a half for how clearly.
    """

    gamma: float
    counts: tuple[int, ...]
    vectors: Matrix
    dual: Matrix
    offsets: Row


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs x outputs, and what is added to each output."""

    weights: Matrix
    offsets: Row


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="network"):
    """A neural network of rectified layers; the scores are the logits of the last."""

    layers: tuple[Layer, ...]


class Mixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="mixture"):
    """A Gaussian mixture: the score is the log of a group's share and density at the customer.

    One entry a group: ``maps`` (features x directions) whiten around ``means`` (features).
    """

    means: Matrix
    maps: tuple[Matrix, ...]
    constants: Row


Carrier = Tree | Forest | Planes | Machine | Network | Mixture


def scores(carrier: Carrier, points: Floats) -> Floats:
    """Customers x groups, the highest is the customer's group.

    ``points`` are customers x features in the model's space (`segmentation.model.standardised`).
    """
    match carrier:
        case Tree():
            return _tree(carrier, points)
        case Forest():
            votes = [_tree(tree, points) for tree in carrier.trees]
            return np.asarray(np.mean(votes, axis=0), dtype=np.float64)
        case Planes():
            return np.asarray(
                points @ np.array(carrier.weights).T + np.array(carrier.offsets), dtype=np.float64
            )
        case Machine():
            return _machine(carrier, points)
        case Network():
            return _network(carrier, points)
        case Mixture():
            return _mixture(carrier, points)


def chosen(score: Floats, previous: Indices | None, margin: float) -> Indices:
    """The group of each customer: the best, or the present one while the best leads by less.

    ``score`` is customers x groups, ``previous`` the present groups, -1 for none.
    """
    best: Indices = score.argmax(axis=1)
    if previous is None:
        return best
    here = np.arange(len(score))
    held = np.where(previous < 0, best, previous)
    stays = score[here, best] - score[here, held] < margin
    return np.where(stays, held, best)


def fits(carrier: Carrier, directions: int, groups: int) -> bool:
    """Whether a rule reads so many numbers of a customer and tells so many groups apart."""
    match carrier:
        case Tree():
            reads, tells = max(carrier.feature, default=-1), max(map(len, carrier.shares))
            return reads < directions and tells == groups
        case Forest():
            return all(fits(tree, directions, groups) for tree in carrier.trees)
        case Planes():
            found = len(carrier.weights[0]), len(carrier.offsets)
        case Machine():
            found = len(carrier.vectors[0]), len(carrier.counts)
        case Network():
            found = len(carrier.layers[0].weights), len(carrier.layers[-1].offsets)
        case Mixture():
            found = len(carrier.means[0]), len(carrier.constants)
    return found == (directions, groups)


def _tree(tree: Tree, points: Floats) -> Floats:
    feature, left, right = (np.array(part) for part in (tree.feature, tree.left, tree.right))
    threshold = np.array(tree.threshold)
    groups = max(map(len, tree.shares))
    shares = np.array([row or (0.0,) * groups for row in tree.shares])
    # scikit-learn's trees see single precision: a customer exactly on a border goes the same way.
    seen = points.astype(np.float32)
    node = np.zeros(len(points), dtype=np.int64)
    while True:
        inner = np.flatnonzero(feature[node] >= 0)
        if not len(inner):
            return np.asarray(shares[node], dtype=np.float64)
        at = node[inner]
        goes_left = seen[inner, feature[at]] <= threshold[at]
        node[inner] = np.where(goes_left, left[at], right[at])


def _machine(machine: Machine, points: Floats) -> Floats:
    vectors, dual = np.array(machine.vectors), np.array(machine.dual)
    squared = (points**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * points @ vectors.T
    kernel = np.exp(-machine.gamma * np.maximum(squared, 0.0))
    ends = np.cumsum(machine.counts)
    span = [slice(end - count, end) for end, count in zip(ends, machine.counts, strict=True)]
    groups = len(machine.counts)
    if groups == 2:  # noqa: PLR2004 - one border has two sides and no votes to count
        sure = kernel @ dual[0] + machine.offsets[0]
        return np.stack([-sure, sure], axis=1)
    votes, sums = np.zeros((2, len(points), groups))
    pairs = [(one, two) for one in range(groups) for two in range(one + 1, groups)]
    for (one, two), offset in zip(pairs, machine.offsets, strict=True):
        sure = kernel[:, span[one]] @ dual[two - 1, span[one]] + offset
        sure += kernel[:, span[two]] @ dual[one, span[two]]
        sums[:, one] += sure
        sums[:, two] -= sure
        votes[:, one] += sure >= 0
        votes[:, two] += sure < 0
    return np.asarray(votes + sums / (3 * (np.abs(sums) + 1)), dtype=np.float64)


def _network(network: Network, points: Floats) -> Floats:
    signal = points
    for layer in network.layers[:-1]:
        signal = np.maximum(signal @ np.array(layer.weights) + np.array(layer.offsets), 0.0)
    last = network.layers[-1]
    return np.asarray(signal @ np.array(last.weights) + np.array(last.offsets), dtype=np.float64)


def _mixture(mixture: Mixture, points: Floats) -> Floats:
    parts = zip(mixture.means, mixture.maps, mixture.constants, strict=True)
    columns = [
        constant - 0.5 * (((points - np.array(mean)) @ np.array(whitening)) ** 2).sum(axis=1)
        for mean, whitening, constant in parts
    ]
    return np.stack(columns, axis=1)
