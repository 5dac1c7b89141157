"""
ports.Web: the one client for addresses that tenants control (SECURITY M11).

A name is resolved once, every address it has must pass our table, and the connection goes to such
an address while TLS and Host keep the name: a name that changes its mind in between gains nothing.
"""

import json
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from socket import socket

import httpx

from tenantry.adapters.addresses import doors, is_inner_name, may_call
from tenantry.adapters.sockets import addresses_of, connect_first
from tenantry.adapters.urls import Place, Refused, place_of
from tenantry.adapters.wire import (
    CONNECT_SECONDS,
    UNTIL,
    USER_AGENT,
    DeadlineTransport,
    WireTrouble,
)
from tenantry.clock import monotonic
from tenantry.errors import Permanent
from tenantry.ports import HttpAnswer

LARGEST_BODY = 64 * 1024
HEADERS = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity"}

Resolve = Callable[[str, int, float], Sequence[str]]


class _Nowhere(Exception):
    """The name leads to no address now; the text says why."""


def of_the_system(host: str, port: int, until: float) -> Sequence[str]:
    """What the system says of a whole name: the dot at its end keeps search lists out."""
    return addresses_of(f"{host}.", port, until)


@dataclass(frozen=True, slots=True)
class Way:
    """How a place is reached: any of these addresses, at this port."""

    addresses: tuple[str, ...]
    port: int
    opened: bool


class OutboundWeb:
    """
    Threads share it. No redirects (a 3xx is the answer), no cookies, 64 kB, certificates verified.

    `allow` opens networks and ports (`127.0.0.0/8:*`), `mapped` sends names elsewhere
    (`*.demo.test` to `127.0.0.1:8081`); production leaves both empty. `resolve(host, port, until)`
    gives the addresses of a name, OSError where there are none, the system's by default.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        mapped: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        resolve: Resolve = of_the_system,
        connect: float = CONNECT_SECONDS,
    ) -> None:
        self._doors = doors(allow)
        self._mapped = {name.lower(): _address(to) for name, to in (mapped or {}).items()}
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._resolve = resolve
        self._connect = connect

    def get(self, url: str, *, deadline: float) -> HttpAnswer:
        """GET within `deadline` seconds in all. Trouble of every kind has status None."""
        start = monotonic()
        try:
            place = place_of(url)
            way = self._way(place, start + deadline)
        except Refused as rule:
            return _trouble(start, f"not called: {rule}")
        except _Nowhere as why:
            return _trouble(start, str(why))
        return self._send(httpx.Request("GET", place.url, headers=HEADERS), way, start, deadline)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: Mapping[str, object], deadline: float
    ) -> HttpAnswer:
        """
        POST JSON within `deadline` seconds in all, once at most.

        Permanent where the address is forbidden or would carry the headers over plain http; Lost
        where the claim ran out before it was sent; all other trouble has status None.
        """
        start = monotonic()
        try:
            place = place_of(url)
            way = self._way(place, start + deadline)
        except Refused as rule:
            raise Permanent(f"The address is not called: {rule}") from None
        except _Nowhere as why:
            return _trouble(start, str(why))
        if place.scheme != "https" and not way.opened:
            raise Permanent("The address is not called: what we send there needs https")
        request = httpx.Request(
            "POST",
            place.url,
            headers={**headers, **HEADERS, "content-type": "application/json"},
            content=json.dumps(body).encode(),
        )
        return self._send(request, way, start, deadline)

    def _way(self, place: Place, until: float) -> Way:
        mapped = self._mapping(place.host)
        if mapped is not None:
            return Way((mapped[0],), mapped[1], opened=True)
        found = self._addresses(place, until)
        for address in found:
            # One bad address blocks all: which of them a connection takes is chance.
            if not may_call(address, place.port, self._doors):
                raise Refused(f"it leads to {address} at port {place.port}")
        opened = any(not may_call(address, place.port) for address in found)
        return Way(tuple(found), place.port, opened=opened)

    def _addresses(self, place: Place, until: float) -> Sequence[str]:
        if place.literal is not None:
            return (place.host,)
        if is_inner_name(place.host):
            raise Refused("its name means a machine inside")
        try:
            found = self._resolve(place.host, place.port, until)
        except TimeoutError:
            raise _Nowhere("its name was not resolved in time") from None
        except OSError:
            raise _Nowhere("its name has no address") from None
        if not found:
            raise _Nowhere("its name has no address")
        return found

    def _mapping(self, host: str) -> tuple[str, int] | None:
        if host in self._mapped:
            return self._mapped[host]
        labels = host.split(".")
        endings = (".".join(labels[n:]) for n in range(1, len(labels)))
        return next((self._mapped[f"*.{e}"] for e in endings if f"*.{e}" in self._mapped), None)

    def _send(self, request: httpx.Request, way: Way, start: float, deadline: float) -> HttpAnswer:
        def pinned(_host: str, _port: int, until: float) -> socket:
            return connect_first(way.addresses, way.port, until)

        request.extensions[UNTIL] = start + deadline
        # Nothing is kept: the next call may be for another tenant, and resolves anew.
        transport = DeadlineTransport(
            tls=self._tls,
            connect_seconds=self._connect,
            largest=LARGEST_BODY,
            opener=pinned,
            keep=False,
            cut=True,
        )
        try:
            answer = transport.handle_request(request)
        except WireTrouble as trouble:
            return _trouble(start, str(trouble))
        finally:
            transport.close()
        body = answer.content.decode(errors="replace")
        return HttpAnswer(answer.status_code, _since(start), body=body)


def _trouble(start: float, why: str) -> HttpAnswer:
    return HttpAnswer(None, _since(start), why)


def _since(start: float) -> int:
    return round((monotonic() - start) * 1000)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"mapped: must be address:port (got {text!r})")
    return host.strip("[]"), int(port)
