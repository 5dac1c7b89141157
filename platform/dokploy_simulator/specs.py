"""What a deploy asks the engine to run."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from dokploy_simulator.store import Row

LIMITS: Final = ("memoryLimit", "memoryReservation", "cpuLimit", "cpuReservation")
_LEADING_NUMBER: Final = re.compile(r"\s*([+-]?\d+)")


def leading_number(text: Any) -> int | None:
    """What ``parseInt`` makes of a text: "256m" is 256, "0.5" is 0, "abc" is nothing."""
    found = _LEADING_NUMBER.match(str(text)) if text else None
    return int(found.group(1)) if found else None


def limits_of(row: Row) -> dict[str, int | None]:
    """Bytes and nanoCPUs as the engine gets them from a row's texts."""
    return {name: leading_number(row.get(name)) for name in LIMITS}


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    What a service shall be. ``built`` says that no registry has the image; ``stack`` names the
    stack it belongs to.
    """

    name: str
    image: str
    replicas: int = 1
    env: list[str] = field(default_factory=list)
    kind: str = "application"
    crashes: bool = False
    failure_action: str = "rollback"
    order: str = "start-first"
    parallelism: int = 1
    volumes: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    command: str | None = None
    limits: dict[str, int | None] = field(default_factory=dict)
    pinned: bool = False
    built: bool = False
    stack: str | None = None

    def version(self) -> Row:
        """The part of the spec that a rollback brings back."""
        return {
            "image": self.image,
            "env": self.env,
            "args": self.args,
            "command": self.command,
            "limits": self.limits,
            "crashes": self.crashes,
            "built": self.built,
        }
