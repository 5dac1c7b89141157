"""What a simulator stands on: its rows, its engine, its names, its faults and its pace."""

import asyncio
from collections import Counter
from typing import Any, Final

from dokploy_simulator.clockwork import Clock
from dokploy_simulator.engine import Engine
from dokploy_simulator.faults import FaultPlan
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.names import Names
from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.storage import Storage
from dokploy_simulator.store import Row, Store

ORGANIZATION: Final = "organization"
SETTINGS: Final = "settings"


class Ground:
    """The state that outlives jobs. Used from the event loop's thread only."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.speed = options.speed
        self.store = Store(options.state)
        self.faults = FaultPlan()
        self.names = Names(self.store, options.base_domains, options.dns_delay)
        self.engine = Engine(self.store, self.seconds)
        self.clock = Clock(self.store)
        self.storage = Storage(self.store)
        self.calls: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        if self.store.get(SETTINGS, SETTINGS) is None:
            self.store.put(
                SETTINGS,
                SETTINGS,
                {
                    "organizationId": new_id(),
                    "createdAt": now_iso(),
                    "buildsConcurrency": 1,
                    "enableDockerCleanup": True,
                    "domainKeys": 0,
                },
            )
        self.cancel_running_rows()
        self.clock.rearm()
        self.store.commit()

    def seconds(self, base: float) -> float:
        """A duration at this simulator's speed."""
        return base * self.speed

    async def passes(self, base: float) -> None:
        """Let that much simulated time pass."""
        await asyncio.sleep(self.seconds(base))

    @property
    def settings(self) -> Row:
        """The web server's settings row."""
        row = self.store.get(SETTINGS, SETTINGS)
        assert row is not None
        return row

    def change_settings(self, **values: Any) -> None:
        """Change the web server's settings."""
        self.store.change(SETTINGS, SETTINGS, **values)

    @property
    def organization_id(self) -> str:
        """The one organization."""
        return str(self.settings["organizationId"])

    def cancel_running_rows(self) -> None:
        """What a start of the server does with builds that ran when the last process ended."""
        for row in self.store.every("deployment"):
            if row["status"] != "running":
                continue
            self.store.change("deployment", row["deploymentId"], status="cancelled")
            if row["applicationId"]:
                self.store.change("application", row["applicationId"], applicationStatus="idle")
            if row["composeId"]:
                self.store.change("compose", row["composeId"], composeStatus="idle")

    def count_deploy(self, application_id: str) -> None:
        """Remember that a deploy was asked for, across restarts, for tests to count."""
        row = self.store.get("deployCalls", application_id) or {"calls": 0}
        self.store.put("deployCalls", application_id, {"calls": row["calls"] + 1})

    def reset(self) -> None:
        """Forget everything but the options."""
        self.store.clear()
        self.faults.clear()
        self.calls.clear()
        self.names.reset(self.options.dns_delay)
        self.speed = self.options.speed
        self._begin()
