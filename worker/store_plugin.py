"""The plugin that a platform needs on the store's side, where it sends no webhooks by itself.

A connector's package may ship one in a folder ``plugin``; ours and a stranger's alike.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, Final

from connectors.errors import BrokenConnector
from connectors.registry import connector_factory, platforms
from worker.errors import ShoalError

MARK: Final = ".shoal-plugin"
_FOLDER: Final = "plugin"


class PluginRefused(ShoalError):
    """A plugin that cannot be written: there is none, or the folder is somebody else's."""

    exit_code: ClassVar[int] = 2


def write_plugin(platform: str, folder: Path) -> tuple[str, ...]:
    """Write a platform's plugin into a folder and return the names of its files, in order.

    The folder may be new, empty, or hold this plugin, which is then written anew.

    Raises
    ------
    PluginRefused
        Saying what is in the way.
    UnknownPlatform, BrokenConnector
        If there is no such connector.
    """
    shipped = _shipped(platform)
    if shipped is None:
        raise PluginRefused(_no_plugin(platform))
    _require_ours(platform, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(f"{platform}\n", encoding="utf-8")
        for file in shipped:
            (folder / file.name).write_bytes(file.read_bytes())
    except OSError as problem:
        message = f"{folder}: cannot be written ({problem.strerror})"
        raise PluginRefused(message) from None
    return tuple(file.name for file in shipped)


def _shipped(platform: str) -> list[Traversable] | None:
    package = connector_factory(platform).__module__
    try:
        files = list(resources.files(package).joinpath(_FOLDER).iterdir())
    except (OSError, TypeError, ModuleNotFoundError):
        return None
    return sorted((file for file in files if file.is_file()), key=lambda file: file.name)


def _no_plugin(platform: str) -> str:
    others = ", ".join(name for name in platforms() if _has_plugin(name))
    return f"platform {platform!r} needs no plugin: expected one that does ({others})"


def _has_plugin(platform: str) -> bool:
    try:
        return _shipped(platform) is not None
    except BrokenConnector:
        return False


def _require_ours(platform: str, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        message = f"{folder}: expected a folder, it is a file"
        raise PluginRefused(message)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    mark = folder / MARK
    held = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
    if held != platform:
        there = f"the plugin for {held}" if held else "other files"
        message = f"{folder}: expected a new or empty folder, or this plugin; it holds {there}"
        raise PluginRefused(message)
