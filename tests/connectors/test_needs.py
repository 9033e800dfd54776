"""What connectors declare, and what of it lacks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.errors import BrokenConnector
from connectors.needs import Need, missing, needs_of, signs_campaigns, strange_name
from connectors.registry import connector_factory, platform_needs, platforms

URL = ("url", "url")
DOCS = Path(__file__).parents[2] / "docs"


def lacking(platform: str, *given: str, is_polled: bool = False) -> list[str]:
    told = {URL, *(("secret", name) for name in given)}
    return [each.name for each in missing(platform_needs(platform), told, is_polled=is_polled)]


def test_shopify_needs_its_app_or_an_older_token() -> None:
    assert lacking("shopify") == ["client_id", "client_secret"]
    assert lacking("shopify", "client_id") == ["client_secret"]
    assert lacking("shopify", "access_token") == ["client_secret"]
    assert lacking("shopify", "access_token", "client_secret") == []


def test_vendure_needs_a_key_or_a_whole_login() -> None:
    assert lacking("vendure") == ["api_key", "webhook_secret"]
    assert lacking("vendure", is_polled=True) == ["api_key"]
    assert lacking("vendure", "username", is_polled=True) == ["password"]
    assert lacking("vendure", "username", "password", "webhook_secret") == []


def test_without_an_address_only_it_is_asked_for_where_there_is_one() -> None:
    assert [each.name for each in missing(platform_needs("shopify"), set(), is_polled=False)] == [
        "url",
        "client_id",
        "client_secret",
    ]
    assert missing(platform_needs("sandbox"), {("secret", "x")}, is_polled=False) == []


def test_a_name_that_nobody_reads_is_told_from_a_slip() -> None:
    needs = platform_needs("shopify")
    assert strange_name(needs, "secret", "client_id") == ""
    assert "did you mean 'client_secret'?" in strange_name(needs, "secret", "clientsecret")
    assert strange_name((), "option", "x") == "option 'x': it takes none"
    assert signs_campaigns(needs, "hook", "whsec_aGVsbG8=")
    assert not signs_campaigns(needs, "hook", "plain")
    assert not signs_campaigns(needs, "clientsecret", "whsec_aGVsbG8=")


def test_a_connector_that_declares_nothing_is_broken() -> None:
    with pytest.raises(BrokenConnector, match="expected NEEDS beside"):
        needs_of(lacking)


@pytest.mark.parametrize(
    "platform", [name for name, whose in platforms().items() if whose == "shoal"]
)
def test_every_secret_and_option_that_a_connector_reads_is_declared(platform: str) -> None:
    """By name in its code, so that none is read which `store add` would refuse."""
    folder = Path(__file__).parents[2] / "connectors" / platform
    code = "\n".join(path.read_text() for path in folder.glob("*.py"))
    read = set(re.findall(r'(?:options|secrets)(?:\.get\(|\[)"(\w+)"', code))
    declared = {need.name for need in needs_of(connector_factory(platform))}
    assert read - declared == set()


def test_a_need_is_said_with_where_it_is_found() -> None:
    assert str(Need("secret", "k", "the key", where="Till → Keys")) == "the key (Till → Keys)"
