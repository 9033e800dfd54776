"""Customers of the shipped log as they were on its last day, and a model of each kind on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from segmentation.batch import History, customer_features, no_orders
from segmentation.choosing.carrying import KINDS, mixture_of, trained
from segmentation.features import feature, signed_log
from segmentation.model import Group, SegmentModel, assign, rules_model, standardised
from segmentation.rules import Columns, learn_thresholds

LOG: Final = Path(__file__).parents[2] / "examples" / "online_retail.csv.gz"
END: Final = datetime(2011, 12, 10, tzinfo=UTC)
FEATURES: Final = (
    *("recency_days", "orders", "monetary_value", "average_order_value"),
    *("tenure_days", "items_per_order", "gap_days_mean", "distinct_products"),
)
IDS: Final = (
    *("champions.often", "loyal.big_baskets", "promising.everyday", "new.one_order"),
    *("at_risk.big_baskets", "hibernating.one_order", "lost.one_order", "lost.small_baskets"),
)
_ONE_IN: Final = 6


@cache
def people() -> Columns:
    """Every sixth customer of the log with at least one order."""
    lines = pd.read_csv(LOG, dtype={"invoice": str, "stock_code": str, "customer_id": str})
    lines = lines[(lines["quantity"] > 0) & (lines["price"] > 0)]
    names = sorted(lines["customer_id"].dropna().unique())[::_ONE_IN]
    lines = lines[lines["customer_id"].isin(names)]
    at = pd.to_datetime(lines["invoice_date"], utc=True)
    sold = pd.DataFrame(
        {
            "order_id": lines["invoice"],
            "product_id": lines["stock_code"],
            "at": at,
            "value": (lines["quantity"] * lines["price"] * 100).round().astype("int64"),
        }
    )
    orders = lines.drop_duplicates("invoice")[["customer_id", "invoice"]]
    orders = orders.rename(columns={"invoice": "order_id"})
    orders = orders.assign(discount=0, is_cancelled=False, slot=-1, offset=0)
    assert set(orders) == set(no_orders())
    table = customer_features(History(orders=orders, lines=sold), pd.Timestamp(END))
    return {name: table[name].to_numpy(dtype=np.float64) for name in FEATURES}


def _frame() -> SegmentModel:
    columns = people()
    transforms = tuple(feature(name).transform for name in FEATURES)
    imputed = tuple(0.0 if name.startswith("gap") else 1.0 for name in FEATURES)
    moved = np.array([signed_log(np.nan_to_num(columns[name])) for name in FEATURES])
    return SegmentModel(
        1,
        "kmeans",
        tuple(Group(name, name.partition(".")[0], name) for name in IDS),
        END,
        features=FEATURES,
        transforms=transforms,
        imputed=imputed,
        centre=tuple(moved.mean(axis=1).tolist()),
        scale=tuple(moved.std(axis=1).tolist()),
        hysteresis=1.2,
        rules=learn_thresholds(columns),
    )


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


@cache
def _kmeans() -> SegmentModel:
    frame = _frame()
    found = KMeans(len(IDS), n_init=3, random_state=0).fit(standardised(frame, people()))
    return msgspec.structs.replace(frame, centroids=_rows(found.cluster_centers_))


def _projected() -> SegmentModel:
    frame = _frame()
    turned = PCA(3, random_state=0).fit(standardised(frame, people()))
    frame = msgspec.structs.replace(frame, projection=_rows(turned.components_))
    found = KMeans(len(IDS), n_init=3, random_state=0).fit(standardised(frame, people()))
    return msgspec.structs.replace(frame, centroids=_rows(found.cluster_centers_))


def _carried(kind: str) -> Callable[[], SegmentModel]:
    def made() -> SegmentModel:
        base = _kmeans()
        carrier = trained(kind, standardised(base, people()), assign(base, people()), 0)
        return msgspec.structs.replace(base, kind="carried", carrier=carrier)

    return made


def _mixture() -> SegmentModel:
    base = _frame()
    found = GaussianMixture(len(IDS), random_state=0).fit(standardised(base, people()))
    return msgspec.structs.replace(
        base, kind="carried", carrier=mixture_of(found), centroids=_rows(found.means_)
    )


def _rules() -> SegmentModel:
    return rules_model(learn_thresholds(people()), 1, END)


MODELS: Final[Mapping[str, Callable[[], SegmentModel]]] = {
    "rules": cache(_rules),
    "kmeans": _kmeans,
    "kmeans after PCA": cache(_projected),
    "mixture": cache(_mixture),
    **{kind: cache(_carried(kind)) for kind in KINDS},
}
