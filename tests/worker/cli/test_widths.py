"""What a terminal shows: whole words, lines that fit, and tables whose columns are straight."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from worker.cli import output
from worker.cli.widths import longest, shared, wrapped

ENGLISH = (
    "All 8 features carry the groups: average_order_value is missed least (adjusted Rand index; "
    "below 0.9 nothing goes). Change nothing."
)
CHINESE = (
    "平均下单间隔超过 7 天，且累计消费不超过 £1,500（含“参与学习”的客户）：符合条件的 269 位客户中"  # noqa: RUF001 - Chinese
    "有 261 位属于本群。"
)


@pytest.mark.parametrize("width", range(24, 60, 5))
def test_english_is_broken_between_words(width: int) -> None:
    lines = wrapped(ENGLISH, width)
    assert max(map(cell_len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == ENGLISH
    assert [line[:2] for line in lines[1:]] == ["  "] * (len(lines) - 1)


@pytest.mark.parametrize("width", range(24, 60))
def test_chinese_is_broken_where_chinese_may_be(width: int) -> None:
    lines = wrapped(f"  {CHINESE}", width)
    assert max(map(cell_len, lines)) <= width
    told = "".join(line.strip() for line in lines)
    assert told.replace(" ", "") == CHINESE.replace(" ", "")
    assert not any(line.strip()[0] in "，。：）”" for line in lines)  # noqa: RUF001 - Chinese
    assert not any(line.strip()[-1] in "（“" for line in lines)  # noqa: RUF001 - Chinese
    assert all(any(whole in line for line in lines) for whole in ("£1,500", "269", "261"))
    assert [line[:4] for line in lines[1:]] == ["    "] * (len(lines) - 1)


def test_what_fits_stays_as_it_is_and_what_cannot_be_broken_stays_whole() -> None:
    assert wrapped("  one two", 9) == ["  one two"]
    assert wrapped("", 9) == [""]
    assert wrapped("learn_from: [average_order_value]", 12) == [
        "learn_from:",
        "  [average_order_value]",
    ]
    assert longest("at_risk.big_baskets of 客户群") == 19
    assert (longest("客户（群）的说明"), longest("客户"), longest("")) == (8, 4, 0)  # noqa: RUF001 - Chinese


def test_columns_share_what_is_left_and_give_way_from_the_right() -> None:
    assert shared([5, 3, 4], [5, 9, 6], 20) == [5, 9, 6]
    assert shared([5, 3, 4], [5, 9, 6], 16) == [5, 5, 6]
    assert shared([5, 8, 4], [5, 9, 6], 14) == [5, 5, 4]
    assert shared([5], [9], 3) == [5]


HEADINGS = ("feature", "variance between groups", "same groups without", "says the same as")
ROWS = [
    ("average_order_value", "65%", "0.68", "[recency_days]"),
    ("orders", "7%", "", "购买间隔长"),
]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_keeps_every_word_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    output.print_table("A table", HEADINGS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= width
    words = {word for line in lines for word in line.replace("┃", " ").split()}
    assert {word for text in (*HEADINGS, *ROWS[0]) for word in text.split()} <= words
    framed = [cell_len(line) for line in lines if line and line[0] in "┃│┏└"]
    assert len(set(framed)) == (1 if width > 60 else 0)


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table("Held", ("id", "reason"), [], "无")
    assert capsys.readouterr().out == "Held: 无\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_gets_broken_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    output.tell(ENGLISH)
    lines = capsys.readouterr().out.splitlines()
    assert lines == (wrapped(ENGLISH, 40) if is_terminal else [ENGLISH])
