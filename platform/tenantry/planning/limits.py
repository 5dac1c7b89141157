"""
Replicas and resource limits: what people may ask for, and the exact units that a target takes.

Ranges are seed 003's. Targets parse their strings with parseInt: "256m" is 256 bytes there and
"0.5" no CPU at all, so nothing but whole bytes and nanoCPUs ever leaves this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenantry.errors import Invalid

MOST_REPLICAS = 50
CPU_CORES = (0.5, 32.0)
MEMORY_MB = (512, 65_536)
GPU_UNITS = (0, 8)
STORAGE_GB = (1, 1024)
MEGABYTE = 1024 * 1024
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """None means no limit. `cpu_cores` may be a fraction; `gpu_units` 0 is none."""

    cpu_cores: float | None = None
    memory_mb: int | None = None
    gpu_units: int = 0
    storage_gb: int | None = None

    @property
    def memory_bytes(self) -> str | None:
        """As a target takes it: whole bytes in a string."""
        return None if self.memory_mb is None else str(self.memory_mb * MEGABYTE)

    @property
    def nano_cpus(self) -> str | None:
        """As a target takes it: whole nanoCPUs in a string."""
        return None if self.cpu_cores is None else str(round(self.cpu_cores * NANO))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What a kind of target can do at all; what it cannot is refused, never silently stored.

    `restore` is off unless staff switch it on for a target: Dokploy's restore is not in its
    published API and reports success for a file that does not exist.
    """

    gpu: bool = False
    storage_quota: bool = False
    restore: bool = False


def replicas(value: object, field: str = "replicas", *, stateful: bool = False) -> int:
    """0-50, a whole number; `stateful` services (with a volume) never above one."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(field, "must be a whole number", value)
    if not 0 <= value <= MOST_REPLICAS:
        raise Invalid(field, f"must be from 0 to {MOST_REPLICAS}", value)
    if stateful and value > 1:
        raise Invalid(field, "must be 0 or 1: two processes must never share one volume", value)
    return value


def limits(
    values: Mapping[str, Any], able: Capabilities = Capabilities(), field: str = "limits"
) -> Limits:
    """
    Checked limits from plain numbers; None or absent means no limit.

    Invalid names the field, its range and the value, also for a number given with a unit, and for
    what the target cannot do.
    """
    unknown = set(values) - set(Limits.__dataclass_fields__)
    if unknown:
        raise Invalid(f"{field}.{min(unknown)}", "is not a limit")
    made = Limits(
        cpu_cores=_number(values.get("cpu_cores"), f"{field}.cpu_cores", CPU_CORES, "cores"),
        memory_mb=_whole(values.get("memory_mb"), f"{field}.memory_mb", MEMORY_MB, "MB"),
        gpu_units=_whole(values.get("gpu_units"), f"{field}.gpu_units", GPU_UNITS, "GPUs") or 0,
        storage_gb=_whole(values.get("storage_gb"), f"{field}.storage_gb", STORAGE_GB, "GB"),
    )
    if made.gpu_units and not able.gpu:
        raise Invalid(f"{field}.gpu_units", "this target cannot reserve GPUs", made.gpu_units)
    if made.storage_gb is not None and not able.storage_quota:
        raise Invalid(f"{field}.storage_gb", "this target has no storage quota", made.storage_gb)
    return made


def _number(value: object, field: str, span: tuple[float, float], unit: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(field, f"must be a plain number of {unit}, without a unit", value)
    # NaN compares false with everything, so it falls out here too.
    if not span[0] <= value <= span[1]:
        raise Invalid(field, f"must be from {span[0]:g} to {span[1]:g} {unit}", value)
    return float(value)


def _whole(value: object, field: str, span: tuple[int, int], unit: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(field, f"must be a whole number of {unit}, without a unit", value)
    if not span[0] <= value <= span[1]:
        raise Invalid(field, f"must be from {span[0]} to {span[1]} {unit}", value)
    return value
