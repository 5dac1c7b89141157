"""Everything one simulator knows: its ground and, on it, the build queue."""

from dokploy_simulator.builds import BuildQueue
from dokploy_simulator.ground import Ground
from dokploy_simulator.options import SimulatorOptions


class World(Ground):
    """The state behind all doors. Used from the event loop's thread only."""

    def __init__(self, options: SimulatorOptions) -> None:
        super().__init__(options)
        self.queue = BuildQueue(self)

    def reset(self) -> None:
        """Forget everything but the options; what runs is stopped first."""
        self.queue.drop_all()
        super().reset()
