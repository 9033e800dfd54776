"""What connecting a store, checking on it and leaving it ask of a connector.

Abilities like those of :mod:`connectors.protocol`: small, found with ``isinstance``, absent where
a platform lacks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from connectors.events import Event


class Budget(msgspec.Struct, frozen=True):
    """How much a platform still lets us ask, in its own unit (requests, or points of cost)."""

    available: float
    maximum: float
    per_second: float


class ShopFacts(msgspec.Struct, frozen=True):
    """What a store says of itself and of what it lets us do.

    Attributes
    ----------
    name, currency, time_zone
        As the merchant set them: ISO 4217, an IANA name.
    granted
        Scopes or permissions that our credentials have.
    missing
        Those that we need beyond them: name → what does not work without it.
    withheld
        Personal fields that the platform keeps from us: name → why.
    budget
        The rate limit as the store's last answer said it; None where it says none.
    notes
        Sentences for whoever connects it: what only the store's own admin can do, what is odd.
    """

    name: str
    currency: str
    time_zone: str
    granted: tuple[str, ...] = ()
    missing: dict[str, str] = {}
    withheld: dict[str, str] = {}
    budget: Budget | None = None
    notes: tuple[str, ...] = ()


class Subscription(msgspec.Struct, frozen=True):
    """One kind of webhook that a store sends, or (with a ``problem``) does not send, to us.

    ``version`` is the payload's, where the platform has several.
    """

    topic: str
    address: str = ""
    version: str = ""
    problem: str = ""


class Stretch(msgspec.Struct, frozen=True):
    """A part of a walk: its events, and the word with which a later walk goes on behind them."""

    events: tuple[Event, ...]
    resume: str


@runtime_checkable
class SupportsShopFacts(Protocol):
    """The store introduces itself."""

    def shop_facts(self) -> ShopFacts:
        """Ask the store who it is. Wrong credentials raise ``AccessDenied``."""


@runtime_checkable
class SupportsSubscriptions(Protocol):
    """Webhooks that can be asked for by API."""

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Those the store sends now, to any address; never one with a problem."""

    def wanted_subscriptions(self, address: str) -> tuple[Subscription, ...]:
        """Those that ``subscribe`` would have the store send, with their versions. Asks nobody."""

    def subscribe(self, address: str) -> tuple[Subscription, ...]:
        """Have every kind that we read sent to an address. Repeating it changes nothing.

        One that is there in another version or form is made anew.
        One that the store refuses comes back with its problem; the others are made all the same.
        """

    def unsubscribe(self, address: str) -> int:
        """Take back those that go to an address; how many there were."""


@runtime_checkable
class SupportsResumption(Protocol):
    """Walks that can be broken off and gone on with, which a long backfill needs."""

    def stretches(self, since: datetime, resume: str = "") -> Iterator[Stretch]:
        """The same events as ``changes``, in parts.

        Parameters
        ----------
        since
            As for ``changes``; the same when a walk is gone on with.
        resume
            The word of the last stretch that was kept; empty begins anew.

        Raises
        ------
        ValueError
            If the word is not one of ours.
        """

    def count(self, since: datetime) -> dict[str, int]:
        """About how many things of each kind changed since then: what a walk will bring."""
