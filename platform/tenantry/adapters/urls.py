"""
Addresses of tenants as they may be called: a URL taken apart, each part by its strictest reading.

What two programs could read differently (numbers as hosts, letters in circles, backslashes, user
names) is refused here and not repaired.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

import idna

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2048
LONGEST_HOST = 253
# Printable ASCII without what some clients cut, unfold or turn around.
PLAIN = re.compile(r"[!-\[\]-~]+")
HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
# The C library reads `127.1`, `0x7f000001` and `017700000001` as addresses.
NUMBER_LIKE = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class Refused(ValueError):
    """This URL is not called. The text says which rule it broke, for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: `host` is ASCII, lower case, without a dot at its end."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        """The same address, spelled out; without its fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The address, where the host is one and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def place_of(url: str) -> Place:
    """Refused, with the rule, for every URL that is not a plain http(s) address."""
    if len(url) > LONGEST_URL:
        raise Refused(f"the URL is longer than {LONGEST_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("the URL cannot be read") from None
    # urlsplit drops line ends and tabs silently: what it dropped is looked for in the whole.
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        raise Refused("the URL holds blanks, control characters or backslashes")
    if parts.scheme not in PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise Refused("only http:// and https:// are called")
    if "@" in parts.netloc:
        raise Refused("the URL holds a user name")
    if port == 0:
        raise Refused("port 0 is none")
    return Place(parts.scheme, _host(parts), port or PORTS[parts.scheme], _target(parts))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        raise Refused("the URL has no host")
    if "[" in parts.netloc:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise Refused("the host is not an address") from None
    try:
        name = idna.encode(host).decode().lower()
    except idna.IDNAError:
        # Among these: letters in circles, underscores, percent signs, empty labels.
        raise Refused("the host is not a name by the rules of IDNA") from None
    if len(name) > LONGEST_HOST or not HOST.fullmatch(name):
        raise Refused("the host is not a DNS name")
    if NUMBER_LIKE.fullmatch(name):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise Refused("the host is a number, but no address of four parts") from None
    return name


def _target(parts: SplitResult) -> str:
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    if not PLAIN.fullmatch(target):
        raise Refused("the path must be plain ASCII; encode the rest with %")
    return target
