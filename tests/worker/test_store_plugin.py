"""The plugin for the store's side is shipped, written, and overwrites nothing of anybody else."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from connectors.errors import UnknownPlatform
from connectors.vendure.webhooks import VERSION
from worker.store_plugin import MARK, PluginRefused, write_plugin

SHIPPED = Path(__file__).parents[2] / "connectors" / "vendure" / "plugin"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARK}


def test_what_is_shipped_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "src" / "shoal-plugin"
    files = write_plugin("vendure", folder)
    assert contents(folder) == contents(SHIPPED)
    assert sorted(files) == sorted(contents(SHIPPED))
    assert {"index.js", "index.d.ts", "README.md", "package.json"} <= set(files)


def test_it_is_written_anew_where_it_is_and_into_an_empty_folder(tmp_path: Path) -> None:
    write_plugin("vendure", tmp_path)
    (tmp_path / "index.js").write_text("old")
    write_plugin("vendure", tmp_path)
    assert contents(tmp_path) == contents(SHIPPED)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mine.ts", "export {}", "it holds other files"),
        (MARK, "another\n", "it holds the plugin for another"),
    ],
)
def test_a_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PluginRefused, match=words):
        write_plugin("vendure", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PluginRefused, match="expected a folder"):
        write_plugin("vendure", tmp_path / "file")


def test_a_platform_without_a_plugin_is_told_from_an_unknown_one(tmp_path: Path) -> None:
    with pytest.raises(PluginRefused, match=r"needs no plugin.*vendure"):
        write_plugin("sandbox", tmp_path)
    with pytest.raises(UnknownPlatform, match="did you mean 'vendure'"):
        write_plugin("vendur", tmp_path)


def test_both_sides_speak_one_version_and_one_name() -> None:
    assert f"const VERSION = {VERSION};" in (SHIPPED / "plugin.js").read_text()
    told = json.loads((SHIPPED / "package.json").read_text())
    assert (told["main"], told["types"]) == ("index.js", "index.d.ts")


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here; `make test-stores` has one")
@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.js")), ids=lambda path: path.name)
def test_each_file_is_javascript(path: Path) -> None:
    subprocess.run(["node", "--check", str(path)], check=True)  # noqa: S603, S607 - the file under test
