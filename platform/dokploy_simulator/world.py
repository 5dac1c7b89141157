"""Everything one simulator knows: its ground and, on it, the build queue."""

import asyncio
from typing import Any

from dokploy_simulator.builds import BuildQueue
from dokploy_simulator.ground import Ground
from dokploy_simulator.options import SimulatorOptions


class World(Ground):
    """The state behind all doors. Used from the event loop's thread only."""

    def __init__(self, options: SimulatorOptions) -> None:
        super().__init__(options)
        self.queue = BuildQueue(self)
        self._kept: set[asyncio.Task[Any]] = set()

    def keep(self, work: asyncio.Task[Any]) -> None:
        """Hold on to work nobody waits for, until it is done."""
        self._kept.add(work)
        work.add_done_callback(self._kept.discard)

    def drop_work(self) -> None:
        """Stop what nobody waits for, as the end of the process would."""
        for work in list(self._kept):
            work.cancel()

    def reset(self) -> None:
        """Forget everything but the options; what runs is stopped first."""
        self.queue.drop_all()
        self.drop_work()
        super().reset()
