"""
HTTP with total deadlines: name, connect, TLS, send, read and body end by ONE absolute instant.

Ordinary time-outs count from the last byte, so a server that drips one byte a second is never
late. This transport also keeps the two promises that the engine builds on (KERNEL R7): a change is
not sent after the instant that `send_until` fixed, asked last, just before each write; and every
trouble says whether anything of the request may have left. Nothing is ever sent twice.
"""

import ssl
from importlib.metadata import PackageNotFoundError, version

import httpcore
import httpx

from tenantry.adapters.sockets import open_socket
from tenantry.adapters.streams import DeadlineNetwork, Opener, now
from tenantry.clock import monotonic

UNTIL = "until"
CHANGE = "change"
DEFAULT_SECONDS = 20.0
CONNECT_SECONDS = 5.0
LARGEST_BODY = 32 * 1024 * 1024
CONNECTIONS = 64
# Node closes an idle connection after 5 s, and every 5 s is also how often builds are looked at.
KEEP_SECONDS = 4.0
READING = frozenset({b"GET", b"HEAD"})
# We ask for plain bytes and keep no session; the body is whole by the time anybody sees it.
IGNORED_HEADERS = frozenset({b"content-encoding", b"set-cookie", b"transfer-encoding"})


def _version() -> str:
    try:
        return version("tenantry")
    except PackageNotFoundError:
        # Run from the source folder, without having been installed.
        return "source"


USER_AGENT = f"tenantry/{_version()}"


class WireTrouble(httpx.TransportError):
    """
    No whole answer. `sent` is False where certainly nothing of the request left: its outcome is
    known. `late` says that time ran out. The text is for people and names no address.
    """

    def __init__(self, message: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.late = late


def send_until(instant: float | None) -> None:
    """ports.SendUntil: holds for this thread and every transport until it is called again."""
    now.send_until = instant


class DeadlineTransport(httpx.BaseTransport):
    """
    For httpx.Client. A request ends by its extension `until` (monotonic seconds), else 20 s from
    now; connecting takes at most `connect_seconds` of that. A GET whose extension `change` is true
    obeys `send_until`, too. WireTrouble is all it raises, beside
    Lost. Connections are kept (unless `keep` is False) and shared by threads. An answer arrives
    whole; one of more than `largest` bytes is trouble, or is `cut` there.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        largest: int = LARGEST_BODY,
        opener: Opener = open_socket,
        keep: bool = True,
        cut: bool = False,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._largest = largest
        self._cut = cut
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS if keep else 0,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=DeadlineNetwork(opener),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, or WireTrouble, or Lost; never later than the request's instant."""
        start = monotonic()
        until = float(request.extensions.get(UNTIL, start + DEFAULT_SECONDS))
        asked = _for_pool(request, max(0.001, until - start))
        now.until = until
        now.connect_until = min(until, start + self._connect_seconds)
        now.change = asked.method not in READING or bool(request.extensions.get(CHANGE))
        now.wrote = False
        try:
            return self._exchange(asked)
        except httpcore.TimeoutException as trouble:
            seconds = f"{monotonic() - start:.3g} s"
            raise WireTrouble(_late_words(trouble, seconds), sent=now.wrote, late=True) from trouble
        except httpcore.RemoteProtocolError as trouble:
            raise WireTrouble("it broke off its answer", sent=now.wrote) from trouble
        except httpcore.ConnectError as trouble:
            raise WireTrouble(f"it was not reached: {trouble}", sent=False) from trouble
        except httpcore.NetworkError as trouble:
            raise WireTrouble(f"the connection broke: {trouble}", sent=now.wrote) from trouble
        except httpcore.ProtocolError as trouble:
            raise WireTrouble(f"the request is not sendable: {trouble}", sent=False) from trouble

    def _exchange(self, asked: httpcore.Request) -> httpx.Response:
        answer = self._pool.handle_request(asked)
        body = bytearray()
        try:
            for piece in answer.iter_stream():
                body += piece
                if len(body) > self._largest and self._cut:
                    break
                if len(body) > self._largest:
                    raise WireTrouble(f"its answer is larger than {self._largest} bytes", sent=True)
        finally:
            answer.close()
        headers = [(k, v) for k, v in answer.headers if k.lower() not in IGNORED_HEADERS]
        return httpx.Response(answer.status, headers=headers, content=bytes(body[: self._largest]))

    def close(self) -> None:
        """Closes every connection; requests under way end as broken."""
        self._pool.close()


def _for_pool(request: httpx.Request, seconds: float) -> httpcore.Request:
    assert isinstance(request.stream, httpx.SyncByteStream)
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=request.stream,
        # The only wait that is not ours: for a free connection of the pool.
        extensions={"timeout": {"pool": seconds}},
    )


def _late_words(trouble: httpcore.TimeoutException, seconds: str) -> str:
    if isinstance(trouble, httpcore.PoolTimeout):
        return f"no connection was free for {seconds}"
    if isinstance(trouble, httpcore.ConnectTimeout):
        return f"it was not reached within {seconds}"
    return f"it did not answer within {seconds}"
