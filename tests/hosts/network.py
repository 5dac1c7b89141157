"""
Hosts that are network namespaces, each with one cable to a switch, which is one too.

The store is a host like the others: PostgreSQL, the broker, the target, the mailbox and whoever
looks on run there, and reach the workers through its cable alone. Nothing touches the machine's own
network. Needs the rights of root.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Self

NET = "10.231.77"
STORE = f"{NET}.1"
STORE_HOST = "tenantry-store"
SWITCH = "tenantry-switch"
BRIDGE = "bridge"
# A host bears its own name: workers sign their claims with it.
_NAMED = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"')


class Ground:
    """The switch and the store; use as a context manager, nothing is left behind."""

    def __enter__(self) -> Self:
        self._remove()
        _ip("netns", "add", SWITCH)
        _inside(SWITCH, "link", "add", BRIDGE, "type", "bridge")
        _inside(SWITCH, "link", "set", BRIDGE, "up")
        _wire(STORE_HOST, 0, STORE)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @staticmethod
    def run(argv: Sequence[str]) -> int:
        """Runs a command on the store; how it ended."""
        # Only the network is the store's: it makes hosts, whose names the whole machine must see.
        inside = ["nsenter", f"--net=/run/netns/{STORE_HOST}", "--", *_NAMED, STORE_HOST]
        return subprocess.run([*inside, *argv], check=False).returncode

    def _remove(self) -> None:
        for name in (STORE_HOST, SWITCH):
            _end(name)


class Network:
    """So many hosts beside the store; use as a context manager, on the store."""

    def __init__(self, hosts: int) -> None:
        self.names = [f"tenantry-h{number}" for number in range(1, hosts + 1)]

    def __enter__(self) -> Self:
        self._remove()
        for number, name in enumerate(self.names, start=1):
            _wire(name, number, f"{NET}.{10 + number}")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @staticmethod
    def on(host: str) -> list[str]:
        """What stands before a command so that it runs on that host."""
        return ["ip", "netns", "exec", host, *_NAMED, host]

    def cut(self, host: str) -> None:
        """Its cable is pulled: nothing arrives, and nobody is told."""
        _inside(SWITCH, "link", "set", _plug(self._number(host)), "down")

    def join(self, host: str) -> None:
        """Its cable is in again."""
        _inside(SWITCH, "link", "set", _plug(self._number(host)), "up")

    def kill(self, host: str) -> int:
        """Everything on it dies at one moment; how many that were."""
        return _kill(host)

    def _number(self, host: str) -> int:
        return self.names.index(host) + 1

    def _remove(self) -> None:
        for name in self.names:
            _end(name)


def _wire(name: str, number: int, address: str) -> None:
    """A host with a cable to the switch."""
    _ip("netns", "add", name)
    ends = (_plug(number), "type", "veth", "peer", "name", "cable", "netns", name)
    _inside(SWITCH, "link", "add", *ends)
    _inside(SWITCH, "link", "set", _plug(number), "master", BRIDGE)
    _inside(SWITCH, "link", "set", _plug(number), "up")
    _inside(name, "addr", "add", f"{address}/24", "dev", "cable")
    _inside(name, "link", "set", "cable", "up")
    _inside(name, "link", "set", "lo", "up")


def _plug(number: int) -> str:
    return f"port{number}"


def _end(name: str) -> None:
    """The host and what runs there are gone; its cable goes with it."""
    if _kill(name):
        time.sleep(0.2)
    _ip("netns", "del", name, check=False)


def _processes(host: str) -> list[int]:
    done = subprocess.run(
        ["ip", "netns", "pids", host], capture_output=True, text=True, check=False
    )
    return [int(word) for word in done.stdout.split()]


def _kill(host: str) -> int:
    pids = _processes(host)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def _ip(*argv: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")


def _inside(host: str, *argv: str) -> None:
    _ip("-n", host, *argv)
