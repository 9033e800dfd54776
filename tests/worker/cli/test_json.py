"""`--json`: the last line of standard output is one object, of these names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.worker.cli.conftest import Shoal, added
from worker import dead_letters, models
from worker.database import open_engine, transaction

LOG: Final = """order,customer,time,product,quantity,price
o1,ann,2011-01-01,p1,1,10
o2,ann,2011-01-20,p2,2,5
o3,bea,2011-01-03,p1,1,10
Co3,bea,2011-01-04,p1,-1,10
,cid,2011-01-05,p1,1,10
"""
CAMPAIGN: Final = """
id: win-back
when: {segment: at_risk, enters: true}
steps: [{coupon: {percent_off: 10, maximum_discount: 5, valid_for: 14d}}]
"""
OWN: Final = "features: {per_order: {ratio: [monetary_value, orders]}}\n"
POLICY: Final = "segment: at_risk\nmay_receive: [coupon]\n"
# Command and the names that its object has.
SHAPES: Final = (
    ("store list", {"stores"}),
    ("store keys old", {"store", "browser_key", "origins"}),
    ("store keys old --renew server", {"store", "browser_key", "origins", "server_key"}),
    (
        "store secrets old --secret webhook_secret=w --offline",
        {"store", "is_asked", "changed", "forgotten", "former", "went_on"},
    ),
    ("campaigns check new.yaml segments", {"campaigns", "policies", "warnings"}),
    ("campaigns plan new.yaml", {"store", "campaigns"}),
    ("campaigns apply new.yaml segments", {"store", "campaigns", "policies", "warnings"}),
    ("campaigns list", {"store", "campaigns"}),
    ("campaigns start win-back", {"id", "state", "in_shadow"}),
    ("campaigns pause --all", {"paused"}),
    ("campaigns results win-back", {"id", "reached", "control", "waiting", "conversion", "said"}),
    ("campaigns preview win-back", {"id", "customers"}),
    ("campaigns explain ann", {"customer", "campaigns"}),
    ("segments list", {"model", "kind", "segments"}),
    ("segments members at_risk", {"store", "segment", "members"}),
    ("segments history at_risk", {"store", "segment", "days"}),
    (
        "segments show at_risk",
        {"id", "name", "customers", "shop", "share", "profile", "tree", "typical", "changes"},
    ),
    (
        "segments report --out report.html",
        {"file", "language", "store", "customers", "stages", "groups", "flows", "own", "health"},
    ),
    ("customers show ann", {"customer", "customer_id", "segment", "group", "features"}),
    ("customers explain ann", {"group", "sentence", "details", "explanation", "changes"}),
    ("features export --out out.csv", {"file", "customers", "features"}),
    ("features plan own.yaml", {"store", "features", "sentences"}),
    ("features apply own.yaml", {"store", "version", "features", "sentences"}),
    ("features show", {"store", "declared", "versions", "in_model"}),
    ("quality show", {"store", "least_percent", "days", "held", "customers", "fields"}),
    ("quality held", {"store", "held"}),
    ("quality release", {"store", "released", "failed", "problems"}),
    ("quality drop --reason bot_burst --yes", {"store", "dropped"}),
    (
        "features export --anonymous --out anonymous.csv",
        {"file", "customers", "features", "widened", "left_out", "group"},
    ),
    ("dead-letters list", {"dead_letters"}),
    ("dead-letters replay", {"store", "replayed", "failed", "problems"}),
    ("doctor", {"ok", "findings"}),
    ("db upgrade", {"changed"}),
)


@pytest.fixture
def old(shoal: Shoal, at_valkey: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shoal:
    """A store into which a log was played, with a campaign."""
    assert at_valkey
    monkeypatch.setenv("SHOAL_LEARN_EVERY", "36500d")
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "new.yaml").write_text(CAMPAIGN)
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "at_risk.yaml").write_text(POLICY)
    keys = {"store", "partition", "browser_key", "server_key"}
    assert keys <= set(added(shoal, "old", "--clock", "log"))
    ran = shoal("replay", "log.csv", "--store", "old", "--json")
    assert ran.code == 3  # one row has no order
    assert (ran.json["events"], ran.json["rejected"]) == (4, 1)
    return shoal


def test_every_command_ends_with_one_object(old: Shoal) -> None:
    wrong: dict[str, Any] = {}
    for command, names in SHAPES:
        ran = old(*command.split(), "--json")
        shape = set(ran.json) if ran.code == 0 and isinstance(ran.json, dict) else None
        if shape is None or not names <= shape:
            wrong[command] = ran
    assert wrong == {}
    export = old("customers", "export", "ann")
    assert export.code == 0
    assert "profile" in export.json
    erased = old("customers", "erase", "ann", "--yes", "--json")
    assert (erased.code, set(erased.json)) == (0, {"erased"})
    assert old("customers", "show", "ann").code == 2


def test_reasons_are_told_in_the_language_asked_for(
    old: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = old("customers", "explain", "ann", "--language", "en").out
    assert "2 orders" in english
    assert "it would be" in english
    monkeypatch.setenv("SHOAL_LANGUAGE", "zh")
    chinese = old("customers", "explain", "ann").out
    assert "下过 2 单" in chinese
    assert "客户群变动" in chinese
    assert "流失风险客户" in old("segments", "list").out
    assert "At risk" in old("segments", "list", "--language", "en").out
    segment = old("customers", "explain", "ann", "--json").json["segment"]
    told = old("segments", "show", segment).out
    assert "1 位客户，占 2 位下过单客户的 50%" in told  # noqa: RUF001 - Chinese
    assert "典型客户" in told
    assert "As rules:" in old("segments", "show", segment, "--language", "en").out
    wrong = old("segments", "show", segment, "--language", "fr")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--language 'fr': expected one of en, zh" in wrong.err


def test_what_was_applied_is_said_policies_too(old: Shoal) -> None:
    told = old("campaigns", "apply", "new.yaml", "segments", "--json").json
    assert told["campaigns"] == {"win-back": "new"}
    assert told["policies"] == ["at_risk"]
    assert "policy of at_risk: applied" in old("campaigns", "apply", "segments").out


def test_an_error_prints_no_json_and_leaves_standard_output_empty(old: Shoal) -> None:
    ran = old("segments", "show", "nowhere", "--json")
    assert (ran.code, ran.out) == (2, "")


def test_a_letter_that_cannot_be_played_ends_with_three(old: Shoal, home: Path) -> None:
    engine = open_engine(f"sqlite:///{home / 'shoal.db'}")
    with transaction(engine) as connection:
        dead_letters.write_bodies(connection, [("old", "event", "broken", 1, b"junk")])
    engine.dispose()
    ran = old("dead-letters", "replay", "--json")
    assert ran.code == 3
    assert (ran.json["replayed"], ran.json["failed"]) == (0, 1)
    assert ran.json["problems"][0]["problem"]
    (listed,) = old("dead-letters", "list", "--json").json["dead_letters"]
    assert listed["store"] == "old"
    assert models.PREFIX == "shoal_"
