"""Tables as text, whatever program saved them."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from worker.cells import FileRefused
from worker.sheets import open_sheet, rows

WORDS = "id,name\n1,Zoë\n2,Ægir\n"


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_any_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = WORDS.encode(encoding)
    sheet = open_sheet(written(tmp_path / "a.csv", text))
    assert sheet.header == ("id", "name")
    assert [row.cells[1] for row in rows(sheet)] == ["Zoë", "Ægir"]


def test_a_letter_far_down_decides_the_encoding_too(tmp_path: Path) -> None:
    text = ("id,name\n" + "1,plain\n" * 200_000 + "2,Müller\n").encode("cp1252")
    sheet = open_sheet(written(tmp_path / "a.csv", text))
    assert sheet.said == "Windows-1252, commas"
    assert list(rows(sheet))[-1].cells == ["2", "Müller"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    lines = [["id", "amount", "note"], ["1", '"3,50"', "a|b;c"], ["2", '"4,20"', "-"]]
    text = "\n".join(separator.join(f'"{x}"' if ";" in x else x for x in line) for line in lines)
    sheet = open_sheet(written(tmp_path / "a.csv", text.encode()))
    assert sheet.header == ("id", "amount", "note")
    assert [row.cells[1] for row in rows(sheet)] == ["3,50", "4,20"]


def test_decimal_commas_are_no_separators(tmp_path: Path) -> None:
    sheet = open_sheet(written(tmp_path / "a.csv", b"id;price\n1;3,50\n2;4,20\n"))
    assert sheet.header == ("id", "price")


def test_excels_first_line_names_the_separator(tmp_path: Path) -> None:
    sheet = open_sheet(written(tmp_path / "a.csv", b"sep=;\r\na;b\r\n1;2\r\n"))
    assert [tuple(row.cells) for row in rows(sheet)] == [("1", "2")]
    assert [row.line for row in rows(sheet)] == [3]


def test_line_breaks_within_quotes_belong_to_the_cell(tmp_path: Path) -> None:
    sheet = open_sheet(written(tmp_path / "a.csv", b'a,b\n1,"two\nlines, ""quoted"""\n2,x\n'))
    found = list(rows(sheet))
    assert [tuple(row.cells) for row in found] == [("1", 'two\nlines, "quoted"'), ("2", "x")]
    assert [row.line for row in found] == [3, 4]


def test_a_quote_that_nobody_closes_is_refused_with_its_line(tmp_path: Path) -> None:
    text = b'a,b\n1,x\n2,"oh\n' + b"3,y\n" * 400_000
    sheet = open_sheet(written(tmp_path / "a.csv", text))
    with pytest.raises(FileRefused, match=r"line 3: a quote is opened there and never closed"):
        list(rows(sheet))


def test_short_rows_are_filled_and_wide_ones_marked(tmp_path: Path) -> None:
    sheet = open_sheet(written(tmp_path / "a.csv", b"a,b,c\n1\n\n2,3,4,5\n6,7,8,\n"))
    assert [tuple(row.cells) for row in rows(sheet)] == [("1", "", ""), (), ("6", "7", "8")]


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv.gz", gzip.compress(WORDS.encode()))
    assert len(list(rows(open_sheet(path)))) == 2


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.xlsx", b"PK", "save the sheet as CSV"),
        ("a.pdf", b"%", "expected a file that ends in"),
        ("a.csv", b" \n", "found an empty file"),
        ("a.csv", b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
        ("a.csv.gz", b"no gzip", "expected a whole gzip file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        open_sheet(written(tmp_path / name, data))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="there is no such file"):
        open_sheet(tmp_path / "none.csv")


def test_a_million_rows_are_read_without_holding_them(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w") as file:
        file.write("order,customer,date,amount\n")
        file.writelines(f"{at},{at % 9000},2026-01-{at % 28 + 1:02},9.90\n" for at in range(10**6))
    seen: list[int] = []
    sheet = open_sheet(tmp_path / "a.csv")
    tracemalloc.start()
    try:
        count = sum(1 for _ in rows(sheet, seen.append))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 10**6
    assert peak < 10_000_000
    assert seen == sorted(seen)
    assert seen[-1] == (tmp_path / "a.csv").stat().st_size
