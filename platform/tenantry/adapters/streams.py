"""
What the connection pool talks through: sockets that know the deadline of the request under way.

Each operation gets what is left until the request's one instant, kept for each thread, since
connections are kept and pass from thread to thread. Before each write of a change it is asked once
more whether it may still be sent.
"""

import ssl
import threading
from collections.abc import Callable, Iterable
from socket import socket
from typing import Any

import httpcore

from tenantry.adapters.sockets import is_readable
from tenantry.clock import monotonic
from tenantry.errors import Lost

PIECE = 64 * 1024
Opener = Callable[[str, int, float], socket]


class Now(threading.local):
    """What this thread is about: the request under way, and how long it may send changes."""

    until: float = 0.0
    connect_until: float = 0.0
    change: bool = False
    wrote: bool = False
    send_until: float | None = None


now = Now()


def check_may_send() -> None:
    """Raises Lost where the last instant for a change has passed; ask right before a write."""
    if now.send_until is not None and monotonic() >= now.send_until:
        raise Lost("The claim ran out before the change was sent")


class DeadlineStream(httpcore.NetworkStream):
    """One connection. It belongs to one request at a time, in whichever thread that runs."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._kept = False
        self._first = True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """What there is, at most `max_bytes`; empty at the end."""
        self._first = self._kept = True
        try:
            self._sock.settimeout(_left(now.until, httpcore.ReadTimeout))
            return self._sock.recv(max_bytes)
        except TimeoutError as trouble:
            raise httpcore.ReadTimeout(str(trouble)) from trouble
        except OSError as trouble:
            raise httpcore.ReadError(str(trouble)) from trouble

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """
        All of it. ConnectionNotAvailable, at which the pool takes another connection, only where
        a kept one turns out to be closed and nothing of this request was written.
        """
        kept = self._kept and self._first
        self._first = False
        if kept and is_readable(self._sock):
            # It speaks before it was asked: the server has closed it.
            raise httpcore.ConnectionNotAvailable
        view = memoryview(buffer)
        while view:
            self._sock.settimeout(_left(now.until, httpcore.WriteTimeout))
            if now.change:
                check_may_send()
            view = view[self._send(view[:PIECE], kept=kept) :]

    def _send(self, piece: memoryview, *, kept: bool) -> int:
        before, now.wrote = now.wrote, True
        try:
            return self._sock.send(piece)
        except TimeoutError as trouble:
            raise httpcore.WriteTimeout(str(trouble)) from trouble
        except ssl.SSLError as trouble:
            raise httpcore.WriteError(str(trouble)) from trouble
        except OSError as trouble:
            # The kernel refused these bytes: none of them left.
            now.wrote = before
            if kept and not before:
                raise httpcore.ConnectionNotAvailable from trouble
            raise httpcore.WriteError(str(trouble)) from trouble

    def close(self) -> None:
        """Closes the socket; a second time is harmless."""
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """The same connection under TLS, its handshake within the time to connect."""
        try:
            self._sock.settimeout(_left(now.connect_until, httpcore.ConnectTimeout))
            secured = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except ssl.SSLCertVerificationError as trouble:
            self.close()
            words = f"its certificate is not trusted ({trouble.verify_message})"
            raise httpcore.ConnectError(words) from trouble
        except TimeoutError as trouble:
            self.close()
            raise httpcore.ConnectTimeout(str(trouble)) from trouble
        except OSError as trouble:
            self.close()
            raise httpcore.ConnectError(f"TLS failed ({trouble.strerror})") from trouble
        return DeadlineStream(secured)

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` and `ssl_object`, for the pool; None for all else."""
        if info == "is_readable":
            return is_readable(self._sock)
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        return None


class DeadlineNetwork(httpcore.NetworkBackend):
    """Opens connections through `opener(host, port, until)`."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """A new connection within the time to connect."""
        try:
            return DeadlineStream(self._opener(host, port, now.connect_until))
        except TimeoutError as trouble:
            raise httpcore.ConnectTimeout(str(trouble)) from trouble
        except OSError as trouble:
            raise httpcore.ConnectError(trouble.strerror or str(trouble)) from trouble


def _left(instant: float, late: type[Exception]) -> float:
    left = instant - monotonic()
    if left <= 0:
        raise late("no time left")
    return left
