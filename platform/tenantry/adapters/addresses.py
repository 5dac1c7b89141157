"""
Which addresses and names tenants may make us call: an own table, since Python's differs by version.

`is_global` of Python 3.11 lets NAT64, 6to4, 192.0.0.8 and multicast through; each of these can lead
into our own networks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

WEB_PORTS = frozenset({80, 443})
ANY_PORT = "*"

# RFC 6890 and the registries of IANA; 168.63.129.16 is Azure's inner side at a public address.
FORBIDDEN_IPV4 = tuple(
    map(
        IPv4Network,
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 "
        "172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 "
        "192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 "
        "240.0.0.0/4".split(),
    )
)
# Only this part of IPv6 is given out to the public at all: v4-mapped, NAT64, local, multicast and
# loopback lie outside.
PUBLIC_IPV6 = IPv6Network("2000::/3")
# Teredo, ORCHID, benchmarks, documentation, 6to4, AS112.
FORBIDDEN_IPV6 = tuple(
    map(IPv6Network, "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split())
)
# Names that mean a machine inside: container names have one label, the others are reserved.
INNER_ENDINGS = frozenset(
    "local localhost localdomain internal intranet private corp home lan svc arpa onion "
    "invalid".split()
)


@dataclass(frozen=True, slots=True)
class Door:
    """A network and a port (None: any) that may be called although the table forbids it."""

    network: IPv4Network | IPv6Network
    port: int | None

    def opens(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        """Whether this address and port lie behind the door."""
        return address in self.network and self.port in {None, port}


def doors(entries: Iterable[str]) -> tuple[Door, ...]:
    """`127.0.0.0/8:*` or `[fd00::/8]:8080`; ValueError for anything else."""
    found = []
    for entry in entries:
        network, _, port = entry.rpartition(":")
        number = None if port == ANY_PORT else int(port)
        found.append(Door(ip_network(network.strip("[]")), number))
    return tuple(found)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the public internet by our table."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in FORBIDDEN_IPV4)
    if address.scope_id is not None or address not in PUBLIC_IPV6:
        return False
    return not any(address in network for network in FORBIDDEN_IPV6)


def may_call(text: str, port: int, opened: Iterable[Door] = ()) -> bool:
    """Whether we call this address at this port: public at 80 or 443, or behind a door."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if any(door.opens(address, port) for door in opened):
        return True
    return port in WEB_PORTS and is_public(address)


def is_inner_name(host: str) -> bool:
    """Whether a name can only mean a machine inside: one label, or a reserved ending."""
    labels = host.rstrip(".").split(".")
    return len(labels) == 1 or labels[-1] in INNER_ENDINGS
