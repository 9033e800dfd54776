"""Other secrets for a store that is there: tried first, kept with its history, taken everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from connectors.errors import AccessDenied, PlatformUnavailable, SignatureMismatch
from connectors.events import microseconds
from connectors.protocol import Webhook
from connectors.sandbox.webhooks import signed_headers
from connectors.shopify.webhooks import read
from connectors.signatures import base64_signature
from tests.connectors.conftest import KEY, start, stop
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.server import CLIENT_ID, CLIENT_SECRET, serving
from worker import models, outcomes, restored, walking, walks
from worker.claims import Claimed
from worker.connecting import Wanted, connect_store
from worker.database import reading, transaction
from worker.doors import Door
from worker.errors import StoreRefused
from worker.leaving import forget_store
from worker.lines import line_to
from worker.runtime import Kit
from worker.store_health import store_health
from worker.store_secrets import Change, change_secrets, questions
from worker.stores import NewStore, Store, config_of, load_store, pause_store
from worker.web.directory import Directory

OLD = {"api_key": "old-key", "webhook_secret": "old-secret", "hook": "whsec_aGVsbG8="}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A sandbox store whose key is no longer the one that we were told."""
    process, url = start(tmp_path / "sandbox")
    yield url
    stop(process)


@pytest.fixture
def shop(kit: Kit, url: str) -> Store:
    new = NewStore(id="shop", platform="sandbox", url=url, currency="EUR", secrets=OLD)
    connect_store(kit, new, Wanted(is_offline=True))
    walking.walk_to_end(kit, 1)
    found = stored(kit)
    assert "status 401" in found.paused
    return found


def stored(kit: Kit) -> Store:
    with reading(kit.engine) as connection:
        return load_store(connection, "shop")


def secrets(kit: Kit) -> dict[str, str]:
    return config_of(stored(kit), kit.sealer).secrets


def test_secrets_that_the_store_takes_let_it_go_on(kit: Kit, shop: Store) -> None:
    line = line_to(kit, shop)
    advice = {one.check: one.advice for one in store_health(kit, "shop")}
    assert "`shoal store secrets shop`" in advice["answers"]
    changed = change_secrets(kit, "shop", Change({"api_key": KEY}))
    assert (changed.changed, changed.forgotten, changed.former) == (("api_key",), (), ())
    assert changed.facts is not None
    assert "status 401" in changed.went_on
    assert secrets(kit) == OLD | {"api_key": KEY}
    after = stored(kit)
    assert (after.number, after.browser_key, after.paused) == (shop.number, shop.browser_key, "")
    assert line_to(kit, after) is not line
    walking.walk_to_end(kit, 1)
    with reading(kit.engine) as connection:
        walk = walks.walk_of(connection, 1, "backfill")
    assert walk is not None
    assert (walk.next_at, walk.problem) == (0, "")


def test_secrets_that_the_store_refuses_are_not_kept(kit: Kit, shop: Store, url: str) -> None:
    with pytest.raises(AccessDenied):
        change_secrets(kit, "shop", Change({"api_key": "wrong"}))
    assert stored(kit) == shop
    away = replace(kit, settings=replace(kit.settings, private_hosts=()))
    with pytest.raises(AccessDenied, match="private network"):
        change_secrets(away, "shop", Change({"api_key": KEY}))
    assert stored(kit) == shop
    changed = change_secrets(kit, "shop", Change({"api_key": "wrong"}, is_offline=True))
    assert (changed.facts, changed.went_on) == (None, "")
    assert secrets(kit)["api_key"] == "wrong"
    assert stored(kit).paused == shop.paused
    assert url


def test_a_store_that_is_away_changes_nothing(kit: Kit) -> None:
    new = NewStore(
        id="shop", platform="sandbox", url="http://127.0.0.1:9", currency="EUR", secrets=OLD
    )
    connect_store(kit, new, Wanted(is_offline=True))
    with pytest.raises(PlatformUnavailable):
        change_secrets(kit, "shop", Change({"api_key": KEY}))
    assert secrets(kit) == OLD


def test_the_door_takes_both_secrets_until_the_old_one_is_forgotten(kit: Kit, shop: Store) -> None:
    directory = Directory(kit)
    directory.read()
    assert shop.sealed

    def is_taken(secret: str) -> bool:
        directory.read()  # as it does every five seconds
        found = directory.snapshot.stores["shop"].connector
        assert found is not None
        headers = signed_headers(secret, "shop.closed", b"{}", "h1")
        try:
            found.read(Webhook(headers, b"{}", kit.clock()))
        except SignatureMismatch:
            return False
        return True

    assert [is_taken(one) for one in ("old-secret", "new-secret")] == [True, False]
    changed = change_secrets(kit, "shop", Change({"api_key": KEY, "webhook_secret": "new-secret"}))
    assert changed.former == ("previous_webhook_secret",)
    assert [is_taken(one) for one in ("old-secret", "new-secret")] == [True, True]
    (line,) = [one for one in store_health(kit, "shop") if one.check == "former secrets"]
    assert "--forget previous_webhook_secret" in line.advice
    forgotten = change_secrets(kit, "shop", Change(forgets=frozenset({"previous_webhook_secret"})))
    assert forgotten.forgotten == ("previous_webhook_secret",)
    assert [is_taken(one) for one in ("old-secret", "new-secret")] == [False, True]
    leaked = Change({"webhook_secret": "newer"}, frozenset({"previous_webhook_secret"}))
    with pytest.raises(StoreRefused, match="no such secret"):
        change_secrets(kit, "shop", leaked)


def test_a_secret_that_leaked_need_not_stay_beside_the_new_one(kit: Kit, shop: Store) -> None:
    assert shop.sealed
    change_secrets(kit, "shop", Change({"api_key": KEY, "webhook_secret": "leaked"}))
    former = frozenset({"previous_webhook_secret"})
    changed = change_secrets(kit, "shop", Change({"webhook_secret": "newer"}, former))
    assert (changed.former, changed.forgotten) == ((), ("previous_webhook_secret",))
    assert secrets(kit) == {"api_key": KEY, "webhook_secret": "newer", "hook": OLD["hook"]}


def test_what_cannot_be_used_is_refused_at_once(kit: Kit, shop: Store) -> None:
    wrong = Change({"api_ky": "k", "webhook_secret": ""}, frozenset({"api_key", "nothing"}))
    with pytest.raises(StoreRefused) as refused:
        change_secrets(kit, "shop", wrong)
    said = str(refused.value)
    for words in (
        "did you mean 'api_key'?",
        "--secret webhook_secret: expected a value",
        "--forget nothing: the store has no such secret, expected one of api_key, hook",
        "api_key is missing",
    ):
        assert words in said
    assert stored(kit) == shop
    assert [need.name for need in questions(kit, "shop")] == ["api_key", "webhook_secret"]


def test_what_the_old_secrets_are_refused_with_stops_nothing_any_more(
    kit: Kit, shop: Store
) -> None:
    """A delivery that was on its way with them comes back after they were changed."""
    change_secrets(kit, "shop", Change({"api_key": KEY}))
    outcome = outcomes.Outcome(_action(), "due", 1, pauses="status 401", was_tried=False)
    with transaction(kit.engine) as connection:
        outcomes.settle(connection, kit.sealer, Door(shop, 1), [outcome])
    assert stored(kit).paused == ""
    with transaction(kit.engine) as connection:
        outcomes.settle(connection, kit.sealer, Door(stored(kit), 1), [outcome])
    assert stored(kit).paused == "status 401"


def _action() -> Claimed:
    return Claimed("k", "coupon", "c", 1, 0, "o", "{}", 0, 0, None, 0)


def test_a_store_from_a_backup_waits_on_until_it_was_read_again(kit: Kit, shop: Store) -> None:
    with transaction(kit.engine) as connection:
        pause_store(connection, 1, "")
        now = microseconds(kit.clock())
        restored.mark(connection, load_store(connection, 1), now, now)
    waits = stored(kit).paused
    assert waits != shop.paused
    assert change_secrets(kit, "shop", Change({"api_key": KEY})).went_on == ""
    assert stored(kit).paused == waits


def test_two_at_once_do_not_undo_each_other(kit: Kit) -> None:
    class Meanwhile(BaseHTTPRequestHandler):
        """A store that answers after somebody else was faster."""

        def do_GET(self) -> None:
            with transaction(kit.engine) as connection:
                theirs = kit.sealer.seal("shop", {"api_key": "theirs"})
                connection.execute(models.stores.update().values(secrets=theirs))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"name": "a", "currency": "EUR", "time_zone": "UTC"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Meanwhile) as server:
        Thread(target=server.handle_request).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        new = NewStore(id="shop", platform="sandbox", url=url, currency="EUR", secrets=OLD)
        connect_store(kit, new, Wanted(is_offline=True))
        with pytest.raises(StoreRefused, match="meanwhile: run it again"):
            change_secrets(kit, "shop", Change({"api_key": KEY}))
    assert secrets(kit) == {"api_key": "theirs"}


def test_a_removed_store_says_how_it_comes_back(kit: Kit, shop: Store) -> None:
    assert shop.sealed
    forget_store(kit, "shop", erases=False)
    with pytest.raises(StoreRefused, match="`shoal store add shop"):
        change_secrets(kit, "shop", Change({"api_key": KEY}))


def test_shopify_signs_with_the_oldest_secret_until_that_is_revoked(kit: Kit) -> None:
    schema()
    with serving() as server:
        config = server.config()
        new = NewStore(
            id="shop",
            platform="shopify",
            url=server.url,
            currency="EUR",
            options=config.options,
            secrets={"client_id": CLIENT_ID, "client_secret": "the one before"},
        )
        connect_store(kit, new, Wanted(is_offline=True))
        changed = change_secrets(kit, "shop", Change({"client_secret": CLIENT_SECRET}))
    assert changed.former == ("previous_client_secret",)
    after = config_of(stored(kit), kit.sealer)
    body = json.dumps({"id": 1}).encode()
    for secret in (CLIENT_SECRET, "the one before"):
        headers = {
            "x-shopify-topic": "app/scopes_update",
            "x-shopify-hmac-sha256": base64_signature(secret, body),
            "x-shopify-shop-domain": "demo-shop.myshopify.com",
        }
        assert read(after, Webhook(headers, body, kit.clock())).events == ()
