"""Files of campaigns, rules and features: found, compared and kept by one piece of code."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.errors import InvalidCampaign
from tests.worker.driving import Driver
from worker import models
from worker.database import transaction
from worker.definition_files import change_of, files_in, keep_version


def laid_out(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_folders_give_what_is_ours_by_name_and_files_are_taken_as_named(tmp_path: Path) -> None:
    laid_out(tmp_path, "b.yaml", "a.yml", "rules/vip.yaml", "deep/rules/new.yaml", "readme.md")
    named = tmp_path / "readme.md"
    every = files_in([named, tmp_path], "expected a folder")
    found = [str(path.relative_to(tmp_path)) for path in every]
    assert found == ["readme.md", "a.yml", "b.yaml", "deep/rules/new.yaml", "rules/vip.yaml"]
    rules = files_in([tmp_path, named], "", lambda path: path.parent.name == "rules")
    assert [path.name for path in rules] == ["new.yaml", "vip.yaml", "readme.md"]


def test_a_folder_without_any_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    laid_out(tmp_path, "a.yaml")
    with pytest.raises(InvalidCampaign, match="expected a folder `rules`"):
        files_in([tmp_path], "expected a folder `rules`", lambda path: path.parent.name == "rules")


def test_a_text_is_new_changed_or_the_same() -> None:
    assert [change_of(before, "b") for before in (None, "a", "b")] == ["new", "changed", "same"]


def test_each_version_is_kept_by_store_and_name(driver: Driver) -> None:
    for name in ("rule.a", "rule.a", "rule.b"):
        with transaction(driver.kit.engine) as connection:
            keep_version(connection, models.rule_versions, (driver.number, name), name, (7, "ann"))
    with transaction(driver.kit.engine) as connection:
        other = keep_version(connection, models.rule_versions, (9, "rule.a"), "", (7, "ann"))
    assert other == 1
    names = ("id", "version", "body", "made_at", "made_by")
    assert driver.rows(models.rule_versions, *names, store=driver.number) == [
        ("rule.a", 1, "rule.a", 7, "ann"),
        ("rule.a", 2, "rule.a", 7, "ann"),
        ("rule.b", 1, "rule.b", 7, "ann"),
    ]
