"""What a selection says to do."""

from __future__ import annotations

from segmentation.constructed import Constructed, Declared
from segmentation.selection import Carrying, Selection, Step
from worker.selecting import paste, sentences

USED = (
    Carrying("orders", True, 1.0, 0.8, 0.3, 0.4, 0.6),
    Carrying("recency_days", True, 1.0, 0.7, 0.2, 0.3, 0.8),
    Carrying("monetary_value", True, 1.0, 0.7, 0.1, 0.3, 0.97, "orders"),
)
GOES = (Step("monetary_value", 0.97, 0.81, is_dropped=True),)


def found(keep: tuple[str, ...], steps: tuple[Step, ...], agreement: float = 0.95) -> Selection:
    return Selection(900, USED, keep, steps, agreement, 0.8)


def test_what_may_go_is_ready_to_paste() -> None:
    smaller = found(("orders", "recency_days"), GOES)
    assert paste(smaller) == "learn_from: [orders, recency_days]"
    first, second, third = sentences(smaller, Declared())
    assert "2 of 3 features carry the groups: without monetary_value" in first
    assert "(stability 0.81, with all 0.80)" in first
    assert second.endswith(paste(smaller))
    assert "monetary_value and orders say the same" in third


def test_where_all_carry_nothing_is_to_be_done() -> None:
    tried = (Step("monetary_value", 0.97, 0.5, is_dropped=False),)
    first, *_ = sentences(found(("orders", "recency_days", "monetary_value"), tried), Declared())
    assert "All 3 features carry the groups: monetary_value is missed least" in first
    assert first.endswith("Change nothing.")


def test_what_stands_in_the_way_is_said() -> None:
    smaller = found(("orders", "recency_days"), GOES, agreement=0.6)
    declared = Declared(learn_from=("orders", "recency_days", "views"))
    told = list(sentences(smaller, declared, "ward-8"))
    assert "Groups were promoted (ward-8): after it compare and promote again." in told
    assert any("comes to others (0.60)" in one for one in told)
    # Promoted groups keep what they were found in: no refit brings another feature.
    assert told[-1] == "The file asks for views too: that comes once you compare and promote again."
    assert list(sentences(smaller, declared))[-1].endswith("that comes with the next refit.")


def test_a_proposed_feature_that_the_file_dropped_is_named() -> None:
    smaller = found(("orders", "per_order"), GOES)
    lost = "The file no longer declares per_order: nothing can be learned from it."
    assert lost in sentences(smaller, Declared())
    kept = Declared((Constructed("per_order", "ratio", ("monetary_value", "orders")),))
    assert lost not in sentences(smaller, kept)
