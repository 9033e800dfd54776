"""What another tool's file says of a person: it fills gaps, and never overrules the store.

A consent of that kind keeps where it came from and its date beside it, as ``email.from`` and
``email.at``, until the store itself says something about the channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from connectors.events import moment
from connectors.records import Customer
from worker.describing import with_source
from worker.merges import united_json
from worker.roster import Person


def take_hearsay(person: Person, body: Customer) -> None:
    """Bring a person up to date with a file's word.

    Attributes are taken where there is none. A suppression is taken, never lifted. Of consents
    the later one stands; without a date a yes is taken only where nothing is known, a no always.
    """
    already: dict[str, object] = msgspec.json.decode(person.attributes or "{}")
    new = {name: said for name, said in body.attributes.items() if name not in already}
    told = with_source(new, body.heard_from, body.updated_at)
    person.attributes = united_json(_json(told), person.attributes)
    person.time_zone = person.time_zone or body.time_zone or ""
    person.is_suppressed = person.is_suppressed or bool(body.is_suppressed)
    known: dict[str, bool | str] = msgspec.json.decode(person.consents or "{}")
    for channel, said in body.consents.items():
        at = body.consented_at.get(channel)
        if _stands(known, channel, person.profile_version, said=said, at=at):
            continue
        known[channel] = said
        known[f"{channel}.from"] = body.heard_from
        known.pop(f"{channel}.at", None)
        if at is not None:
            known[f"{channel}.at"] = at.isoformat()
    person.consents = _json(known)


def with_own_word(consents: str, said: Mapping[str, bool]) -> str:
    """Consents after the store's own word on some channels."""
    if not said:
        return consents
    known: dict[str, bool | str] = msgspec.json.decode(consents or "{}")
    kept = {name: value for name, value in known.items() if name.partition(".")[0] not in said}
    return _json(kept | dict(said))


def _stands(
    known: Mapping[str, bool | str], channel: str, version: int, *, said: bool, at: datetime | None
) -> bool:
    """Whether what is known of a channel outweighs what a file says."""
    if channel not in known:
        return False
    if at is None:
        return said or not known[channel]
    dated = known.get(f"{channel}.at")
    if isinstance(dated, str):
        return at <= datetime.fromisoformat(dated)
    if f"{channel}.from" in known:
        return bool(said and not known[channel])
    return at <= moment(version)


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()
