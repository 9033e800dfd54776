"""The unit is one that systemd takes, whatever the home is called; ours to write and remove."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.worker.cli.conftest import Shoal
from worker import service_unit
from worker.service_unit import environment_text, unit_path, unit_text
from worker.settings import Settings


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path))
    return path


@pytest.mark.parametrize("name", ["home", "a home of 100% $cost", "häuser"])
def test_systemd_takes_it(settings: Settings, tmp_path: Path, name: str) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd on this machine")
    home = tmp_path / name
    home.mkdir()
    unit = tmp_path / "shoal.service"
    unit.write_text(unit_text(replace(settings, home=home)))
    told = subprocess.run(  # noqa: S603 - found on PATH by us
        [verify, "--user", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    ours = [line for line in told.stderr.splitlines() if "shoal" in line]
    assert ours == []


def test_only_what_was_given_is_written_and_quoted(settings: Settings) -> None:
    odd = replace(settings, secret_key='with "quotes" and $signs \\ in it')
    given = frozenset({"SHOAL_SECRET_KEY", "PATH"})
    assert environment_text(odd, given).splitlines() == [
        f'SHOAL_HOME="{settings.home}"',
        'SHOAL_SECRET_KEY="with \\"quotes\\" and \\$signs \\\\ in it"',
    ]
    assert "quotes" not in unit_text(odd)


def test_it_is_written_shown_and_removed(shoal: Shoal, home: Path, config: Path) -> None:
    shown = shoal("install-service", "--print")
    assert shown.code == 0
    assert not config.exists()
    done = shoal("install-service")
    assert "systemctl --user enable --now shoal.service" in " ".join(done.out.split())
    assert unit_path() == config / "systemd" / "user" / "shoal.service"
    assert unit_path().read_text() == shown.out
    assert stat.S_IMODE((home / "service.env").stat().st_mode) == 0o600
    assert "a key for the tests only" not in done.out + shown.out
    assert shoal("install-service").code == 0
    wants = unit_path().parent / "default.target.wants"
    wants.mkdir()
    (wants / "shoal.service").symlink_to(unit_path())
    assert "is gone" in shoal("install-service", "--remove").out
    assert not list((config / "systemd").rglob("*.service"))
    assert not (home / "service.env").exists()
    assert "was not there" in shoal("install-service", "--remove").out


def test_the_user_of_the_process_lingers_whatever_the_environment_says(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("USER", "somebody else")
    assert f"loginctl enable-linger {whose}  # after" in shoal("install-service").out
    monkeypatch.delenv("USER")
    assert f"loginctl enable-linger {whose}  # after" in shoal("install-service").out
    monkeypatch.setattr(os, "getuid", lambda: 4_294_967_000)
    assert service_unit.user() == "4294967000"


def test_somebody_elses_unit_is_left_alone(shoal: Shoal) -> None:
    unit_path().parent.mkdir(parents=True)
    unit_path().write_text("[Unit]\n")
    for words in (("install-service",), ("install-service", "--remove")):
        ran = shoal(*words)
        assert (ran.code, "was not written by Shoal" in ran.err) == (2, True)
    assert unit_path().read_text() == "[Unit]\n"
    assert service_unit.NAME == "shoal.service"
