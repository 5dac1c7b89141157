"""
From a blueprint to ordered steps.

Pure, total and deterministic: the same blueprint gives the same plan, and no step stands before
what it needs. Orders are planned in hundreds, which leaves room for the rows that health retries
insert behind their check.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tenantry.planning import actions, adoption, lifeplans, rollout
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.catalogue import kind_of

SPACING = 100
MAIL = ("email.notify_success", "email.notify_failure")

Keys = Iterator[tuple[str, str | None]]

PLANS: Mapping[str, Callable[[Blueprint], Keys]] = MappingProxyType(
    {
        actions.DEPLOY: rollout.deploy,
        actions.ROLLBACK: rollout.deploy,
        actions.SCALE: lifeplans.scale,
        actions.RESTART: lifeplans.restart,
        actions.SUSPEND: lifeplans.suspend,
        actions.UNSUSPEND: lifeplans.unsuspend,
        actions.BACKUP: lifeplans.back_up,
        actions.RESTORE: lifeplans.restore,
        actions.TEARDOWN: lifeplans.tear_down,
        actions.REMOVE_VOLUMES: lifeplans.remove_volumes,
        actions.ADOPT: adoption.adopt,
    }
)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One row to be: `service` names the TenantService it belongs to; mail rows gate nothing."""

    order: int
    key: str
    service: str | None
    gates: bool


def plan(blueprint: Blueprint) -> tuple[PlannedStep, ...]:
    """
    The whole plan of the blueprint's action, in order, its mail last.

    The order of a first deployment is the spec's, with one correction: the database comes before
    the first environment is written, because the target makes up its internal host name when it is
    created.
    """
    keys = [*PLANS[blueprint.action](blueprint), *((key, None) for key in MAIL)]
    return tuple(
        PlannedStep(
            order=(place + 1) * SPACING,
            key=key,
            service=service,
            gates=kind.gates if (kind := kind_of(key)) else True,
        )
        for place, (key, service) in enumerate(keys)
    )


def changes(blueprint: Blueprint) -> bool:
    """Whether the plan would change anything: looking for the project alone does not."""
    return any(step.gates and step.key != "project.create" for step in plan(blueprint))
