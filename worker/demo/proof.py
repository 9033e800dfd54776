"""The proof: what the store holds and what another process recomputes from what was sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from worker.demo.guests import guest
from worker.demo.theatre import STORE, Theatre, shop_of
from worker.errors import ShoalError


def prove(folder: Path, there: Theatre) -> dict[str, Any]:
    """What another process finds when it recomputes every feature from what was sent."""
    export = "from worker.cli import main; main()"
    out = str(folder / "features.csv")
    _run(there, "export", ["-c", export, "features", "export", "--out", out, "--store", STORE])
    coupons = httpx.get(
        f"{there.shop_url}/admin/coupons", headers={"authorization": f"Bearer {there.shop_key}"}
    ).json()
    shop = shop_of(there.kit)
    store = {"now": shop.now, "slots": dict(shop.slots), "coupons": coupons["items"]}
    (folder / "store.json").write_text(json.dumps(store))
    told = _run(there, "verify", ["-m", "worker.demo.verify", str(folder)])
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    return verdict


def _run(there: Theatre, name: str, arguments: Sequence[str]) -> str:
    environment = there.outer.environment
    with guest(there.outer, name, arguments, environment) as one:
        out, _ = one.process.communicate()
        if one.process.returncode:
            message = f"{name} failed: {one.complaint}"
            raise ShoalError(message)
    return out
