"""Whether an address that somebody wrote into a file leads into a private network.

A name is resolved once and every address it has is looked at; what is called afterwards is one of
these addresses, so that a name which means another machine a moment later leads nowhere else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

ANY: Final = "*"
_UNICAST: Final = IPv6Network("2000::/3")  # all that IANA has given out to the world
_ASSIGNMENTS: Final = IPv4Network("192.0.0.0/24")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


class NoSuchHost(Exception):
    """A name that means no address (now)."""


class PrivateHost(Exception):
    """A host with an address in a private network that nobody has allowed."""


def addresses_of(host: str, port: int) -> list[str]:
    """Every address that a name has on this machine.

    Raises
    ------
    NoSuchHost
        If there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        message = f"the name {host!r} has no address: is it spelled right?"
        raise NoSuchHost(message)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Guard:
    """Which hosts may be called although they are in a private network.

    Attributes
    ----------
    allowed
        Host names or addresses as they stand in the URL, lower case; ``*`` is any.
    resolve
        Name and port to addresses.
    """

    allowed: frozenset[str] = frozenset()
    resolve: Callable[[str, int], Sequence[str]] = addresses_of

    def allows(self, host: str) -> bool:
        """Whether a host may be called wherever it is."""
        return bool(self.allowed & {ANY, host.lower()})

    def address(self, host: str, port: int) -> str:
        """The address to call for a host: its first one, of version 4 if it has such.

        Raises
        ------
        NoSuchHost
            If its name has no address.
        PrivateHost
            If any of its addresses is not a public one.
        """
        found = self.resolve(host, port)
        if not self.allows(host):
            for address in found:
                if not is_public(address):
                    message = (
                        f"it is in a private network ({address}), see SHOAL_PRIVATE_HOSTS; "
                        f"SHOAL_PRIVATE_HOSTS={host} lets it be called"
                    )
                    raise PrivateHost(message)
        return min(found, key=lambda address: ":" in address)


STRICT: Final = Guard()


def is_public(address: str) -> bool:
    """Whether an address is of the public internet, also where it carries another one inside."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    inner = tuple(_carried(parsed))
    if inner:
        return all(map(_is_public_4, inner))
    return parsed in _UNICAST and parsed.is_global


def _is_public_4(address: IPv4Address) -> bool:
    # The registry's last /24 is not wholly known to older Pythons.
    return address.is_global and not address.is_multicast and address not in _ASSIGNMENTS


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    """Addresses of version 4 inside one of version 6: mapped, 6to4, Teredo, NAT64, compatible."""
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    is_plain = address in _COMPATIBLE and int(address) > 1
    if address in _NAT64 or is_plain:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
