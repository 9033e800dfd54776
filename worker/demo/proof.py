"""The proof: what the store holds and what another process recomputes from what was sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from worker.demo.guests import PYTHON, SHOAL, guest
from worker.demo.theatre import Theatre, shop_of
from worker.demo.wanted import STORE
from worker.errors import ShoalError


def prove(folder: Path, there: Theatre) -> dict[str, Any]:
    """What another process finds when it recomputes every feature from what was sent."""
    out = str(folder / "features.csv")
    _run(there, "export", [*SHOAL, "features", "export", "--out", out, "--store", STORE])
    order = there.venue.order
    coupons = httpx.get(
        f"{order['shop']}/admin/coupons", headers={"authorization": f"Bearer {order['shop_key']}"}
    ).json()
    shop = shop_of(there.kit)
    store = {"now": shop.now, "slots": dict(shop.slots), "coupons": coupons["items"]}
    (folder / "store.json").write_text(json.dumps(store))
    told = _run(there, "verify", [PYTHON, "-m", "worker.demo.verify", str(folder)])
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    return verdict


def _run(there: Theatre, name: str, command: Sequence[str]) -> str:
    environment = there.outer.environment
    with guest(there.outer, name, command, environment) as one:
        out, _ = one.process.communicate()
        if one.process.returncode:
            message = f"{name} failed: {one.complaint}"
            raise ShoalError(message)
    return out
