"""An outgoing webhook reaches no machine that its author should not reach."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.addresses import STRICT, Guard, NoSuchHost, PrivateHost, addresses_of, is_public
from connectors.client import Message, post_message
from connectors.errors import PlatformUnavailable, RequestRefused

LOCAL = Guard(frozenset({"127.0.0.1", "localhost"}))
Heard = list[tuple[str, dict[str, str], bytes]]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "0.0.0.1", "255.255.255.255", "224.0.0.1", "192.0.2.1"),
        *("198.18.0.1", "240.0.0.1", "192.0.0.8", "::", "::1", "fe80::1", "fe80::1%eth0"),
        *("fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "fec0::1"),
        # Addresses of version 4 in disguise.
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::"),
        "2001:0:7f00:1::",
        *("", "no address", "1.2.3", "0x7f.1"),
    ],
)
def test_what_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "172.32.0.1", "2606:2800:21f::1", "64:ff9b::808:808"],
)
def test_what_is_of_the_public_internet(address: str) -> None:
    assert is_public(address)


def resolving(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


def test_one_private_address_among_others_is_enough() -> None:
    with pytest.raises(PrivateHost, match=r"10\.0\.0\.1.*SHOAL_PRIVATE_HOSTS"):
        Guard(resolve=resolving("8.8.8.8", "10.0.0.1")).address("both.example", 443)
    assert Guard(resolve=resolving("2606:2800:21f::1", "8.8.8.8")).address("a", 443) == "8.8.8.8"


def test_who_is_allowed_is_allowed_by_the_name_that_stands_in_the_url() -> None:
    inside = resolving("10.0.0.1")
    assert Guard(frozenset({"hooks.inside"}), inside).address("Hooks.Inside", 80) == "10.0.0.1"
    assert Guard(frozenset({"*"}), inside).address("other.inside", 80) == "10.0.0.1"
    with pytest.raises(PrivateHost):
        Guard(frozenset({"hooks.inside"}), inside).address("other.inside", 80)


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f000001", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_it(host: str) -> None:
    with pytest.raises((PrivateHost, NoSuchHost)):
        STRICT.address(host, 80)


def test_a_name_without_an_address_may_have_one_later() -> None:
    with pytest.raises(NoSuchHost):
        addresses_of("no-such-host.invalid", 80)
    message = Message("https://no-such-host.invalid/x?token=hush", b"{}", {})
    with httpx.Client() as http, pytest.raises(PlatformUnavailable, match="no address"):
        post_message(http, message, store="s")


@contextmanager
def listening(
    status: int, heard: Heard, tls: ssl.SSLContext | None = None, **answered: str
) -> Iterator[int]:
    """A server on this machine that answers everything alike; its port."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            for name, text in answered.items():
                self.send_header(name, text)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def heard() -> Heard:
    return []


def test_this_machine_is_refused_unless_it_is_allowed(heard: Heard) -> None:
    with listening(200, heard) as port, httpx.Client() as http:
        message = Message(f"http://localhost:{port}/hook?token=hush", b"{}", {"x-a": "1"})
        with pytest.raises(RequestRefused, match="private network") as caught:
            post_message(http, message, store="s")
        assert "hush" not in str(caught.value)
        assert heard == []
        post_message(http, message, store="s", guard=LOCAL)
    ((path, headers, body),) = heard
    assert (path, headers["host"], headers["x-a"], body) == (
        "/hook?token=hush",
        f"localhost:{port}",
        "1",
        b"{}",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_not_followed(heard: Heard, status: int) -> None:
    with (
        listening(200, heard) as inside,
        listening(status, [], location=f"http://127.0.0.1:{inside}/secret") as port,
        httpx.Client(follow_redirects=True) as http,
    ):
        message = Message(f"http://localhost:{port}/hook", b"{}", {})
        with pytest.raises(RequestRefused, match="redirects are not followed"):
            post_message(http, message, store="s", guard=LOCAL)
    assert heard == []


def test_a_name_is_asked_for_once_and_what_was_looked_at_is_called(heard: Heard) -> None:
    """A name that means another machine a moment later leads nowhere else."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    guard = Guard(frozenset({"hook.example"}), lambda _host, _port: next(answers))
    with listening(204, heard) as port, httpx.Client() as http:
        message = Message(f"http://hook.example:{port}/", b"{}", {})
        post_message(http, message, store="s", guard=guard)
    assert [headers["host"] for _, headers, _ in heard] == [f"hook.example:{port}"]
    assert next(answers) == ["169.254.169.254"]


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name proves itself with, and what trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize("name", ["hook.example", "other.example"])
def test_tls_still_asks_for_the_name(heard: Heard, tmp_path: Path, name: str) -> None:
    server, trusting = certified("hook.example", tmp_path)
    guard = Guard(frozenset({name}), resolving("127.0.0.1"))
    with listening(200, heard, server) as port, httpx.Client(verify=trusting) as http:
        message = Message(f"https://{name}:{port}/", b"{}", {})
        if name == "hook.example":
            post_message(http, message, store="s", guard=guard)
        else:
            with pytest.raises(PlatformUnavailable):
                post_message(http, message, store="s", guard=guard)
    assert len(heard) == (name == "hook.example")
