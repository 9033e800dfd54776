"""The proof: what the store holds and what another process recomputes from what was sent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from worker.demo.memory import Watch
from worker.demo.theatre import STORE, Theatre, shop_of
from worker.errors import ShoalError
from worker.up import child_environment


def prove(folder: Path, there: Theatre) -> dict[str, Any]:
    """What another process finds when it recomputes every feature from what was sent."""
    environment = child_environment(there.stack.settings)
    export = "from worker.cli import main; main()"
    out = str(folder / "features.csv")
    command = [sys.executable, "-c", export, "features", "export", "--out", out, "--store", STORE]
    _run(command, environment, there.watch)
    coupons = httpx.get(
        f"{there.shop_url}/admin/coupons", headers={"authorization": f"Bearer {there.shop_key}"}
    ).json()
    shop = shop_of(there.kit)
    store = {"now": shop.now, "slots": dict(shop.slots), "coupons": coupons["items"]}
    (folder / "store.json").write_text(json.dumps(store))
    told = _run([sys.executable, "-m", "worker.demo.verify", str(folder)], environment, there.watch)
    verdict: dict[str, Any] = json.loads(told.splitlines()[-1])
    return verdict


def _run(command: list[str], environment: Mapping[str, str], watch: Watch) -> str:
    process = subprocess.Popen(  # noqa: S603 - our own
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watch.apart.add(process.pid)
    out, problem = process.communicate()
    if process.returncode:
        last = problem.strip().splitlines()[-1:] or ["no word"]
        message = f"{' '.join(command[1:4])} failed: {last[0]}"
        raise ShoalError(message)
    return out
