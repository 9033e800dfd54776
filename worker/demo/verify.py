"""The verifier: ``python -m worker.demo.verify FOLDER``, a process of its own.

It knows what the player sent and what the store's ledger holds, computes every feature anew by the
batch definition, and compares it with `shoal features export`. It shares no code with the path that
it checks, and says as one line of JSON what differs.
"""

from __future__ import annotations

import json
import sys
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from segmentation.batch import History, customer_features
from segmentation.features import BY_NAME, NAMES

QUIET: Final = timedelta(days=1)
_RANK: Final = {"draft": 0, "pending": 1, "authorized": 2, "partly_paid": 3, "paid": 4}
_KINDS: Final = {"Page Viewed": "view", "Product Viewed": "view", "Product Added": "cart"}
_TO_THE_CENT: Final = ("monetary_value", "refunded_value", "average_order_value")
_TOLERANCE: Final = 1e-9
_MOST_SHOWN: Final = 20
Document = dict[str, Any]


@dataclass
class Told:
    """What was sent, sorted by what it is about."""

    orders: dict[str, Document] = field(default_factory=dict)
    refunds: list[Document] = field(default_factory=list)
    checkouts: list[Document] = field(default_factory=list)
    pages: list[Document] = field(default_factory=list)
    accounts: list[Document] = field(default_factory=list)
    categories: dict[str, str] = field(default_factory=dict)


def read_sent(path: Path) -> Told:
    """What the player wrote down; of each order its newest version."""
    told = Told()
    with path.open("rb") as lines:
        for line in lines:
            one = json.loads(line)
            document, kind = one["document"], one["topic"].partition(".")[0]
            if kind == "order":
                known = told.orders.get(document["id"])
                if known is None or _version(document) > _version(known):
                    told.orders[document["id"]] = document
            elif kind == "product":
                told.categories[document["id"]] = document["category"]
            else:
                {
                    "refund": told.refunds,
                    "checkout": told.checkouts,
                    "browse": told.pages,
                    "customer": told.accounts,
                }[kind].append(document)
    return told


def _version(order: Document) -> tuple[pd.Timestamp, int]:
    return pd.Timestamp(order["updated_at"]), _RANK.get(order["status"], len(_RANK))


def owners(told: Told) -> dict[str, str]:
    """Device → customer: whose cart was filled on it."""
    carts = {one["token"]: one["customer"]["id"] for one in told.checkouts}
    carts |= {one["cart_token"]: one["customer"]["id"] for one in told.orders.values()}
    named = ((one["anonymousId"], one["properties"].get("cart_id")) for one in told.pages)
    return {device: carts[cart] for device, cart in named if cart in carts}


def history(told: Told, slots: Mapping[str, int], contacts: Sequence[str]) -> History:
    """The sent documents as the tables of the batch definition."""

    def slot(product: str | None) -> int:
        return slots.get(told.categories.get(product or "", ""), -1)

    sold = [one for one in told.orders.values() if one["status"] in {"paid", "cancelled"}]
    whose = owners(told)
    acts = [
        (
            whose[one["anonymousId"]],
            _KINDS[one["event"]],
            one["timestamp"],
            slot(one["properties"].get("product_id")),
        )
        for one in told.pages
        if one["anonymousId"] in whose
    ]
    acts += [(one["customer"]["id"], "checkout", one["updated_at"], -1) for one in told.checkouts]
    acts += [(customer, "contact", "2009-12-01T00:00:00Z", -1) for customer in contacts]
    return History(
        orders=_orders(sold, [slot(one["lines"][0]["product_id"]) for one in sold]),
        lines=_lines(sold),
        refunds=pd.DataFrame(
            {
                "customer_id": [one["customer"]["id"] for one in told.refunds],
                "at": _times([one["created_at"] for one in told.refunds]),
                "value": [_pence(Decimal(one["amount"])) for one in told.refunds],
            }
        ),
        events=pd.DataFrame(
            {
                "customer_id": [act[0] for act in acts],
                "kind": [act[1] for act in acts],
                "at": _times([act[2] for act in acts]),
                "slot": [act[3] for act in acts],
                "offset": 0,
            }
        ),
    )


def _orders(sold: Sequence[Document], slots: Sequence[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [one["customer"]["id"] for one in sold],
            "order_id": [one["id"] for one in sold],
            "discount": 0,
            "is_cancelled": [one["status"] == "cancelled" for one in sold],
            "slot": list(slots),
            "offset": 0,
        }
    )


def _lines(sold: Sequence[Document]) -> pd.DataFrame:
    rows = [
        (
            one["id"],
            line["product_id"],
            one["created_at"],
            _pence(line["quantity"] * Decimal(line["price"])),
        )
        for one in sold
        for line in one["lines"]
    ]
    table = pd.DataFrame(rows, columns=["order_id", "product_id", "at", "value"])
    table["at"] = _times(table["at"].to_list())
    return table


def _pence(amount: Decimal) -> int:
    return int((amount * 100).to_integral_value(ROUND_HALF_EVEN))


def _times(texts: Sequence[str]) -> Any:
    return pd.to_datetime(pd.Series(texts, dtype="str"), format="ISO8601", utc=True).astype(
        "datetime64[us, UTC]"
    )


def differences(ours: pd.DataFrame, exported: pd.DataFrame) -> list[str]:
    """Where two tables indexed by customer are not the same, in words."""
    strangers = sorted(set(ours.index) ^ set(exported.index))
    found = [f"customer {one} is in one table only" for one in strangers]
    common = ours.index.intersection(exported.index)
    names = [str(one) for one in common]
    for name in NAMES:
        mine = ours.loc[common, name].to_numpy("float64")
        theirs = exported.loc[common, name].to_numpy("float64")
        is_same = _same(name, mine, theirs) | (np.isnan(mine) & np.isnan(theirs))
        found += [
            f"customer {names[at]}: {name} is {theirs[at]!r}, recomputed {mine[at]!r}"
            for at in np.flatnonzero(~is_same)
        ]
    return found


def _same(name: str, mine: Any, theirs: Any) -> Any:
    if BY_NAME[name].unit in {"count", "time"} and not name.endswith("d"):
        return mine == theirs
    if name in _TO_THE_CENT:
        return np.abs(mine - theirs) < 0.005  # noqa: PLR2004 - half a cent
    return np.isclose(mine, theirs, rtol=_TOLERANCE, atol=_TOLERANCE)


def read_export(path: Path) -> pd.DataFrame:
    """The exported table by customer; times as microseconds since 1970."""
    table = pd.read_csv(path, dtype={"customer_id": "str"}, float_precision="round_trip")
    for name in NAMES:
        if BY_NAME[name].unit == "time":
            at = pd.to_datetime(table[name], format="ISO8601", utc=True)
            since = at - pd.Timestamp("1970-01-01", tz="UTC")
            table[name] = since / pd.Timedelta(microseconds=1)
    return table.set_index("customer_id")


def quiet_coupons(told: Told, coupons: Sequence[Document]) -> int:
    """Coupons to customers of whom nothing was sent in the 24 hours before."""
    heard: dict[str, list[pd.Timestamp]] = {}
    whose = owners(told)
    for one in told.pages:
        if one["anonymousId"] in whose:
            heard.setdefault(whose[one["anonymousId"]], []).append(pd.Timestamp(one["timestamp"]))
    for one in [*told.orders.values(), *told.refunds, *told.checkouts]:
        its = heard.setdefault(one["customer"]["id"], [])
        its += [pd.Timestamp(one[name]) for name in ("created_at", "updated_at") if name in one]
    for one in told.accounts:
        heard.setdefault(one["id"], []).append(pd.Timestamp(one["updated_at"]))
    for its in heard.values():
        its.sort()
    return sum(
        not _heard_in(heard.get(one["customer_id"], []), one["starts_at"]) for one in coupons
    )


def _heard_in(times: Sequence[pd.Timestamp], until: str) -> bool:
    end = pd.Timestamp(until)
    return bisect_left(times, end) > bisect_left(times, end - QUIET)


def contacts_of(ledger: Path) -> list[str]:
    """One customer id for each coupon or recommendation that the store took."""
    found = []
    for line in ledger.read_text().splitlines():
        entry = json.loads(line)
        if entry["kind"] == "coupon" and entry["result"] == "created":
            found.append(entry["customer"])
        elif entry["kind"] == "recommendation" and entry["result"] == "done":
            found.append(entry["key"])
    return found


def verify(folder: Path) -> Document:
    """Compare; ``folder`` holds ``sent.jsonl``, ``features.csv``, ``store.json`` and the ledger."""
    store = json.loads((folder / "store.json").read_text())
    told = read_sent(folder / "sent.jsonl")
    contacts = contacts_of(folder / "sandbox" / "ledger.jsonl")
    as_of = pd.Timestamp(store["now"], unit="us", tz="UTC")
    ours = customer_features(history(told, store["slots"], contacts), as_of)
    found = differences(ours, read_export(folder / "features.csv"))
    return {
        "features_equal_batch": not found,
        "different": len(found),
        "differences": found[:_MOST_SHOWN],
        "customers": len(ours),
        "to_quiet_customers": quiet_coupons(told, store["coupons"]),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(verify(Path(sys.argv[1]))) + "\n")
