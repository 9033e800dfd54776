"""Behind a proxy: the address is looked at, the proxy is told the name, TLS asks for the name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import httpx
import pytest

from connectors.addresses import Guard, NoSuchHost, PrivateHost
from connectors.pinning import Ways, pinning, proxy_for
from tests.connectors.test_addresses import Heard, certified, listening, resolving

LIMITS = httpx.Limits()
PUBLIC = Guard(resolve=resolving("8.8.8.8"))


@pytest.fixture
def asked() -> list[str]:
    """What the proxy was told to connect to."""
    return []


@pytest.fixture
def proxy(asked: list[str]) -> Iterator[str]:
    """A proxy for which every name is this machine."""

    class Tunnels(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode().split()[1])
            while self.rfile.readline().strip():
                pass
            port = int(asked[-1].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as there:
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = Thread(target=_copy, args=(there, self.connection))
                back.start()
                _copy(self.connection, there)
                back.join()

    ThreadingTCPServer.daemon_threads = True
    with ThreadingTCPServer(("127.0.0.1", 0), Tunnels) as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client(guard: Guard, tls: ssl.SSLContext) -> httpx.Client:
    return httpx.Client(transport=Ways(tls, LIMITS), event_hooks={"request": [pinning(guard)]})


def test_the_proxy_is_told_the_name_and_tls_asks_for_it(
    tmp_path: Path, proxy: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    server, trusting = certified("shop.example", tmp_path)
    heard: Heard = []
    with listening(200, heard, server) as port, client(PUBLIC, trusting) as http:
        assert http.post(f"https://shop.example:{port}/x", content=b"{}").status_code == 200
        with pytest.raises(httpx.ConnectError):
            http.post(f"https://other.example:{port}/x", content=b"{}")
    assert asked == [f"shop.example:{port}", f"other.example:{port}"]
    assert [path for path, _, _ in heard] == ["/x"]


def test_a_private_host_is_refused_before_the_proxy_hears_of_it(
    proxy: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    inside = Guard(resolve=resolving("10.0.0.1"))
    with client(inside, ssl.create_default_context()) as http, pytest.raises(PrivateHost):
        http.get("https://shop.inside/")
    assert asked == []


def test_an_allowed_host_may_have_a_name_that_only_the_proxy_knows(
    tmp_path: Path, proxy: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_host: str, _port: int) -> list[str]:
        raise NoSuchHost

    server, trusting = certified("shop.inside", tmp_path)
    allowed = Guard(frozenset({"shop.inside"}), nobody)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with listening(200, [], server) as port, client(allowed, trusting) as http:
        assert http.post(f"https://shop.inside:{port}/", content=b"").status_code == 200
        assert asked == [f"shop.inside:{port}"]
        with pytest.raises(NoSuchHost):
            http.post(f"https://other.inside:{port}/", content=b"")


def test_without_a_proxy_for_it_a_host_is_called_at_its_address(
    tmp_path: Path, proxy: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "shop.example")
    server, trusting = certified("shop.example", tmp_path)
    here = Guard(frozenset({"*"}), resolving("127.0.0.1"))
    with listening(200, [], server) as port, client(here, trusting) as http:
        assert http.post(f"https://shop.example:{port}/", content=b"").status_code == 200
    assert asked == []
    assert proxy_for("https", "other.example") == proxy
    assert proxy_for("http", "other.example") == ""
