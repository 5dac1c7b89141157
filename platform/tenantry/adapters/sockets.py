"""Sockets that open by an instant: the name, every address and the connection in one deadline."""

import contextlib
import select
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from tenantry.clock import monotonic


def open_socket(host: str, port: int, until: float) -> socket.socket:
    """A connection to any address of `host`. TimeoutError at `until`, OSError where all refuse."""
    return connect_first(addresses_of(host, port, until), port, until)


def connect_first(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """
    The first of these addresses that answers. TimeoutError at `until`, OSError where all refuse.

    Each gets its share of the time, so that one that swallows everything does not starve the rest.
    """
    trouble: OSError = OSError("it has no address")
    for place, address in enumerate(addresses):
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError("no time left")
        share = left / (len(addresses) - place)
        try:
            sock = socket.create_connection((address, port), timeout=share)
        except OSError as refused:
            trouble = refused
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise trouble


def addresses_of(host: str, port: int, until: float) -> Sequence[str]:
    """
    What the system says the name means, in its order. TimeoutError at `until`, OSError where the
    name is unknown. An address literal costs nothing.
    """
    with contextlib.suppress(ValueError):
        return (str(ip_address(host)),)
    # The system's resolver knows no deadline and cannot be interrupted: it runs beside us, and is
    # left behind when time is up. It ends by itself.
    asking = _Asking(host, port)
    asking.start()
    asking.join(max(0.0, until - monotonic()))
    if asking.is_alive():
        raise TimeoutError(f"the name {host} was not resolved in time")
    if asking.trouble is not None:
        raise asking.trouble
    return asking.found


def is_readable(sock: socket.socket) -> bool:
    """Whether the peer has sent something, or closed; True as well for a dead descriptor."""
    descriptor = sock.fileno()
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Asking(threading.Thread):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="resolve", daemon=True)
        self._asked = host, port
        self.found: tuple[str, ...] = ()
        self.trouble: OSError | None = None

    def run(self) -> None:
        try:
            rows = socket.getaddrinfo(*self._asked, type=socket.SOCK_STREAM)
        except UnicodeError as trouble:
            self.trouble = OSError(f"no such name: {trouble}")
        except OSError as trouble:
            self.trouble = trouble
        else:
            self.found = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
