"""Hosts that are network namespaces, wired to one bridge; the store is the machine itself."""

import contextlib
import os
import signal
import subprocess
import time
from typing import Self

NET = "10.231.77"
STORE = f"{NET}.1"
BRIDGE = "tenantry-br"


class Network:
    """Use as a context manager; needs the rights of root, and leaves nothing behind."""

    def __init__(self, hosts: int) -> None:
        self.names = [f"tenantry-h{number}" for number in range(1, hosts + 1)]

    def __enter__(self) -> Self:
        self._remove()
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{STORE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(self.names, start=1):
            here, there = _ends(number)
            _ip("netns", "add", name)
            _ip("link", "add", here, "type", "veth", "peer", "name", there)
            _ip("link", "set", there, "netns", name)
            _ip("link", "set", here, "master", BRIDGE)
            _ip("link", "set", here, "up")
            _inside(name, "addr", "add", f"{NET}.{10 + number}/24", "dev", there)
            _inside(name, "link", "set", there, "up")
            _inside(name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @staticmethod
    def on(host: str) -> list[str]:
        """What stands before a command so that it runs on that host."""
        return ["ip", "netns", "exec", host]

    def cut(self, host: str) -> None:
        """Its cable is pulled: nothing arrives, and nobody is told."""
        _ip("link", "set", _ends(self._number(host))[0], "down")

    def join(self, host: str) -> None:
        """Its cable is in again."""
        _ip("link", "set", _ends(self._number(host))[0], "up")

    def processes(self, host: str) -> list[int]:
        """What runs there."""
        done = subprocess.run(
            ["ip", "netns", "pids", host], capture_output=True, text=True, check=False
        )
        return [int(word) for word in done.stdout.split()]

    def kill(self, host: str) -> int:
        """Everything on it dies at one moment; how many that were."""
        pids = self.processes(host)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def _number(self, host: str) -> int:
        return self.names.index(host) + 1

    def _remove(self) -> None:
        for name in self.names:
            if self.processes(name):
                self.kill(name)
                time.sleep(0.2)
            _ip("netns", "del", name, check=False)
        for number in range(1, len(self.names) + 1):
            _ip("link", "del", _ends(number)[0], check=False)
        _ip("link", "del", BRIDGE, check=False)


def _ends(number: int) -> tuple[str, str]:
    return f"tnt{number}a", f"tnt{number}b"


def _ip(*argv: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")


def _inside(host: str, *argv: str) -> None:
    _ip("-n", host, *argv)
