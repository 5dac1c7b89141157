"""SMTP by one instant: smtplib's time-outs count from the last byte, and a drip is never late."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from tenantry.adapters.sockets import open_socket
from tenantry.adapters.streams import check_may_send
from tenantry.clock import monotonic

END_OF_MAIL = b"\r\n.\r\n"


class TimedSmtp(smtplib.SMTP):
    """
    A connection that ends at `until` (monotonic seconds), whatever the server does.

    `after_dot` is True while a whole mail is sent and its answer is not there: nobody knows
    whether it was taken. Everything after the constructor belongs into `guarded`.
    """

    def __init__(self, host: str, port: int, hello: str, until: float) -> None:
        self.until = until
        self.after_dot = False
        self.sock = None
        with self.guarded():
            # A given name keeps smtplib from asking the DNS, without a limit, for its own.
            super().__init__(host, port, local_hostname=hello, timeout=self._left())

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Sends the mail itself; Lost where the claim ran out before."""
        check_may_send()
        answer = super().data(msg)
        self.after_dot = False
        return answer

    def send(self, s: Any) -> None:
        """Sends, and notes when a mail was sent to its end."""
        super().send(s)
        self.after_dot = isinstance(s, bytes) and s.endswith(END_OF_MAIL)

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """At `until` the connection is cut from beside, which ends every read and write."""
        guard = threading.Timer(self._left(), self._cut)
        guard.daemon = True
        guard.start()
        try:
            yield
        finally:
            guard.cancel()

    def _cut(self) -> None:
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _left(self) -> float:
        return max(0.001, self.until - monotonic())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        sock = open_socket(host, port, self.until)
        sock.settimeout(self._left())
        return sock


class TimedSmtpSsl(smtplib.SMTP_SSL, TimedSmtp):
    """The same under TLS from the first byte; certificates are verified."""

    def __init__(self, host: str, port: int, hello: str, until: float) -> None:
        # SMTP_SSL's own constructor knows no instant; all it would add is this.
        self.context = ssl.create_default_context()
        TimedSmtp.__init__(self, host, port, hello, until)
