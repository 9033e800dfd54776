"""Which column of a table means what: known, said with `--map`, asked, or guessed and certain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from difflib import get_close_matches
from typing import Final

from worker.cells import FileRefused
from worker.order_files import FIELDS, read_mapping
from worker.sheets import Sheet
from worker.trying import dates
from worker.trying.dialects import NEEDED, Layout, guessed, known_layout, layout_from, normal

# Asks a question with a proposed answer; what was typed, or the proposal.
Ask = Callable[[str, str], str]
_NONE: Final = "-"
_MEANINGS: Final = {
    "order": "the order's number",
    "customer": "who bought: an id or an address",
    "time": "when",
    "product": "what was bought",
    "quantity": "how many pieces",
    "price": "the price of one piece",
    "line_total": "what the row is worth in all",
}
_IDS: Final = ("id", "customer", "customer_id", "customerid", "kundennummer", "user_id", "email")
_MOST_DATES: Final = 0.9


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says about a file; ``ask`` is None where nobody can be asked."""

    mapping: str = ""
    dates: str = ""
    ask: Ask | None = None


def layout_of(sheet: Sheet, sample: Sequence[Sequence[str]], wishes: Wishes) -> Layout | None:
    """The meaning of a table's columns; None for a table of customers.

    Raises
    ------
    FileRefused
        If a column lacks and nobody can be asked: with the ``--map`` to give.
    """
    given = read_mapping(wishes.mapping)
    _refuse_absent(sheet, given)
    known = known_layout(sheet.header)
    if given:
        pairs = {ours: one for ours, one in guessed(sheet.header).items() if ours not in given}
        free = {ours: one for ours, one in pairs.items() if one not in given.values()}
        if "price" in given:
            free.pop("line_total", None)
        return _complete(sheet, {**free, **given})
    if known is not None:
        return known
    guess = guessed(sheet.header)
    dated = {} if "time" in guess else _dated(sheet, sample, guess)
    if _is_about_people(sheet, sample, guess | dated):
        return None
    guess |= dated
    if wishes.ask is not None:
        guess = _asked(sheet, guess, wishes.ask)
    return _complete(sheet, guess)


def _refuse_absent(sheet: Sheet, given: Mapping[str, str]) -> None:
    for ours, theirs in given.items():
        if theirs not in sheet.header:
            near = get_close_matches(theirs, sheet.header, 1)
            hint = f"; did you mean {ours}={near[0]}?" if near else ""
            there = ", ".join(sheet.header)
            message = f"{sheet.path}: no column {theirs!r} for {ours}; there are {there}{hint}"
            raise FileRefused(message)


def _complete(sheet: Sheet, pairs: Mapping[str, str]) -> Layout:
    lacking = [ours for ours in NEEDED if ours not in pairs]
    if not lacking:
        return layout_from(pairs)
    says = ",".join(f"{ours}={pairs.get(ours, 'COLUMN')}" for ours in FIELDS if _shown(ours, pairs))
    what = " and ".join(f"{ours} ({_MEANINGS[ours]})" for ours in lacking)
    message = (
        f"{sheet.path}: which column is {what}? There are {', '.join(sheet.header)}. "
        f"Say it with: --map {says}"
    )
    raise FileRefused(message)


def _shown(ours: str, pairs: Mapping[str, str]) -> bool:
    return ours in pairs or ours in NEEDED


def _is_about_people(
    sheet: Sheet, sample: Sequence[Sequence[str]], guess: Mapping[str, str]
) -> bool:
    """A row a customer: nothing of orders or products, and no id comes twice."""
    if {"order", "product", "quantity", "price"} & guess.keys():
        return False
    named = {normal(name): at for at, name in reversed(list(enumerate(sheet.header)))}
    at = next((named[one] for one in _IDS if one in named), None)
    if at is None:
        return "time" not in guess
    ids = [row[at] for row in sample]
    return len(set(ids)) == len(ids)


def _dated(
    sheet: Sheet, sample: Sequence[Sequence[str]], guess: Mapping[str, str]
) -> dict[str, str]:
    """The only column that holds dates, whatever its name."""
    found = []
    for at, name in enumerate(sheet.header):
        texts = [row[at] for row in sample if row[at].strip()]
        is_free = name not in guess.values() and not all(text.isdigit() for text in texts)
        known = [dates.time_of(text, dates.reading_of(texts).order, UTC) for text in texts]
        if is_free and texts and sum(map(bool, known)) >= _MOST_DATES * len(texts):
            found.append(name)
    return {"time": found[0]} if len(found) == 1 else {}


def _asked(sheet: Sheet, guess: Mapping[str, str], ask: Ask) -> dict[str, str]:
    answers: dict[str, str] = {}
    for ours, meaning in _MEANINGS.items():
        if ours == "line_total" and "price" in answers:
            continue
        free = [name for name in sheet.header if name not in answers.values()]
        proposal = guess.get(ours, _NONE)
        question = f"Which column is {meaning}? ({', '.join(free)}; {_NONE} for none)"
        while True:
            said = ask(question, proposal if proposal in free else _NONE).strip()
            if said in free:
                answers[ours] = said
            if said in {*free, _NONE}:
                break
            near = get_close_matches(said, free, 1)
            question = f"No column is named {said!r}" + (f"; {near[0]}?" if near else "")
    taken = set(answers.values())
    rest = {ours: one for ours, one in guess.items() if ours not in _MEANINGS and one not in taken}
    return {**rest, **answers}


def date_order(reading: dates.Reading, example: str, wishes: Wishes) -> dates.Order:
    """Day or month first, as the column says, else as somebody does.

    Raises
    ------
    FileRefused
        If neither does, or an unknown word was given.
    """
    said = wishes.dates
    if said and said not in dates.CHOICES:
        message = f"--dates {said!r}: expected {' or '.join(dates.CHOICES)}"
        raise FileRefused(message)
    if not said and reading.order == "ambiguous" and wishes.ask is not None:
        question = f"Is {example!r} day-first or month-first?"
        said = wishes.ask(question, "day-first")
    if said in dates.CHOICES:
        return "day-first" if said == "day-first" else "month-first"
    if reading.order == "ambiguous":
        message = (
            f"dates such as {example!r} can be read in two ways, and {reading.why}: "
            "say which with --dates day-first or --dates month-first"
        )
        raise FileRefused(message)
    return reading.order
