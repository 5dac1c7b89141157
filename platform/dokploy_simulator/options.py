"""Settings of one simulator."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """
    How a simulator runs. Port 0 takes a free one; ``state`` None keeps rows in memory only;
    ``speed`` multiplies every simulated duration (0 is instant); ``dns_delay`` is in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 0
    apps_port: int = 0
    dns_port: int = 0
    state: Path | None = None
    speed: float = 1.0
    api_key: str = "simulator-key"
    base_domains: tuple[str, ...] = field(default=("demo.test",))
    dns_delay: float = 0.0
