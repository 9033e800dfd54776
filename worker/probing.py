"""Whether what stores send arrives: a signed probe to ourselves, through the public address.

The door answers a probe that this installation signed with a word that only this installation
can say, so that a stranger's server at that address is not taken for ours.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import httpx

from connectors.client import PlatformClient
from connectors.errors import PlatformError
from connectors.protocol import StoreConfig
from worker.runtime import Kit
from worker.sealing import Sealer

PATH: Final = "/probe"
# No store can have such ids, so neither word is any address's keyed hash.
_ASKED: Final = "/probe"
_ANSWERED: Final = "/probed"
_PATIENCE: Final = 10.0  # seconds


def answer_to(sealer: Sealer, nonce: str, signature: str) -> str:
    """The door's word on a probe; empty if the probe is not ours."""
    is_ours = hmac.compare_digest(sealer.blind(_ASKED, nonce), signature)
    return sealer.blind(_ANSWERED, nonce) if is_ours else ""


def probe_problem(kit: Kit) -> str:
    """Why what is sent to the public address does not arrive here; empty if it does."""
    url = kit.settings.public_url.rstrip("/")
    config = StoreConfig(id="the public address", platform="", url=url, currency="")
    nonce = secrets.token_hex(16)
    wanted = {"nonce": nonce, "signature": kit.sealer.blind(_ASKED, nonce)}
    with httpx.Client(timeout=_PATIENCE) as http:
        try:
            answer = PlatformClient(config, http).request("POST", PATH, json=wanted)
        except PlatformError as error:
            answered = f" (status {error.status})" if error.status else ""
            return f"{url}: {error.problem}{answered}"
    told = answer.body.get("word") if isinstance(answer.body, dict) else None
    if told != kit.sealer.blind(_ANSWERED, nonce):
        return f"{url} is answered by somebody else than this installation's door"
    return ""
