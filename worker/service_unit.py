"""A systemd user unit that keeps `shoal up` running: no root, one unit a home."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import Final

from worker.errors import SettingError
from worker.settings import Settings, environment_of, make_home

NAME: Final = "shoal.service"
_ENVIRONMENT: Final = "service.env"
_MADE: Final = (
    "# Written by `shoal install-service`; `shoal install-service --remove` takes it away."
)


def unit_path() -> Path:
    """Where systemd looks for a user's units (XDG base directories)."""
    base = os.environ.get("XDG_CONFIG_HOME", "") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user" / NAME


def user() -> str:
    """Whose unit it is, as `loginctl` takes it: USER may be unset, or another's under sudo."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user may have no name
        return str(number)


def unit_text(settings: Settings) -> str:
    """The unit for a home: started again after a failure, given a minute to stop in order."""
    home = settings.home
    return f"""{_MADE}
[Unit]
Description=Shoal, marketing automation ({_escaped(str(home))})
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-{_escaped(str(home / _ENVIRONMENT))}
ExecStart={_command()} up
WorkingDirectory={_escaped(str(home))}
Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStopSec=60
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def environment_text(settings: Settings, given: frozenset[str]) -> str:
    """The settings that were given, as systemd reads them."""
    there = environment_of(settings)
    names = sorted((given & there.keys()) | {"SHOAL_HOME"})
    return "".join(f"{name}={_value(there[name])}\n" for name in names)


def install(settings: Settings) -> Path:
    """Write the unit and its settings; where the unit lies.

    Raises
    ------
    SettingError
        If somebody else's unit has the name.
    """
    path = unit_path()
    _check_ours(path)
    make_home(settings)
    _write(settings.home / _ENVIRONMENT, environment_text(settings, frozenset(os.environ)))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, unit_text(settings))
    return path


def remove(settings: Settings) -> bool:
    """Take the unit and its settings away; whether there was one.

    Raises
    ------
    SettingError
        If the unit is somebody else's.
    """
    path = unit_path()
    _check_ours(path)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    # What `systemctl --user enable` had made of it.
    (path.parent / "default.target.wants" / NAME).unlink(missing_ok=True)
    (settings.home / _ENVIRONMENT).unlink(missing_ok=True)
    return is_there


def _command() -> str:
    script = Path(sys.executable).with_name("shoal")
    if script.exists():
        return _quoted(str(script))
    return f'{_quoted(sys.executable)} -P -c "from worker.cli import main; main()"'


def _check_ours(path: Path) -> None:
    if path.exists() and not path.read_text().startswith(_MADE):
        msg = f"{path} was not written by Shoal: move it aside"
        raise SettingError(msg)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _escaped(text: str) -> str:
    """Specifiers begin with a per cent sign."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    return '"' + _escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'


def _value(text: str) -> str:
    return '"' + "".join(f"\\{sign}" if sign in '"\\$`' else sign for sign in text) + '"'
