"""Segment's messages, one a line, read as the server's door reads them."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from connectors.events import Event
from connectors.facts import normalised_email
from connectors.generic.messages import Sender
from connectors.generic.track import read_batch
from connectors.records import Cart, Customer, Order
from worker.cells import FileRefused
from worker.trying.books import Book
from worker.trying.left_out import Tally
from worker.trying.order_tables import DEFAULT_CURRENCY, Setting
from worker.trying.trial import STORE

SUFFIXES: Final = (".jsonl", ".ndjson")
_AT_A_TIME: Final = 500
_LOOKED_AT: Final = 5_000  # lines that tell the currency
_LARGEST: Final = 1_000_000  # bytes of one line
_Line = tuple[int, bytes]


def is_messages(path: Path) -> bool:
    """Whether a file's name says that it holds a JSON object a line."""
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def read_messages(
    path: Path, setting: Setting, on_bytes: Callable[[int], None] = lambda _: None
) -> Book:
    """The history that Segment's messages tell.

    Raises
    ------
    FileRefused
        If there is no such file, or no order in it.
    """
    if not path.is_file():
        message = f"{path}: there is no such file"
        raise FileRefused(message)
    said = setting.currency or _currency(path)
    sender = Sender(STORE, said or DEFAULT_CURRENCY, is_server=True, time_zone=setting.time_zone)
    tally, events, count = Tally(), list[Event](), 0
    names: dict[str, str] = {}
    lines = _lines(path, on_bytes)
    while part := list(islice(lines, _AT_A_TIME)):
        count += len(part)
        events += _translated(_named(part, names, tally), sender, setting.now, tally)
    kept = [one for one in events if one.at <= setting.now]
    tally.add("a time in the future", [0] * (len(events) - len(kept)))
    kept.sort(key=lambda one: (one.at, one.id))
    return _book(path, (kept, count, tally), sender, is_currency_known=bool(said))


def _book(
    path: Path,
    read: tuple[list[Event], int, Tally],
    sender: Sender,
    *,
    is_currency_known: bool,
) -> Book:
    kept, count, tally = read
    orders = [one for one in kept if isinstance(one.body, Order)]
    if not orders:
        message = f"{path}: expected Segment's messages with orders (Order Completed), found none"
        raise FileRefused(message)

    def told(_store: str, _received_at: datetime) -> Iterator[Event]:
        return iter(kept)

    return Book(
        kind="Segment's messages",
        platform="",
        rows=count,
        customers=len({key for one in orders for key in one.identities[:1]}),
        orders=len({one.body.order_id for one in orders if isinstance(one.body, Order)}),
        first=kept[0].at,
        last=kept[-1].at,
        currency=sender.currency,
        is_currency_known=is_currency_known,
        has_carts=any(isinstance(one.body, Cart) or one.type == "product_added" for one in kept),
        has_birthdays=any("birthday" in one.personal for one in kept),
        notes=_notes(kept),
        left_out=tally.told(),
        events=told,
        event_count=len(kept),
    )


def _notes(events: list[Event]) -> tuple[str, ...]:
    kinds = Counter(one.type for one in events)
    people = sum(isinstance(one.body, Customer) for one in events)
    said = ", ".join(f"{number:,} {name}" for name, number in kinds.most_common(5))
    return (f"{said}" + (f"; {people:,} of them say who somebody is" if people else ""),)


def _named(part: list[_Line], names: dict[str, str], tally: Tally) -> list[_Line]:
    """The messages of some lines, one each; ``names`` holds whom addresses were made to."""
    whole: list[_Line] = []
    for line, text in part:
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            tally.add("not JSON", [line])
            continue
        if not isinstance(found, dict):
            tally.add("no JSON object", [line])
            continue
        batch = found.get("batch")
        each = batch if isinstance(batch, list) else [found]
        whole += [(line, msgspec.json.encode(_with_id(one, names))) for one in each]
    return whole


def _with_id(message: Any, names: dict[str, str]) -> Any:
    """An address as ``userId`` becomes a number: by an e-mail alone no campaign reaches anybody."""
    said = message.get("userId") if isinstance(message, dict) else None
    address = normalised_email(said) if isinstance(said, str) else ""
    if not address:
        return message
    context = message["context"] if isinstance(message.get("context"), dict) else {}
    traits = context["traits"] if isinstance(context.get("traits"), dict) else {}
    known = {**context, "traits": {"email": address, **traits}}
    name = names.setdefault(address, f"customer {len(names) + 1}")
    return {**message, "userId": name, "context": known}


def _translated(whole: list[_Line], sender: Sender, now: datetime, tally: Tally) -> list[Event]:
    body = b'{"batch":[' + b",".join(text for _, text in whole) + b"]}"
    read = read_batch(body, sender, now)
    for one in read.rejections:
        at = int(one.place.partition("[")[2].partition("]")[0])
        place = one.place.partition("]")[2].lstrip(".")
        tally.add(f"{place}: {one.reason}" if place else one.reason, [whole[at][0]])
    return list(read.events)


def _lines(path: Path, on_bytes: Callable[[int], None]) -> Iterator[_Line]:
    with path.open("rb") as raw:
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        number = 0
        while text := plain.readline(_LARGEST):
            number += 1
            on_bytes(raw.tell())
            if text.strip():
                yield number, text.removeprefix(b"\xef\xbb\xbf").strip()


def _currency(path: Path) -> str:
    """What most of the first orders are in; empty if none says."""
    found: Counter[str] = Counter()
    for _, text in islice(_lines(path, lambda _: None), _LOOKED_AT):
        try:
            message: Any = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        properties = message.get("properties") if isinstance(message, dict) else None
        if isinstance(properties, dict) and isinstance(properties.get("currency"), str):
            found[properties["currency"].upper()] += 1
    return found.most_common(1)[0][0] if found else ""
