"""Writes the pages that describe the settings: ``python -m worker.settings_pages``."""

from __future__ import annotations

from pathlib import Path

from worker.settings import TABLE


def markdown() -> str:
    """The text of docs/settings.md."""
    rows = "\n".join(
        f"| `{one.name}` | {f'`{one.default}`' if one.default else '(empty)'} | {one.meaning} |"
        for one in TABLE
    )
    return (
        "# Settings\n\n"
        "Shoal reads its settings from environment variables, once, at the start of each process.\n"
        "An unknown `SHOAL_*` variable or a value that cannot be used ends the command with exit\n"
        "code 2 and a sentence that names it. A length of time is a whole number with its unit:\n"
        "`30s`, `15m`, `12h`, `7d`, `2w`. This page is written by\n"
        "`python -m worker.settings_pages`.\n\n"
        "| variable | default | meaning |\n|---|---|---|\n" + rows + "\n"
    )


def example() -> str:
    """The text of .env.example."""
    rows = "\n".join(f"# {one.meaning}\n#{one.name}={one.default}\n" for one in TABLE)
    return "# Every setting with its default. Nothing has to be set.\n\n" + rows


def write_pages(root: Path) -> None:
    """Write both pages into a checkout."""
    (root / "docs" / "settings.md").write_text(markdown(), encoding="utf-8")
    (root / ".env.example").write_text(example(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(__file__).resolve().parent.parent)
