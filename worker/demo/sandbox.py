"""The sandbox store as a venue: a process of ours with a ledger of every write."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from worker.database import reading
from worker.demo import sabotage
from worker.demo.figures import Seen, figures, marks
from worker.demo.guests import PYTHON, guest, pipe_of
from worker.demo.proof import prove
from worker.demo.theatre import Theatre
from worker.demo.venue import Played, Proof, Venue, Words
from worker.demo.wanted import STORE, Wanted
from worker.errors import ServiceUnreachable
from worker.stores import NewStore
from worker.supervisor import Stack

_WORDS: Final = Words(
    title="Two years of a real shop's purchases, played through the front door",
    after="Played. Now another process computes everything anew from what was sent …",
    ending="Two years of a gift shop",
    source="The purchases are real (UCI Online Retail II, CC BY 4.0); visits, carts left, "
    "birthdays and consents around them are made up.",
)


@contextmanager
def sandbox_venue(wanted: Wanted, outer: Stack, _: str) -> Iterator[Venue]:
    """A sandbox store for the length of the block.

    Raises
    ------
    ServiceUnreachable
        In its words, if it does not start.
    """
    key, secret = (secrets.token_hex(16) for _ in range(2))
    home = wanted.folder / "sandbox"
    command = (PYTHON, "-m", "connectors.sandbox.server", "--home", str(home), "--currency", "GBP")
    environment = {**os.environ, "SANDBOX_KEY": key, "SANDBOX_WEBHOOK_SECRET": secret}
    with guest(outer, "sandbox", command, environment) as store:
        line = pipe_of(store.process.stdout).readline()
        if not line:
            message = f"the sandbox store did not start: {store.complaint}"
            raise ServiceUnreachable(message)
        yield _venue(wanted, str(json.loads(line)["url"]), key, secret)


def _venue(wanted: Wanted, url: str, key: str, secret: str) -> Venue:
    def proof(there: Theatre, played: Played) -> Proof:
        verdict = prove(wanted.folder, there)
        seen = Seen(played, httpx.get(f"{url}/_ledger").json(), verdict)
        with reading(there.kit.engine) as connection:
            told = figures(connection, there.target.number, seen)
        return Proof(told, marks(told), verdict["differences"])

    return Venue(
        new=NewStore(
            id=STORE,
            name="Online Retail II",
            platform="sandbox",
            url=url,
            currency="GBP",
            clock="log",
            secrets={"api_key": key, "webhook_secret": secret},
        ),
        player="worker.demo.player",
        order={
            "shop": url,
            "shop_key": key,
            "webhook_secret": secret,
            "days_a_step": wanted.days_a_step,
            "sent": str(wanted.folder / "sent.jsonl"),
            "drop": wanted.sabotage == "drop",
        },
        words=_WORDS,
        proof=proof,
        sabotages={
            "double": lambda _: sabotage.double_coupon(url, key),
            "skew": lambda there: sabotage.skew_feature(there.kit, there.target.number),
        },
    )
