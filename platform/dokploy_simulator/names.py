"""DNS: which hostnames have an address yet, and a small server that tells so."""

import asyncio
import time
from typing import Any, Final, cast

from dnslib import NS, QTYPE, RCODE, RR, SOA, A, DNSError, DNSRecord

from dokploy_simulator.store import Store

ADDRESS: Final = "127.0.0.1"
_TTL: Final = 1


class Names:
    """
    Hostnames under the base domains resolve once a domain row named them, ``delay`` seconds
    after the first time; a deleted domain row does not take its record away.
    """

    def __init__(self, store: Store, base_domains: tuple[str, ...], delay: float) -> None:
        self._store = store
        self._bases = tuple(base.lower().strip(".") for base in base_domains)
        self.delay = delay
        self.nxdomain: set[str] = set()
        self.blackhole = False

    def reset(self, delay: float) -> None:
        """Back to the start: no refused names, no silence."""
        self.delay = delay
        self.nxdomain = set()
        self.blackhole = False

    def base_of(self, host: str) -> str | None:
        """The base domain a hostname belongs to, or None."""
        for base in self._bases:
            if host == base or host.endswith(f".{base}"):
                return base
        return None

    def learn(self, host: str) -> None:
        """A domain row names this host: its clock starts, once."""
        host = host.lower()
        if self._store.get("hostname", host) is None:
            self._store.put("hostname", host, {"host": host, "since": time.time()})

    def resolves(self, host: str) -> bool:
        """Whether an A record is answered now."""
        host = host.lower().rstrip(".")
        if host in self.nxdomain or self.base_of(host) is None:
            return False
        if host in self._bases:
            return True
        row = self._store.get("hostname", host)
        return row is not None and time.time() >= row["since"] + self.delay

    def reply(self, packet: bytes) -> bytes | None:
        """The answer to a DNS question; None is silence."""
        if self.blackhole:
            return None
        try:
            question = DNSRecord.parse(packet)
        except DNSError:
            return None
        reply = question.reply()
        name = str(question.q.qname)
        host = name.lower().rstrip(".")
        base = self.base_of(host)
        if not self.resolves(host):
            reply.header.rcode = RCODE.NXDOMAIN
        elif record := _record(question.q.qtype, host == base):
            reply.add_answer(RR(name, question.q.qtype, ttl=_TTL, rdata=record))
        if base and not reply.rr:
            reply.add_auth(RR(base, QTYPE.SOA, ttl=_TTL, rdata=_soa(base)))
        return cast("bytes", reply.pack())


def _soa(base: str) -> Any:
    return SOA(f"ns.{base}", f"hostmaster.{base}", (1, 60, 60, 60, _TTL))


def _record(kind: int, is_base: bool) -> Any:  # noqa: FBT001 - says which records an apex has
    if kind == QTYPE.A:
        return A(ADDRESS)
    if kind == QTYPE.NS and is_base:
        return NS("localhost")
    return None


class NameServer(asyncio.DatagramProtocol):
    """The UDP door of Names."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one question."""
        reply = self._names.reply(data)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)
