"""What can be set, happen, be asked, go wrong or be typed is written down, as the code has it."""

from __future__ import annotations

import csv
import gzip
import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx
import pytest
import typer.main
import yaml

import campaigns.errors
import connectors.errors
import segmentation.errors
import worker.errors
from campaigns.facts import FACTS
from campaigns.reasons import REASONS
from connectors.connecting import (
    SupportsResumption,
    SupportsShopFacts,
    SupportsSubscriptions,
)
from connectors.events import BROWSER_TYPES, DERIVED_TYPES, EVENT_TYPES
from connectors.needs import Need
from connectors.protocol import (
    StoreConfig,
    SupportsCoupons,
    SupportsRecommendations,
    SupportsSegments,
)
from connectors.registry import connector_factory, platform_needs, platforms
from segmentation.features import BY_NAME, FEATURES, cut_at, read_as, unknown_as
from worker.cli import app
from worker.observability import METRICS
from worker.programs import programs
from worker.quality_checks import REASONS as REASONS_TO_HOLD
from worker.settings import TABLE, settings_from

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted((ROOT / "docs").rglob("*.md"))
TEXTS: Final = [*PAGES, *ROOT.glob("*.md"), ROOT / "examples" / "README.md"]
ERRORS: Final = (connectors.errors, segmentation.errors, campaigns.errors, worker.errors)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def event_rows() -> list[str]:
    return [
        f"| `{type_}` | {meaning} | {'yes' if type_ in BROWSER_TYPES else 'no'} |"
        for type_, meaning in EVENT_TYPES.items()
    ]


def derived_rows() -> list[str]:
    return [f"| `{type_}` | {meaning} |" for type_, meaning in DERIVED_TYPES.items()]


def feature_rows() -> list[str]:
    return [
        f"| `{one.name}` | {one.unit} | {cut_at(one)} | {unknown_as(one)} | {read_as(one)} "
        f"| {one.meaning} |"
        for one in FEATURES
    ]


def error_rows() -> list[str]:
    return [
        f"| `{name}` | `{module.__name__}` | {first_line(error)} |"
        for module in ERRORS
        for name, error in errors_of(module)
    ]


def errors_of(module: ModuleType) -> Iterator[tuple[str, type[Exception]]]:
    for name, value in vars(module).items():
        is_ours = isinstance(value, type) and value.__module__ == module.__name__
        if is_ours and issubclass(value, Exception):
            yield name, value


def first_line(error: type[Exception]) -> str:
    return " ".join((error.__doc__ or "").strip().split("\n\n")[0].split())


def metric_rows() -> list[str]:
    return [
        f"| `{name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.meaning} |"
        for name, metric in METRICS.items()
    ]


def quality_rows() -> list[str]:
    return [f"| `{reason}` | {meaning} |" for reason, meaning in REASONS_TO_HOLD.items()]


def reason_rows() -> list[str]:
    return [f"| `{reason}` | {sentence} |" for reason, sentence in REASONS.items()]


def fact_rows() -> list[str]:
    return [
        f"| `{fact.name}` | {fact.meaning} |" for fact in FACTS.values() if fact.name not in BY_NAME
    ]


def command_rows() -> list[str]:
    return sorted(rows_below(typer.main.get_command(app), "shoal"))


def rows_below(command: Any, line: str) -> Iterator[str]:
    """``command`` is a click command or group, of which Typer publishes no type."""
    inner = getattr(command, "commands", {})
    for name, other in inner.items():
        yield from rows_below(other, f"{line} {name}")
    if not inner:
        taken = [word for param in command.params for word in parameter_words(param)]
        meaning = " ".join((command.help or "").split("\n\n")[0].split())
        yield f"| `{line}` | {meaning} | {' '.join(taken)} |"


def parameter_words(param: Any) -> list[str]:
    if param.param_type_name == "argument":
        return [f"`{param.name.upper()}`"]
    longest = max(param.opts, key=len)
    return [] if longest in {"--help", "--json"} else [f"`{longest}`"]


ABILITIES: Final[Mapping[str, type]] = {
    "coupons": SupportsCoupons,
    "tags, groups": SupportsSegments,
    "recommendations": SupportsRecommendations,
    "says who it is": SupportsShopFacts,
    "webhooks by API": SupportsSubscriptions,
    "walks resume": SupportsResumption,
}


def platform_rows() -> list[str]:
    """What each platform of ours can do, as its connector says by what it has."""
    ours = [name for name, package in platforms().items() if package == "shoal"]
    with httpx.Client() as http:
        rows = [platform_row(name, http) for name in sorted(ours)]
    return [
        *rows,
        "| any shop, by the track API | every test of the door |" + " no |" * len(ABILITIES),
    ]


def platform_row(name: str, http: httpx.Client) -> str:
    factory = connector_factory(name)
    module = importlib.import_module(factory.__module__)
    # Whatever an option opens counts.
    store = StoreConfig("s", name, "https://s.example", "EUR", options={"recommendations": "x"})
    connector = factory(store, http)
    cells = ["yes" if isinstance(connector, ability) else "no" for ability in ABILITIES.values()]
    return f"| `{name}` | {module.PROVEN} | {' | '.join(cells)} |"


def need_rows(platform: str) -> list[str]:
    return [
        f"| {need.kind} `{need.name}` | {needed(need)} | {need.what} | {need.where} |"
        if need.kind != "url"
        else f"| `--url` | {needed(need)} | {need.what} | {need.where} |"
        for need in platform_needs(platform)
    ]


def needed(need: Need) -> str:
    if not need.is_needed:
        return "no"
    instead = f", or {' and '.join(f'`{name}`' for name in need.instead)}" if need.instead else ""
    return f"yes{instead}{', unless polled' if need.is_for_webhooks else ''}"


# The first tables of these pages; `make docs` writes them anew.
TABLES: Final[Mapping[str, list[list[str]]]] = {
    "events.md": [event_rows(), derived_rows()],
    "features.md": [feature_rows()],
    "errors.md": [error_rows()],
    "metrics.md": [metric_rows()],
    "commands.md": [command_rows()],
    "platforms.md": [platform_rows()],
    "quality.md": [quality_rows()],
    "platforms/shopify.md": [need_rows("shopify")],
    "platforms/vendure.md": [need_rows("vendure")],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_the_docs_is_the_table_in_the_code(name: str) -> None:
    lines = page(name).splitlines()
    found = [lines[place] for place in bodies(lines)]
    assert found[: len(TABLES[name])] == TABLES[name], "run `make docs`"


@pytest.mark.parametrize("row", fact_rows() + reason_rows())
def test_every_fact_and_reason_is_on_the_page_of_campaigns(row: str) -> None:
    assert row in page("campaigns.md").splitlines()


def test_every_setting_is_documented_and_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    names = [setting.name for setting in TABLE]
    assert [name for name in names if f"| `{name}` |" not in page("settings.md")] == []
    assert [name for name in names if f"#{name}=" not in example] == []


def test_every_file_the_docs_name_exists() -> None:
    folders = "worker|connectors|segmentation|campaigns|tests|benchmarks|examples|docs"
    pattern = re.compile(rf"`((?:{folders})/[\w./-]+\.(?:py|md|yaml|json|gz))`")
    named = {(text, path) for text in TEXTS for path in pattern.findall(text.read_text())}
    assert [(text.name, path) for text, path in named if not (ROOT / path).is_file()] == []


def test_every_link_inside_the_project_leads_somewhere() -> None:
    pattern = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    links = {(text, link) for text in TEXTS for link in pattern.findall(text.read_text())}
    assert [(t.name, link) for t, link in links if not (t.parent / link).exists()] == []


def test_the_readme_begins_with_the_two_commands() -> None:
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    assert [line.split("#")[0].strip() for line in block.group(1).splitlines()] == [
        "make demo",
        "make test",
    ]


def test_the_changelog_speaks_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_image_runs_what_the_supervisor_runs() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    run = {service.get("command") for service in services.values()}
    # Two containers drain, each with one process.
    there = settings_from({"SHOAL_DRAIN_PROCESSES": "1"})
    wanted = [" ".join(("python", *program.command[1:])) for program in programs(there)]
    assert [command for command in wanted if command not in run] == []


def test_the_sample_is_what_its_page_says() -> None:
    with gzip.open(ROOT / "examples" / "online_retail.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    with gzip.open(ROOT / "examples" / "online_retail_products.csv.gz", "rt") as file:
        products = len(file.readlines()) - 1
    told = (ROOT / "examples" / "README.md").read_text()
    customers = {row["customer_id"] for row in rows}
    invoices = {row["invoice"] for row in rows}
    for number in (len(rows), len(invoices), len(customers), products):
        assert f"{number:,}" in told
    assert [name for name in rows[0] if f"| `{name}` |" not in told] == []
    assert (rows[0]["invoice_date"][:7], rows[-1]["invoice_date"][:7]) == ("2009-12", "2011-12")


def bodies(lines: list[str]) -> list[slice]:
    """Where each table of a page has its rows."""
    starts = [number + 1 for number, line in enumerate(lines) if re.match(r"\|\s*---", line)]
    ends = [number for number, line in enumerate([*lines, ""]) if not line.startswith("|")]
    return [slice(start, next(end for end in ends if end >= start)) for start in starts]


def written_anew(text: str, tables: list[list[str]]) -> str:
    """The page with these rows in its first tables."""
    lines = text.splitlines()
    for place, rows in reversed(list(zip(bodies(lines), tables, strict=False))):
        lines[place] = rows
    return "\n".join(lines) + "\n"


def test_a_page_written_anew_keeps_what_stands_around_its_tables() -> None:
    table = "| a |\n|---|\n| old |\n| older |\n"
    text = f"# Title\n\n{table}\nBetween.\n\n{table}\nAfter.\n"
    changed = text.replace("| old |\n| older |\n", "| new |\n", 1)
    assert written_anew(text, [["| new |"]]) == changed


if __name__ == "__main__":
    for name, tables in TABLES.items():
        path = ROOT / "docs" / name
        path.write_text(written_anew(path.read_text(), tables))
