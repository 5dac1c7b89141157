"""The installation that scenarios break: more workers, a panel, and patience."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tenantry.demo.spawning import Program
from tenantry.demo.stack import answers
from tests.installation import Installation

STOP_WITHIN = 90.0


class Place(Installation):
    """An installation with more workers, and patience with a database that is away."""

    def simulator(self) -> Program:
        """
        The target, ahead of all that runs here where the system allows it.

        In life it is another machine. Behind dozens of busy processes on two cores it would let
        every call run into its deadline, which no engine can mend.
        """
        plain = super().simulator()
        return replace(plain, argv=["nice", "-n", "-10", *plain.argv])

    def until_quietly(self, what: Callable[[], Any], seconds: float) -> bool:
        """Whether it came true in time; a database that is away is no answer yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if what():
                    return True
            except Exception:  # noqa: BLE001 — away is what these scenarios are about
                pass
            time.sleep(0.25)
        return False

    def panel(self) -> Program:
        """
        The panel, at the shipped times.

        What it says of a broker that is away stands for some seconds of people, not of engines.
        """
        env = {**self._env(), "TIME_DIVISOR": "1"}
        plain = self.program(
            "web",
            *("web", "--bind", f"127.0.0.1:{self.web}", "--workers", "1"),
            ready=answers(f"http://127.0.0.1:{self.web}/livez"),
        )
        return replace(plain, env=env)

    def worker(self, name: str, queue: str, *more: str, entry: str = "") -> Program:
        """One more worker of the product's own, stopped with patience."""
        argv = [sys.executable, "-m", entry] if entry else [sys.executable, "-m", "tenantry", "run"]
        return Program(
            name=name,
            argv=[*argv, "worker", "--queue", queue, *more],
            env=self._env(),
            cwd=self.folder,
            stop_within=STOP_WITHIN,
            ready_within=60,
        )
