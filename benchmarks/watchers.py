"""Many open streams of events in one thread, as many browsers would hold them."""

import selectors
import socket
import threading
import time
from urllib.parse import urlsplit

OPENED = b"HTTP/1.1 200"


class Watchers:
    """One stream for each deployment; one that ends is opened again, as a browser does."""

    def __init__(self, base: str, cookie: str, ids: list[str]) -> None:
        at = urlsplit(base)
        self._address = (str(at.hostname), int(at.port or 80))
        self._cookie = cookie
        self._ids = ids
        self._answered: set[str] = set()
        self._moments: list[tuple[float, bytes]] = []
        self.refused = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Opens all of them."""
        self._stop.clear()
        self._answered.clear()
        self._moments.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Closes them; safe to repeat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait_for_all(self, seconds: float = 60.0) -> int:
        """Waits until each was answered; how many were."""
        ends = time.monotonic() + seconds
        while len(self._answered) < len(self._ids) and time.monotonic() < ends:
            time.sleep(0.05)
        return len(self._answered)

    def seen(self, words: str, seconds: float) -> float:
        """When a client first read these words."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = [at for at, text in list(self._moments) if words.encode() in text]
            if found:
                return found[0]
            time.sleep(0.002)
        raise SystemExit(f"{words} never came")

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for public_id in self._ids:
                self._connect(selector, public_id)
            while not self._stop.is_set():
                for key, _ in selector.select(0.05):
                    self._read(selector, key)
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _connect(self, selector: selectors.BaseSelector, public_id: str) -> None:
        made = socket.create_connection(self._address)
        made.sendall(
            f"GET /deployments/{public_id}/events HTTP/1.1\r\nHost: {self._address[0]}:"
            f"{self._address[1]}\r\nAccept: text/event-stream\r\nCookie: {self._cookie}\r\n\r\n"
            .encode()
        )  # fmt: skip
        made.setblocking(False)  # noqa: FBT003 — the socket's own way
        selector.register(made, selectors.EVENT_READ, public_id)

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        made: socket.socket = key.fileobj  # type: ignore[assignment]
        try:
            text = made.recv(65536)
        except OSError:
            text = b""
        if text.startswith(b"HTTP/1.1") and not text.startswith(OPENED):
            self.refused += 1
        if text.startswith(OPENED):
            self._answered.add(key.data)
        if b"event: log" in text:
            self._moments.append((time.time(), text))
        if not text or b"event: bye" in text:
            selector.unregister(made)
            made.close()
            if not self._stop.is_set():
                self._connect(selector, key.data)
