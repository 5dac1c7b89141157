"""
What every engine shares: the one call of a step, and the loop of the client that asks for work.

Imports nothing but httpx and the standard library, since each peer has libraries of its own.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx

STEPS = 20
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=60)
_clients: dict[int, httpx.Client] = {}


def api() -> str:
    """Where the API is that does nothing."""
    return os.environ["BENCH_API"]


def database() -> str:
    """The engine's own database, as `postgresql://…`."""
    return os.environ["BENCH_DATABASE"].replace("+psycopg", "")


def broker() -> str:
    """The engine's own database of the broker."""
    return os.environ["BENCH_REDIS"]


def call(token: str, step: int | str) -> None:
    """One call of the API with the client that this process keeps."""
    client = _clients.get(os.getpid())
    if client is None:
        client = _clients.setdefault(
            os.getpid(), httpx.Client(base_url=api(), limits=LIMITS, timeout=20)
        )
    client.get(f"/{token}/{step}").raise_for_status()


def tokens(number: int) -> list[str]:
    """Names for so many deployments that nobody had before."""
    return [os.urandom(8).hex() for _ in range(number)]


def serve(
    *,
    go: Callable[[str], Any] | None = None,
    go_all: Callable[[Sequence[str]], float] | None = None,
    prepare: Callable[[int], list[str]] = tokens,
    lines: Callable[[], int] = lambda: 0,
    alone: Callable[[], dict[str, float]] | None = None,
) -> None:
    """
    Answers the benchmark, one JSON line for each of its own: prepare, go, alone, lines.

    `go` answers with the instant at which each deployment was asked for; that clock is the same
    for all processes of a machine. `go_all` asks for all of them at once and returns that instant.
    `alone` asks for one as a user would, where `prepare` does part of that work ahead.
    """
    for said in sys.stdin:
        asked = json.loads(said)
        answer: Any = None
        if asked["do"] == "prepare":
            answer = prepare(asked["number"])
        elif asked["do"] == "go":
            answer = _go(asked["tokens"], go, go_all)
        elif asked["do"] == "alone":
            answer = alone() if alone else _go(prepare(1), go, go_all)
        elif asked["do"] == "lines":
            answer = lines()
        print(json.dumps({"answer": answer}), flush=True)


def _go(
    asked: Iterable[str],
    go: Callable[[str], Any] | None,
    go_all: Callable[[Sequence[str]], float] | None,
) -> dict[str, float]:
    wanted = list(asked)
    if go_all is not None:
        return dict.fromkeys(wanted, go_all(wanted))
    assert go is not None
    times = {}
    for token in wanted:
        times[token] = time.monotonic()
        go(token)
    return times
