"""Access tokens: by the app's own credentials, good for a day, fetched anew before they run out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Annotated, Any, Final

import httpx
import msgspec

from connectors.client import Answer, PlatformClient
from connectors.errors import AccessDenied, PlatformUnavailable, RequestRefused
from connectors.protocol import StoreConfig
from connectors.shopify.faults import CLOSED
from connectors.shopify.setting import TOKEN_PATH

_MARGIN: Final = 300.0  # seconds before its end that a token is not used any more
_WITHOUT_END: Final = float("inf")


class TokenAnswer(msgspec.Struct, frozen=True):
    """What a token is asked for with. ``expires_in`` is in seconds."""

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: Annotated[float, msgspec.Meta(gt=0)] = 86_399.0

    def __repr__(self) -> str:
        return "TokenAnswer()"


@dataclass(slots=True)
class Tokens:
    """The token in force for one store; any number of threads may ask, one fetches.

    Times are monotonic seconds since the request began, so that a clock which is wrong, here or
    there, shortens or lengthens nothing.
    """

    store: StoreConfig
    http: httpx.Client = field(repr=False)
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def current(self) -> str:
        """A token that is good for some minutes yet.

        Raises
        ------
        AccessDenied
            If the app's credentials are missing or refused, or the app is not installed.
        PlatformError
            As any call.
        """
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, self._until = self._fetched()
            return self._token

    def refuse(self, token: str) -> bool:
        """Forget a token that the shop refused; whether another one can be had."""
        with self._lock:
            if token == self._token:
                self._token = ""
        return not self.store.secrets.get("access_token")

    def _fetched(self) -> tuple[str, float]:
        lasting = self.store.secrets.get("access_token", "")
        if lasting:
            return lasting, _WITHOUT_END
        begun = time.monotonic()
        answer = self._asked()
        # A token for a shorter time is used for most of it.
        margin = min(_MARGIN, answer.expires_in / 2)
        return answer.access_token, begun + answer.expires_in - margin

    def _asked(self) -> TokenAnswer:
        names = ("client_id", "client_secret")
        missing = [name for name in names if not self.store.secrets.get(name)]
        if missing:
            problem = (
                f"secrets {', '.join(missing)}: expected those of the app in the Dev Dashboard"
            )
            raise AccessDenied(problem, **self._place())
        form = {name: self.store.secrets[name] for name in names}
        form["grant_type"] = "client_credentials"
        try:
            answer = PlatformClient(self.store, self.http).request("POST", TOKEN_PATH, form=form)
        except RequestRefused as refusal:
            answer = Answer(refusal.status, None, {})
        if answer.status >= httpx.codes.MULTIPLE_CHOICES:
            raise self._refused(answer.status)
        try:
            return msgspec.convert(answer.body, TokenAnswer)
        except msgspec.ValidationError:
            problem = "unreadable answer: expected an access token"
        raise PlatformUnavailable(problem, **self._place())

    def _refused(self, status: int) -> AccessDenied:
        problem = CLOSED.get(status) or (
            "no access token: expected client id and secret of an app that is installed in this "
            "shop and belongs to the same organisation"
        )
        return AccessDenied(problem, **self._place(), status=status)

    def _place(self) -> dict[str, Any]:
        return {"store": self.store.id, "method": "POST", "path": TOKEN_PATH}
