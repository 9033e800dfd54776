"""What a connector is: the seam between Shoal and a platform.

A connector is made by a factory that a package registers under the entry-point group
``shoal.connectors``::

    def connect(store: StoreConfig, http: httpx.Client) -> Connector: ...

Reading a webhook is pure: bytes in, events out. The other verbs call the platform through the
client that was handed in and raise :class:`connectors.errors.PlatformError`. Further abilities are
the small protocols below, found with ``isinstance``; an ability that is missing is absent, never
a method that refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol, runtime_checkable

import msgspec

from connectors.events import Event
from connectors.records import Coupon, Membership, Recommendation

if TYPE_CHECKING:  # whoever only reads webhooks or configurations shall not load it
    import httpx

ENTRY_POINT_GROUP: Final = "shoal.connectors"


class StoreConfig(msgspec.Struct, frozen=True):
    """One store's connection: what a connector needs to speak with it.

    ``secrets`` are opened only in memory; ``repr`` hides them.
    """

    id: str
    platform: str
    url: str
    currency: str
    time_zone: str = "UTC"
    options: dict[str, str] = {}
    secrets: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"StoreConfig(id={self.id!r}, platform={self.platform!r}, url={self.url!r})"


class Webhook(msgspec.Struct, frozen=True):
    """One HTTP request from a platform, exactly as it came. Header names are lower case."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class LookUp(msgspec.Struct, frozen=True):
    """Something a webhook named by id only, to be read from the platform by delivery."""

    kind: Literal["order", "refund", "customer", "product", "cart"]
    key: str
    updated_at: datetime


class Reply(msgspec.Struct, frozen=True):
    """The answer a platform insists on (else ours is an empty 202)."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class Received(msgspec.Struct, frozen=True):
    """What a webhook turned out to be. No events and no look-ups: not for us."""

    events: tuple[Event, ...] = ()
    look_ups: tuple[LookUp, ...] = ()
    reply: Reply | None = None


@runtime_checkable
class Connector(Protocol):
    """A store on a platform: the least that every connector can do."""

    def read(self, webhook: Webhook) -> Received:
        """Authenticate the raw bytes in constant time, then translate them.

        Raises ``SignatureMismatch`` or ``MalformedPayload``.
        """

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """Read one thing; the same events as if the webhook had carried it. Empty: it is gone."""

    def changes(self, since: datetime) -> Iterator[Event]:
        """Everything that changed since then, oldest first, pages hidden (backfill and polling).

        Products before customers before orders before refunds.
        """


@runtime_checkable
class SupportsCoupons(Protocol):
    """Personal single-use codes."""

    def push_coupon(self, coupon: Coupon) -> None:
        """Make the code exist with these terms. Repeating it changes nothing.

        "Already exists" is done only after reading it back and finding our marker and the same
        terms; else raises ``Conflict``.
        """

    def revoke_coupon(self, code: str, marker: str) -> None:
        """Make our code unusable. Gone already: done. A stranger's: ``Conflict``."""


@runtime_checkable
class LimitsCoupons(Protocol):
    """Terms that the platform cannot keep, known beforehand."""

    def unfit(self, coupon: Coupon) -> str:
        """Why a coupon of such terms will be refused, and what to do; empty if none is known.

        Asks nobody. Code, marker and customer may be empty.
        """


@runtime_checkable
class SupportsSegments(Protocol):
    """Tags or groups on a customer."""

    def push_membership(self, membership: Membership) -> None:
        """Set or drop one tag. Repeating it changes nothing."""


@runtime_checkable
class SupportsRecommendations(Protocol):
    """Products shown to one customer."""

    def push_recommendation(self, recommendation: Recommendation) -> None:
        """Replace what the store shows this customer. Repeating it changes nothing."""


ConnectorFactory = Callable[[StoreConfig, "httpx.Client"], Connector]
