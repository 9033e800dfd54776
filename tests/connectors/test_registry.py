"""Connectors are found by name, and a broken one stops no other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from connectors.errors import BrokenConnector, UnknownPlatform
from connectors.protocol import StoreConfig
from connectors.registry import connect, connector_factory, platforms
from connectors.sandbox.api import SandboxConnector


def _install(folder: Path, points: str, monkeypatch: pytest.MonkeyPatch) -> None:
    info = folder / "rogue-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rogue\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[shoal.connectors]\n{points}\n")
    (folder / "rogue_broken.py").write_text("raise RuntimeError('out of order')\n")
    (folder / "rogue_other.py").write_text("connect = 5\n")
    monkeypatch.syspath_prepend(str(folder))


def test_the_sandbox_is_registered() -> None:
    store = StoreConfig("s", "sandbox", "http://127.0.0.1:1", "EUR")
    with httpx.Client() as http:
        assert isinstance(connect(store, http), SandboxConnector)


def test_an_unknown_platform_names_the_nearest() -> None:
    with pytest.raises(UnknownPlatform, match=r"sandbox.*did you mean 'sandbox'\?"):
        connector_factory("Sandbx")


@pytest.mark.parametrize("module", ["rogue_broken", "rogue_other", "rogue_missing"])
def test_a_broken_connector_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    _install(tmp_path, f"rogue = {module}:connect", monkeypatch)
    assert platforms()["rogue"] == "rogue"
    with pytest.raises(BrokenConnector, match="'rogue' of distribution 'rogue'"):
        connector_factory("rogue")
    assert callable(connector_factory("sandbox"))


def test_a_stranger_cannot_take_our_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "sandbox = rogue_broken:connect", monkeypatch)
    assert platforms()["sandbox"] == "shoal"
    assert callable(connector_factory("sandbox"))
