"""Errors of this package, sorted by what to do next.

::

    ConnectorError
    ├─ UnknownPlatform       no connector registered under that name
    ├─ BrokenConnector       registered, but it cannot be imported
    ├─ ConnectorFailed       it raised what no connector may: a mistake of its own
    ├─ WebhookRejected       not stored as an event
    │  ├─ SignatureMismatch  answer 401, count it, keep nothing
    │  └─ MalformedPayload   authentic but unreadable: dead letter, answer 2xx
    └─ PlatformError         carries store, method, path and status; never a secret
       ├─ Retriable          try again after ``retry_after`` seconds (or by backoff)
       │  ├─ PlatformUnavailable   network, time-out, 5xx, half-sent or unreadable answer
       │  └─ RateLimited           429 or the platform's own word for it
       └─ Permanent
          ├─ AccessDenied    401, 403: pause the store, tell the operator
          ├─ Conflict        the name is taken by something that is not ours
          └─ RequestRefused  other 4xx: this action becomes a dead letter
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Anything that goes wrong between us and a store."""


class UnknownPlatform(ConnectorError):
    """No connector is registered under a name."""

    def __init__(self, platform: str, known: tuple[str, ...], nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(
            f"platform {platform!r} has no connector: expected one of {', '.join(known)}{hint}"
        )


class BrokenConnector(ConnectorError):
    """A connector is registered but cannot be used; the others can."""

    def __init__(self, platform: str, distribution: str, problem: str) -> None:
        super().__init__(
            f"connector {platform!r} of distribution {distribution!r} cannot be loaded: {problem}"
        )


class ConnectorFailed(ConnectorError):
    """A connector raised what no connector may: a mistake of its own, not the store's."""

    def __init__(self, platform: str, verb: str, kind: str, place: str = "") -> None:
        where = f" at {place}" if place else ""
        super().__init__(
            f"connector {platform!r}: {verb} raised {kind}{where}, which no connector may: a "
            "mistake of its own, to be told to whoever wrote it"
        )


class WebhookRejected(ConnectorError):
    """A webhook that does not become events."""


class SignatureMismatch(WebhookRejected):
    """The body was not signed with this store's secret."""


class MalformedPayload(WebhookRejected):
    """Signed rightly, but not what its topic promises. ``str`` names the field, never its value."""


class PlatformError(ConnectorError):
    """A call to a platform that failed."""

    def __init__(
        self, problem: str, *, store: str, method: str = "", path: str = "", status: int = 0
    ) -> None:
        where = f"{method} {path}".strip()
        answer = f" (status {status})" if status else ""
        super().__init__(f"store {store}: {where or 'call'}: {problem}{answer}")
        self.problem = problem
        self.store = store
        self.method = method
        self.path = path
        self.status = status


class Retriable(PlatformError):
    """Worth another try. ``retry_after`` seconds, or None for backoff."""

    retry_after: float | None = None


class PlatformUnavailable(Retriable):
    """Nobody answered, or not in a way that can be read."""


class RateLimited(Retriable):
    """The platform asks for patience."""

    def __init__(
        self, retry_after: float | None, *, store: str, method: str = "", path: str = ""
    ) -> None:
        super().__init__("rate limited", store=store, method=method, path=path, status=429)
        self.retry_after = retry_after


class Permanent(PlatformError):
    """Trying again changes nothing."""


class AccessDenied(Permanent):
    """Credentials or scopes do not suffice."""


class Conflict(Permanent):
    """What we wanted to create exists with other terms or without our marker."""


class RequestRefused(Permanent):
    """The platform understood and said no."""
