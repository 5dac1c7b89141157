"""
From a blueprint to ordered steps.

Pure, total and deterministic: the same blueprint gives the same plan, and no step stands before
what it needs. Orders are planned in hundreds, which leaves room for the rows that health retries
insert behind their check.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from tenantry.planning.blueprint import Blueprint, ServiceSpec
from tenantry.planning.catalogue import kind_of, service_key

SPACING = 100


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One row to be: `service` names the TenantService it belongs to; mail rows gate nothing."""

    order: int
    key: str
    service: str | None
    gates: bool


def plan(blueprint: Blueprint) -> tuple[PlannedStep, ...]:
    """
    The whole plan, in order.

    The order is the spec's, with one correction: the database comes before the first environment
    is written, because the target makes up its internal host name when it is created.
    """
    return tuple(
        PlannedStep(
            order=(place + 1) * SPACING,
            key=key,
            service=service,
            gates=kind.gates if (kind := kind_of(key)) else True,
        )
        for place, (key, service) in enumerate(_keys(blueprint))
    )


def _keys(blueprint: Blueprint) -> Iterator[tuple[str, str | None]]:
    services = blueprint.ordered()
    yield "project.create", None
    if blueprint.database:
        yield "db.create", blueprint.database.service
        yield "db.deploy", blueprint.database.service
    for service in services:
        yield from _set_up(service)
    for _, group in groupby(services, key=lambda s: s.order):
        yield from _roll_out(tuple(group))
    exposed = [s for s in services if s.hostname]
    for service in exposed:
        yield "domains.create", service.name
    for service in exposed:
        yield "domains.wait_propagation", service.name
    for service in services:
        yield "health.check", service.name
    for service in services:
        if service.provision_endpoint and service.hostname:
            yield "internal.provision", service.name
    yield "email.notify_success", None
    yield "email.notify_failure", None


def _set_up(service: ServiceSpec) -> Iterator[tuple[str, str]]:
    deeds = ["create", "env_set"] if service.image else _GIT_DEEDS
    for deed in deeds:
        yield service_key(service.name, deed), service.name


_GIT_DEEDS = ["create", "git_attach", "build_config", "env_set"]


def _roll_out(group: Iterable[ServiceSpec]) -> Iterator[tuple[str, str]]:
    """Services of equal order: all are triggered, then all awaited, so that builds overlap."""
    group = tuple(group)
    for deed in ("deploy", "wait_deploy"):
        for service in group:
            yield service_key(service.name, deed), service.name
