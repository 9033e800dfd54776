"""What a new store has to be told, held against what its platform's connector declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors.needs import CAMPAIGN_SECRET, Need, missing, signs_campaigns, strange_name
from worker.errors import StoreRefused
from worker.new_stores import NewStore

Ask = Callable[[Need], str]
_WORDS: Final = {
    "url": "--url URL",
    "secret": "--secret {name}=VALUE",
    "option": "--option {name}=VALUE",
}


def strange_names(new: NewStore, needs: Sequence[Need]) -> list[str]:
    """Options and secrets of a new store that nobody would read, a sentence each."""
    said = [strange_name(needs, "option", name) for name in new.options]
    return [*(problem for problem in said if problem), *strange_secrets(needs, new.secrets)]


def strange_secrets(needs: Sequence[Need], secrets: Mapping[str, str]) -> list[str]:
    """Secrets that nobody would read, a sentence each."""
    said = []
    for name, value in secrets.items():
        problem = strange_name(needs, "secret", name)
        if problem and not signs_campaigns(needs, name, value):
            said.append(f"{problem} (or {CAMPAIGN_SECRET}…, which signs campaigns' webhooks)")
    return said


def completed(
    new: NewStore, needs: Sequence[Need], ask: Ask | None, *, is_polled: bool
) -> NewStore:
    """The store with everything that its connector needs, asked for where it was not given.

    Parameters
    ----------
    ask
        Puts a need to a person; None where nobody is there.

    Raises
    ------
    StoreRefused
        Naming everything that lacks, where it is found and how it is given.
    """
    while lacking := missing(needs, _given(new), is_polled=is_polled):
        if ask is None:
            raise StoreRefused([lack(need) for need in lacking])
        new = _with(new, lacking[0], ask(lacking[0]))
    return new


def _given(new: NewStore) -> set[tuple[str, str]]:
    url = [("url", "url")] if new.url else []
    return {*url, *_named("secret", new.secrets.items()), *_named("option", new.options.items())}


def _named(kind: str, pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return [(kind, name) for name, value in pairs if value]


def _with(new: NewStore, need: Need, value: str) -> NewStore:
    if need.kind == "url":
        return replace(new, url=value)
    if need.kind == "secret":
        return replace(new, secrets={**new.secrets, need.name: value})
    return replace(new, options={**new.options, need.name: value})


def lack(need: Need) -> str:
    """A need that nobody gave: what it is, where it is found, how it is given."""
    how = _WORDS[need.kind].format(name=need.name)
    others = f", or {' and '.join(need.instead)} in its place" if need.instead else ""
    return f"{need.name} is missing: {need}; give it by {how}{others}"
