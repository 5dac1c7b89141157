"""Throughput with 1, 2, 4 and 8 hosts against an API that takes 50 ms."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.api import Api
from benchmarks.contest import bulk
from benchmarks.entrants import Running, ours
from benchmarks.ground import Ground
from tests.hosts.network import STORE, Network
from tests.hosts.store import OpenPostgres, OpenValkey, reached

DELAY_MS = 50
# A host of its own would have cores of its own: so few slots that two cores feed eight hosts.
SLOTS = 2
STEPS_A_HOST = 100


class WiredGround(Ground):
    """The benchmark's ground, reachable by other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.postgres = OpenPostgres(self.folder)
        self.valkey = OpenValkey(self.folder, durable=False)
        self.api = Api(STORE)

    def settings(self, name: str) -> dict[str, str]:
        """The same with the store's address."""
        return {key: reached(value) for key, value in super().settings(name).items()}


class Spread(Running):
    """Each worker on a host of its own; client and watchdog on the store."""

    hosts: Sequence[str] = ()
    _next = 0

    def _start(self, argv: Sequence[str], *, pipes: bool = False) -> "subprocess.Popen[Any]":
        plain = self._argv
        if "--queue" in argv:
            self._argv = [*Network.on(self.hosts[self._next]), *plain]
            self._next += 1
        try:
            return super()._start(argv, pipes=pipes)
        finally:
            self._argv = plain


def deployments_for(hosts: int) -> int:
    """So many that each host has the same to do."""
    return max(8, hosts * STEPS_A_HOST * SLOTS // 20)


def growth(numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Steps a second and queries of the database, for each number of hosts."""
    found = []
    with Network(max(numbers)) as network, WiredGround() as ground:
        for number in numbers:
            Spread.hosts = network.names[:number]
            worker = ("work", "worker", "--queue", "steps", "--concurrency", str(SLOTS))
            entrant = replace(ours(f"hosts_{number}"), workers=(worker,) * number)
            running = Spread(entrant, ground, ground.folder / f"{number}.log")
            try:
                ground.api.ask("_take")
                bulk(ground, running, 4 * number)
                ground.api.ask(f"_delay/{DELAY_MS}")
                figures = bulk(ground, running, deployments_for(number))
            finally:
                ground.api.ask("_delay/0")
                running.stop()
            found.append(
                {
                    "hosts": number,
                    "steps/s": round(figures["steps/s"], 1),
                    "steps/s a host": round(figures["steps/s"] / number, 1),
                    "CPU s/1,000": round(figures["cpu"], 2),
                }
            )
    return found
