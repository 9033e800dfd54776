"""`shoal try` and `shoal customers import`, as they are typed."""

from __future__ import annotations

import os
import pty
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.worker.cli.conftest import Shoal, added


def test_try_needs_no_home_and_says_what_it_saw(shoal: Shoal, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [f"{at},c{at % 9},2026-01-{at % 28 + 1:02},10" for at in range(80)]
    path.write_text("\n".join(["order,customer,date,amount", *rows]))
    ran = shoal("try", path)
    assert (ran.code, ran.err) == (0, "")
    assert "What was read in orders.csv" in ran.out
    assert "What to do next" in ran.out
    told = shoal("try", path, "--json", "--currency", "EUR").json
    assert (told["orders"], told["customers"], told["currency"]) == (80, 9, "EUR")
    assert not home.exists()


def test_try_without_a_terminal_names_the_map_to_give(shoal: Shoal, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("no,who,when_,money\n1,a,2026-01-02,5\n2,a,2026-01-03,5\n")
    ran = shoal("try", path)
    assert ran.code == 2
    assert "--map customer=COLUMN,time=when_" in ran.err
    assert "Traceback" not in ran.err
    ran = shoal("try", path, "--map", "order=no,customer=who,time=when_,price=money")
    assert ran.code == 0
    assert shoal("try", tmp_path / "none.csv").err.endswith("there is no such file\n")


def test_customers_import_reports_and_ends_with_3_after_rejects(
    shoal: Shoal, at_valkey: str, tmp_path: Path
) -> None:
    assert at_valkey
    added(shoal, "shop")
    path = tmp_path / "people.csv"
    path.write_text(
        "Email,Email Marketing Consent,Shoes,Income\nann@x.example,SUBSCRIBED,4,5\nnobody,,,\n"
    )
    ran = shoal("customers", "import", path, "--store", "shop")
    assert ran.code == 3
    assert "Taken into shop: 1 of 2 rows of klaviyo" in ran.out
    assert "line 3: left out, its e-mail is no address" in ran.out
    assert "no attribute of the name: Shoes, Income\n" in ran.out
    assert "--map OURS=Shoes" in ran.out
    again = shoal("customers", "import", path, "--store", "shop", "--json")
    assert (again.json["taken"], again.json["already"]) == (0, 1)
    assert shoal("customers", "show", "ann@x.example").code == 0


def test_at_a_terminal_each_question_stands_still_until_it_is_answered(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "odd.csv"
    rows = [f"{at},c{at % 5},0{at % 9 + 1}/0{at * 3 % 9 + 1}/2026,4.50" for at in range(40)]
    path.write_text("\n".join(["ticket,wer,wann,geld", *rows]))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    answers = [b"ticket", b"wer", b"", b"-", b"-", b"geld", b"day-first"]
    program = str(Path(sys.executable).with_name("shoal"))
    child, terminal = pty.fork()
    if not child:
        os.execv(program, [program, "try", str(path)])  # noqa: S606 - our own program
    out, asked, until = b"", 0, monotonic() + 120
    try:
        while piece := os.read(terminal, 65_536):
            out += piece
            if monotonic() > until:
                os.kill(child, signal.SIGKILL)
            if asked < len(answers) and out.rstrip().endswith(b":"):
                os.write(terminal, answers[asked] + b"\n")
                out, asked = out + b" ", asked + 1
                out += b"answered"
    except OSError:  # how a terminal ends on Linux
        pass
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), asked) == (0, len(answers))
    said = out.decode()
    assert all(said.count(one) == 1 for one in ("the order's number?", "what was bought?"))
    assert "day-first or month-first?" in said
    assert "40 orders" in said
    assert not home.exists()


def test_what_is_printed_is_saved_as_a_picture(shoal: Shoal, tmp_path: Path) -> None:
    path, picture = tmp_path / "people.csv", tmp_path / "people.svg"
    path.write_text("\n".join(["id,age", *(f"{at},{20 + at % 40}" for at in range(30))]))
    for more in ((), ("--json",)):
        assert shoal("try", path, "--picture", picture, *more).code == 0
        drawn = picture.read_text()
        assert drawn.startswith("<svg")
        assert "What&#160;was&#160;read&#160;in&#160;people.csv" in drawn
        picture.unlink()
