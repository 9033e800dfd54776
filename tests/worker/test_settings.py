"""Settings: what may be said, what is refused, and that the pages say the same."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from worker.errors import SettingError
from worker.settings import TABLE, Settings, environment_of, settings_from
from worker.settings_pages import example, markdown

ROOT = Path(__file__).parents[2]


def test_nothing_has_to_be_set() -> None:
    settings = settings_from({"PATH": "/bin"})
    assert settings.partitions == 8
    assert settings.learn_every == timedelta(days=7)
    assert settings.home == Path("~/.shoal").expanduser()
    assert settings.is_embedded_redis
    assert settings.is_embedded_database


def test_every_row_of_the_table_is_a_field_and_every_field_a_row() -> None:
    assert [one.field for one in TABLE] == [one.name for one in fields(Settings)]


def test_an_unknown_variable_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(
        SettingError, match="SHOAL_REDIS_ULR is not a setting; did you mean SHOAL_RED"
    ):
        settings_from({"SHOAL_REDIS_ULR": "redis://localhost"})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SHOAL_PORT", "http", "a whole number from 1 to 65535"),
        ("SHOAL_PORT", "70000", "a whole number from 1 to 65535"),
        ("SHOAL_APPENDFSYNC", "allways", "one of everysec, always; did you mean always?"),
        ("SHOAL_LEARN_EVERY", "7", "a duration such as 30s, 15m, 12h, 7d or 2w"),
        ("SHOAL_LEARN_EVERY", "0d", "a duration such as"),
        ("SHOAL_DATABASE_URL", "mysql://u@h/d", "a URL that begins with postgresql://"),
    ],
)
def test_a_bad_value_says_what_was_expected(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        settings_from({name: value})
    assert str(caught.value).startswith(name)
    assert expected in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingError) as caught:
        settings_from({"SHOAL_PORT": "x", "SHOAL_BATCH": "0", "SHOAL_COLOUR": "red"})
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.invariant("I8")
def test_no_secret_is_shown() -> None:
    secret = "s3cret-s3cret-s3cret"
    settings = settings_from({"SHOAL_SECRET_KEY": secret})
    assert secret not in repr(settings)
    with pytest.raises(SettingError) as caught:
        settings_from({"SHOAL_DATABASE_URL": f"mysql://user:{secret}@host/db"})
    assert secret not in str(caught.value)


def test_another_process_reads_the_same() -> None:
    settings = settings_from({"SHOAL_LEARN_EVERY": "12h", "SHOAL_REDIS_URL": "redis://a/1"})
    assert settings_from(environment_of(settings)) == settings


def test_the_pages_are_written_from_the_table() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == markdown()
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == example()
