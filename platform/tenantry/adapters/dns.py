"""
ports.Resolver: the real DNS, asked at each configured resolver, beside the system's own view.

People wait for their hostname to be known, so the answer must be what the world sees: no search
list, no hosts file, no cache of ours.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.resolver

from tenantry.ports import Answer, TextAnswer

LIFETIME = 3.0
# UDP loses datagrams: each question is put again after a second.
ONE_TRY = 1.0
PORT = 53
LONGEST_PROBLEM = 200
RECORDS = ("A", "AAAA")
NO_TEXT = "the name has no TXT record"
# Texts, and the problem where there are none.
Found = tuple[list[str], str]


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    address: str
    port: int


class DnsResolver:
    """
    Asks all resolvers, given as `ip`, `ip:port` or `[ip6]:port`, at the same time.

    Without any it asks those of the system. ValueError for what is not an address: a resolver's
    name cannot be resolved before there is a resolver. `lifetime` is in seconds, for everything.
    """

    def __init__(self, resolvers: Iterable[str] = (), *, lifetime: float = LIFETIME) -> None:
        self._servers = tuple(map(_server, resolvers)) or _of_the_system()
        self._lifetime = lifetime

    def lookup(self, hostname: str) -> Sequence[Answer]:
        """
        One answer for each resolver, in their order: addresses, or a problem in plain words.

        Never raises, and never takes longer than `lifetime` and a moment.
        """
        found = self._everywhere(hostname, RECORDS)
        return [
            _together(server.name, row) for server, row in zip(self._servers, found, strict=True)
        ]

    def texts(self, hostname: str) -> Sequence[TextAnswer]:
        """The same for TXT records; the parts of a record are joined."""
        found = self._everywhere(hostname, ("TXT",))
        return [
            TextAnswer(server.name, tuple(texts), problem or ("" if texts else NO_TEXT))
            for server, [(texts, problem)] in zip(self._servers, found, strict=True)
        ]

    def _everywhere(self, hostname: str, records: Sequence[str]) -> list[list[Found]]:
        """For each resolver, in their order, what it said of each kind of record."""
        try:
            name = dns.name.from_text(hostname, idna_codec=dns.name.IDNA_2008_Practical)
        except dns.exception.DNSException:
            return [[([], "not a hostname")] for _ in self._servers]
        if not self._servers:
            return []
        pool = ThreadPoolExecutor(len(self._servers) * len(records), "dns")
        try:
            asked = [
                [pool.submit(self._ask, server, name, record) for record in records]
                for server in self._servers
            ]
            wait([question for row in asked for question in row], self._lifetime + ONE_TRY)
        finally:
            # What hangs for longer, against its own time limit, is left behind.
            pool.shutdown(wait=False, cancel_futures=True)
        return [[q.result() if q.done() else self._late() for q in row] for row in asked]

    def _ask(self, server: _Server, name: dns.name.Name, record: str) -> Found:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [server.address]
        resolver.port = server.port
        resolver.timeout = min(ONE_TRY, self._lifetime)
        try:
            found = resolver.resolve(
                name, record, lifetime=self._lifetime, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return [], "NXDOMAIN: the name does not exist"
        except dns.resolver.LifetimeTimeout:
            return self._late()
        except dns.resolver.NoNameservers as trouble:
            return [], _refusal(trouble)
        except (dns.exception.DNSException, OSError) as trouble:
            return [], f"it could not be asked ({type(trouble).__name__})"
        return [_words(record) for record in found.rrset or ()], ""

    def _late(self) -> Found:
        return [], f"no answer within {self._lifetime:g} s"


def _words(record: Any) -> str:
    strings = getattr(record, "strings", None)
    return record.to_text() if strings is None else b"".join(strings).decode(errors="replace")


def _server(text: str) -> _Server:
    host, colon, port = text.rpartition(":")
    with suppress(ValueError):
        return _Server(text, str(ip_address(text.strip("[]"))), PORT)
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 — ports
        raise ValueError(f"resolver: must be ip, ip:port or [ip6]:port (got {text!r})")
    try:
        return _Server(text, str(ip_address(host.strip("[]"))), int(port))
    except ValueError:
        raise ValueError(f"resolver: must be an address (got {text!r})") from None


def _of_the_system() -> tuple[_Server, ...]:
    try:
        system = dns.resolver.Resolver()
    except dns.exception.DNSException:
        return ()
    return tuple(_Server(str(s), str(s), PORT) for s in system.nameservers)


def _refusal(trouble: dns.resolver.NoNameservers) -> str:
    errors = trouble.kwargs.get("errors") or ()
    answers = [error[-1] for error in errors if isinstance(error[-1], dns.message.Message)]
    if not answers:
        return "the resolver cannot be reached"
    code = dns.rcode.to_text(answers[-1].rcode())
    return f"{code}: the resolver could not find out"


def _together(server: str, found: Sequence[Found]) -> Answer:
    addresses = tuple(address for texts, _ in found for address in texts)
    if addresses:
        return Answer(server, addresses)
    problems = [problem for _, problem in found if problem]
    return Answer(server, (), problems[0] if problems else "the name has no address")
