"""
Every kind of step: its title for people, its queue, its deadlines and its patience.

A step key is what the timeline shows (`service.backend.create`); a kind is what a handler serves
(`service.create`). This table is the only place where the two are matched.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tenantry.planning import kinds_of_adoption, kinds_of_life, kinds_of_rollout
from tenantry.planning.stepkind import (
    QUEUES,
    SLOW_QUEUE,
    STEPS_QUEUE,
    SUSPECT_QUEUE,
    StepKind,
)

__all__ = [
    "ALIASES",
    "KINDS",
    "QUEUES",
    "SLOW_QUEUE",
    "STEPS_QUEUE",
    "SUSPECT_QUEUE",
    "StepKind",
    "kind_name",
    "kind_of",
    "service_key",
]

_ALL = (*kinds_of_rollout.KINDS, *kinds_of_life.KINDS, *kinds_of_adoption.KINDS)
KINDS: Mapping[str, StepKind] = MappingProxyType({kind.name: kind for kind in _ALL})
# The spec spells these two ways; filters accept both, rows hold the first.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "domain.create": "domains.create",
        "domain.propagation_wait": "domains.wait_propagation",
    },
)


def kind_name(step_key: str) -> str:
    """`service.backend.create` → `service.create`; other keys are their own kind."""
    parts = step_key.split(".")
    if parts[0] == "service" and len(parts) == 3:  # noqa: PLR2004 — service.<name>.<deed>
        return f"service.{parts[2]}"
    return ALIASES.get(step_key, step_key)


def kind_of(step_key: str) -> StepKind | None:
    """None where this version does not know the key: the row waits for a newer worker."""
    return KINDS.get(kind_name(step_key))


def service_key(service: str, deed: str) -> str:
    """`service.<name>.<deed>`."""
    return f"service.{service}.{deed}"
