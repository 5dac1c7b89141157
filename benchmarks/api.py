"""
The API that does nothing: answers at once, or after a delay, and notes who called when.

`GET /<deployment>/<step>` is a call of a step. `/_count`, `/_take` (all calls, then forgets them)
and `/_delay/<ms>` are the benchmark's own door.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any, Self

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


class Calls:
    """What was called, in order of arrival; the clock is the same for all processes."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, float]] = []
        self.delay = 0.0

    def own(self, path: str) -> bytes:
        """An answer to the benchmark."""
        what, _, value = path.strip("/").partition("/")
        answer: Any = None
        if what == "_count":
            answer = len(self.seen)
        elif what == "_take":
            answer, self.seen = self.seen, []
        elif what == "_delay":
            self.delay = float(value) / 1000
        body = json.dumps(answer).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


class Door(asyncio.Protocol):
    """One connection; a client sends its next request after the answer."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        if not self.got.endswith(b"\r\n\r\n"):
            return
        path = self.got.split(b" ", 2)[1].decode()
        self.got = b""
        if path.startswith("/_"):
            self.transport.write(self.calls.own(path))
            return
        _, deployment, step = path.split("/", 2)
        self.calls.seen.append((deployment, step, time.monotonic()))
        if self.calls.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self.calls.delay, self.transport.write, OK)
        else:
            self.transport.write(OK)


async def _serve(host: str) -> None:
    calls = Calls()
    server = await asyncio.get_running_loop().create_server(
        lambda: Door(calls), host, 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Api:
    """The API in a process of its own, on one address; use as a context manager."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.api", self._host], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://{self._host}:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, path: str) -> Any:
        """The benchmark's own door."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=20) as answer:
            return json.load(answer)

    def await_calls(self, number: int, seconds: float) -> bool:
        """Whether so many calls came within so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ask("_count") >= number:
                return True
            time.sleep(0.05)
        return False


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(_serve(sys.argv[1]))
