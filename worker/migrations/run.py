"""Runs Alembic inside a transaction of ours, without a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE: Final = Path(__file__).parent


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, with the connection that it shall use."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def run_migrations(connection: Connection, revision: str = "head") -> None:
    """Apply what is missing up to a revision."""
    command.upgrade(configuration(connection), revision)


def newest_revision() -> str | None:
    """The revision at the head of the scripts."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def known_revisions() -> list[str]:
    """Every revision of the scripts, the oldest first."""
    scripts = ScriptDirectory.from_config(configuration())
    return [script.revision for script in scripts.walk_revisions()][::-1]
