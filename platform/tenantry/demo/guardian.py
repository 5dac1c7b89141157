"""
Ends what is left when the demo itself was killed.

The system ends our direct children then (see child), but not their children, and not on every
system. This program reads from the demo, line by line, which process groups run (`+ GROUP SIGNAL`)
and which are done with (`- GROUP`). When the demo dies, its end of the pipe closes: each group left
gets its own stop signal, and 3 seconds later SIGKILL.

Run as a script by path, with `-I -S`; it needs nothing but the standard library.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

GRACE = 3.0


class Guardian:
    """The demo's side: a guardian that runs from now until `dismiss`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            text=True,
        )

    def note(self, group: int, stop_signal: signal.Signals) -> None:
        """Have this group ended too, should we be killed."""
        self._tell(f"+ {group} {int(stop_signal)}")

    def forget(self, group: int) -> None:
        """This group is no more."""
        self._tell(f"- {group}")

    def dismiss(self) -> None:
        """End the guardian, and with it whatever it still has noted."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=GRACE + 1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, line: str) -> None:
        # A guardian that someone killed is no reason to fail: the children are tied to us anyway.
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


def watch(lines: Iterable[str]) -> dict[int, int]:
    """Follow the demo to its end, and say which groups it left, with the signal to stop each."""
    groups: dict[int, int] = {}
    for line in lines:
        kind, group, *rest = line.split()
        if kind == "+":
            groups[int(group)] = int(rest[0])
        else:
            groups.pop(int(group), None)
    return groups


def end(groups: dict[int, int], grace: float = GRACE) -> None:
    """Stop these groups, and kill what has not gone after the grace."""
    for group, number in groups.items():
        _send(group, number)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(_send(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Send to a group; False when there is none, or none of ours."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    # Ctrl-C and a closed terminal end the demo, which then says itself what is done with.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    end(watch(sys.stdin))
