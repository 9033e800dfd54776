"""Products for one customer, from what was bought together and what a segment buys.

Co-occurrence is item-to-item as in Linden, Smith & York, "Amazon.com recommendations" (2003):
orders that hold both products, over the geometric mean of the orders that hold each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.steps import RecommendStep, Strategy

Indexes = NDArray[np.int64]
LARGEST_ORDER: Final = 100  # products: wholesale says little of what goes together
NOBODY: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What was learned of a store's products.

    Attributes
    ----------
    products
        Ids; their positions are the indexes below.
    partners
        int64 (products, k): best partners first, ``NOBODY`` where there are fewer.
    best
        Stage, or "" for all customers -> indexes, best seller first.
    """

    products: tuple[str, ...]
    partners: Indexes
    best: Mapping[str, Indexes]

    def position(self) -> dict[str, int]:
        """Product id -> index."""
        return {name: index for index, name in enumerate(self.products)}


@dataclass(frozen=True, slots=True)
class Taste:
    """What is known of one customer.

    Attributes
    ----------
    segment
        The stage, or "".
    bought
        Product ids of the last orders, newest first.
    repeats
        Product id -> decayed count of own purchases.
    """

    segment: str = ""
    bought: tuple[str, ...] = ()
    repeats: Mapping[str, float] = field(default_factory=dict)


class Recommended(NamedTuple):
    """Products, best first, and the strategies that supplied them, in order of use.

    More than one strategy means that the wished one did not suffice and it fell back.
    """

    products: tuple[str, ...]
    strategies: tuple[Strategy, ...]


def recommend(
    step: RecommendStep, shelf: Shelf, taste: Taste, available: AbstractSet[str]
) -> Recommended:
    """Up to ``step.count`` products that are known and available; never any other.

    What the customer has just bought is not offered again, except by ``repeat_buys``.
    """
    chosen: dict[str, None] = {}
    used: list[Strategy] = []
    for strategy in dict.fromkeys((step.strategy, *_FALLBACKS)):
        before = len(chosen)
        barred = frozenset() if strategy == "repeat_buys" else frozenset(taste.bought)
        for name in _candidates(strategy, shelf, taste):
            if len(chosen) == step.count:
                break
            if name in available and name not in barred:
                chosen.setdefault(name)
        if len(chosen) > before:
            used.append(strategy)
    return Recommended(tuple(chosen), tuple(used))


_FALLBACKS: Final[tuple[Strategy, ...]] = ("bought_together", "best_in_segment")


def _candidates(strategy: Strategy, shelf: Shelf, taste: Taste) -> Iterator[str]:
    if strategy == "repeat_buys":
        known = frozenset(shelf.products)
        ranked = sorted(taste.repeats.items(), key=lambda item: (-item[1], item[0]))
        return (name for name, count in ranked if count > 0 and name in known)
    if strategy == "bought_together":
        return _partners(shelf, taste)
    return (
        shelf.products[index]
        for name in dict.fromkeys((taste.segment, ""))
        for index in shelf.best.get(name, np.empty(0, np.int64)).tolist()
    )


def _partners(shelf: Shelf, taste: Taste) -> Iterator[str]:
    """First the best partner of each product bought, then every second best, and so on."""
    position = shelf.position()
    rows = [position[name] for name in taste.bought if name in position]
    if not rows:
        return
    for index in shelf.partners[rows].T.ravel().tolist():
        if index != NOBODY:
            yield shelf.products[index]


def cooccurrence(orders: Iterable[Indexes], products: int, keep: int = 20) -> Indexes:
    """The products most bought together with each product.

    Parameters
    ----------
    orders
        Product indexes of each order; of a larger one the first ``LARGEST_ORDER`` count.
    products
        Number of products.
    keep
        Partners kept for each.

    Returns
    -------
    int64 (products, keep), best first, ``NOBODY`` where there are fewer.
    """
    baskets = [np.unique(order)[:LARGEST_ORDER] for order in orders]
    table = np.full((products, keep), NOBODY, np.int64)
    sold = np.bincount(np.concatenate([*baskets, np.empty(0, np.int64)]), minlength=products)
    pairs = [_pairs(basket, products) for basket in baskets if len(basket) > 1]
    if not pairs:
        return table
    keys, together = np.unique(np.concatenate(pairs), return_counts=True)
    left, right = np.divmod(keys, products)
    score = together / np.sqrt(sold[left].astype(np.float64) * sold[right])
    order = np.lexsort((right, -score, left))
    left, right = left[order], right[order]
    rank = np.arange(len(left)) - np.searchsorted(left, left)
    kept = rank < keep
    table[left[kept], rank[kept]] = right[kept]
    return table


def _pairs(basket: Indexes, products: int) -> Indexes:
    left, right = np.meshgrid(basket, basket, indexing="ij")
    apart = left != right
    keys: Indexes = left[apart].astype(np.int64) * products + right[apart]
    return keys


def best_sellers(sold: Indexes, products: int, keep: int = 50) -> Indexes:
    """Product indexes by how often they were sold, most first; never unsold ones.

    ``sold`` holds one product index for each sale.
    """
    counts = np.bincount(sold, minlength=products)
    ranked = np.lexsort((np.arange(products), -counts))[:keep]
    return ranked[counts[ranked] > 0]


def shelf_text(shelf: Shelf) -> str:
    """A shelf as JSON."""
    best = {name: indexes.tolist() for name, indexes in shelf.best.items()}
    return json.dumps(
        {"products": shelf.products, "partners": shelf.partners.tolist(), "best": best},
        separators=(",", ":"),
    )


def shelf_of(text: str) -> Shelf:
    """The shelf in a JSON text of :func:`shelf_text`."""
    data = json.loads(text)
    products: Sequence[str] = data["products"]
    partners = np.array(data["partners"], np.int64).reshape(len(products), -1)
    best = {name: np.array(found, np.int64) for name, found in data["best"].items()}
    return Shelf(tuple(products), partners, best)
