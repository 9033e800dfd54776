"""Every block of the worked examples runs and prints what stands under it in the page.

A ```` ```python ```` block is followed by a ```` ```text ```` block with its output; the blocks of
one page share their names. ``python -P tests/test_examples.py`` writes the outputs and the
pictures anew.
"""

from __future__ import annotations

import importlib
import re
import runpy
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "examples"
PAGES: Final = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PICTURES: Final = ROOT / "tests" / "example_pictures.py"
RIGHT: Final = "the formula gives"
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """Code of a page, the line it begins at, the output shown, and where that stands."""

    code: str
    line: int
    shown: str
    place: slice


def blocks(text: str, name: str) -> Iterator[Block]:
    """The code of a page in order. An output without code above it is refused."""
    fences = list(FENCE.finditer(text))
    taken: set[int] = set()
    for at, fence in enumerate(fences):
        kind, body = fence.groups()
        line = text.count("\n", 0, fence.start()) + 2
        if kind == "python":
            below = fences[at + 1] if at + 1 < len(fences) else None
            if below and below[1] == "text" and not text[fence.end() : below.start()].strip():
                taken.add(at + 1)
                yield Block(body, line, below[2], slice(below.start(), below.end()))
            else:
                yield Block(body, line, "", slice(fence.end(), fence.end()))
        elif kind == "text" and at not in taken:
            pytest.fail(f"{name}:{line}: an output without code right above it")


def printed(text: str, name: str) -> Iterator[tuple[Block, str]]:
    """What each block of a page really prints, run one after the other."""
    names: dict[str, object] = {"__name__": name}
    for block in blocks(text, name):
        # Blank lines in front make a traceback name the line of the page.
        code = compile("\n" * (block.line - 1) + block.code, name, "exec")
        with redirect_stdout(StringIO()) as out:
            exec(code, names)  # noqa: S102 - the code is our own page's
        yield block, "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def differences(text: str, name: str) -> list[str]:
    """The first line of each output that is not what the code prints."""
    found = []
    for block, output in printed(text, name):
        pairs = zip_longest(output.splitlines(), block.shown.splitlines())
        for number, (real, shown) in enumerate(pairs, 1):
            if real != shown:
                told = f"line {number} of the output is {real!r}, the page shows {shown!r}"
                found.append(f"{name}:{block.line}: {told}")
                break
    return found


def written_anew(text: str, name: str) -> str:
    """The page with the outputs that its code prints."""
    for block, output in reversed(list(printed(text, name))):
        shown = f"```text\n{output}```" if output else ""
        is_new = block.place.start == block.place.stop
        gap = "\n\n" if is_new and shown else ""
        text = text[: block.place.start] + gap + shown + text[block.place.stop :]
    return text


def outputs(text: str) -> str:
    return "\n".join(block.shown for block in blocks(text, ""))


def decimals(text: str) -> set[str]:
    """Numbers with a point, without their signs, which prose writes in several ways."""
    return set(re.findall(r"\d+\.\d+", text))


def right_figures(text: str) -> set[str]:
    """The decimals in those columns of the page's tables that say what the formula gives."""
    found: set[str] = set()
    column = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if not line.startswith("|"):
            column = None
        elif RIGHT in line:
            column = next(at for at, cell in enumerate(cells) if cell.startswith(RIGHT))
        elif column is not None:
            found |= decimals(cells[column])
    return found


def within(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_code_of_a_page_prints_what_the_page_shows(path: Path) -> None:
    text = path.read_text()
    assert list(blocks(text, within(path)))
    assert differences(text, within(path)) == [], "run `python -P tests/test_examples.py`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_figure_called_right_was_computed_on_its_page(path: Path) -> None:
    text = path.read_text()
    assert right_figures(text)
    assert right_figures(text) - decimals(outputs(text)) == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_page_names_of_ours_exists(path: Path) -> None:
    named = re.findall(r"`((?:segmentation|worker|campaigns)\.[\w.]+)`", path.read_text())
    assert named
    assert [name for name in named if not is_ours(name)] == []


def is_ours(name: str) -> bool:
    """Whether ``package.module.thing`` or ``package.module.thing.part`` can be had."""
    package, module, thing, *more = name.split(".")
    value = getattr(importlib.import_module(f"{package}.{module}"), thing, None)
    return value is not None and all(hasattr(value, part) for part in more)


def test_the_index_lists_every_page() -> None:
    index = (FOLDER / "README.md").read_text()
    assert [path.name for path in PAGES if f"]({path.name})" not in index] == []


def test_the_pictures_are_what_their_script_draws() -> None:
    drawn: dict[str, str] = runpy.run_path(str(PICTURES))["pictures"]()
    kept = {path.name: path.read_text() for path in FOLDER.glob("*.svg")}
    assert kept == drawn, "run `python -P tests/test_examples.py`"
    texts = "".join(path.read_text() for path in PAGES)
    assert [name for name in drawn if f"]({name})" not in texts] == []


PAGE: Final = "# Sums\n\n```python\na = 1\nprint(a + 1)\n```\n\n```text\n2\n```\n\nThen.\n"
MORE: Final = "\n```python\nprint(a + 2)\nprint(a)\n```\n"


def test_an_output_that_differs_is_named_with_its_place() -> None:
    assert differences(PAGE, "p.md") == []
    wrong = PAGE.replace("\n2\n", "\n3\n")
    told = "line 1 of the output is '2', the page shows '3'"
    assert differences(wrong, "p.md") == [f"p.md:4: {told}"]


def test_an_output_that_is_not_shown_is_a_difference_too() -> None:
    told = "line 1 of the output is '3', the page shows None"
    assert differences(PAGE + MORE, "p.md") == [f"p.md:15: {told}"]


def test_a_page_written_anew_shows_what_its_code_prints_and_keeps_the_rest() -> None:
    wrong = PAGE.replace("\n2\n", "\n3\n4\n") + MORE
    assert written_anew(wrong, "p.md") == PAGE + MORE[:-1] + "\n\n```text\n3\n1\n```\n"


def test_a_block_that_fails_names_its_line_of_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        differences(PAGE.replace("print(a + 1)", "print(a / 0)"), "p.md")
    assert failed.traceback[-1].lineno == 4  # counted from 0


def test_an_output_without_code_is_refused() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"p\.md:4: an output without code"):
        list(blocks("Text.\n\n```text\n2\n```\n", "p.md"))


def test_only_the_column_of_the_formula_counts_as_right() -> None:
    row = "| 1 | 0.15 | \N{MINUS SIGN}0.252, ⅔ |"
    table = f"| step | article | the formula gives |\n|---|---|---|\n{row}\n"
    assert right_figures(f"{table}\n| other |\n|---|\n| 7.5 |\n") == {"0.252"}


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written_anew(path.read_text(), within(path)))
    for name, picture in runpy.run_path(str(PICTURES))["pictures"]().items():
        (FOLDER / name).write_text(picture)
