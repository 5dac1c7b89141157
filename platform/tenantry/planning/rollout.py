"""
The plan of a deployment: everything at first, afterwards only what differs.

A service's `deeds` and the database's say what differs (see `differences`); None means everything.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from tenantry.planning.adoption import adopt
from tenantry.planning.blueprint import Blueprint, DatabaseSpec, ServiceSpec
from tenantry.planning.catalogue import service_key
from tenantry.planning.differences import CHECK

Keys = Iterator[tuple[str, str | None]]


def deploy(blueprint: Blueprint) -> Keys:
    """Gate, project, database, set-up of each service, builds, domains, health, provisioning."""
    services = [s for s in blueprint.ordered() if s.deeds != ()]
    if blueprint.gate and blueprint.database:
        yield "backup.gate", blueprint.database.service
    # Before anything is looked for: what lost its marker would be made a second time.
    yield from adopt(blueprint)
    yield "project.create", None
    if blueprint.database:
        needed = any(service.deeds != (CHECK,) for service in services)
        yield from _database(blueprint.database, needed=needed)
    for service in services:
        yield from _set_up(service)
    for _, group in groupby(services, key=lambda s: s.order):
        yield from _roll_out(tuple(group))
    exposed = [s for s in services if s.hostname and s.takes("domains")]
    yield from _domains(exposed)
    for service in services:
        if service.deeds is None or set(service.deeds) & {"deploy", "reload", "domains", CHECK}:
            yield "health.check", service.name
    for service in services:
        if service.provision_endpoint and service.hostname and service.deeds is None:
            yield "internal.provision", service.name
    yield from _backups(blueprint, services)


def _backups(blueprint: Blueprint, services: list[ServiceSpec]) -> Keys:
    kept: list[tuple[str, tuple[str, ...] | None]] = [
        (s.name, s.deeds) for s in services if s.volumes
    ]
    if blueprint.database:
        kept.insert(0, (blueprint.database.service, blueprint.database.deeds))
    for name, deeds in kept:
        # A plan that was dropped must be taken off the target too.
        if "schedule" in (deeds or ()) or (deeds is None and blueprint.backup):
            yield "backup.schedule", name


def _database(database: DatabaseSpec, *, needed: bool) -> Keys:
    if database.deeds is None or needed:
        # Also where nothing of it differs: services must never start beside one that is gone.
        yield "db.create", database.service
        yield "db.deploy", database.service
    if database.deeds is None:
        return
    if "start" in database.deeds:
        yield "db.start", database.service
    if "settings" in database.deeds:
        yield "db.settings", database.service
        yield "db.restart", database.service


def _set_up(service: ServiceSpec) -> Keys:
    deeds = ["create", *(_own_deeds(service)), "env_set"]
    for deed in deeds:
        if service.takes(deed):
            yield service_key(service.name, deed), service.name
    if service.compose and service.hostname and service.takes("domains"):
        # A stack's router comes with its next deploy, so the domain must be there before.
        yield from _routed(service)


def _own_deeds(service: ServiceSpec) -> Iterator[str]:
    if service.compose:
        yield "file_set"
    if service.git:
        yield from ("git_attach", "build_config")
    if service.volumes:
        yield "mount"
    if service.deeds is not None:
        # At first its creation settles how it runs.
        yield "settings"
    if service.deeds is not None and not service.fresh_build:
        yield "cached_build"


def _roll_out(group: Iterable[ServiceSpec]) -> Keys:
    """Services of equal order: all are triggered, then all awaited, so that builds overlap."""
    built = [s for s in group if s.takes("deploy")]
    for service in built:
        if service.roll_back:
            yield service_key(service.name, "roll_back"), service.name
            yield service_key(service.name, "observe"), service.name
            continue
        if service.fresh_build:
            yield service_key(service.name, "fresh_build"), service.name
        yield service_key(service.name, "deploy"), service.name
    for service in built:
        if not service.roll_back:
            yield service_key(service.name, "wait_deploy"), service.name
        if service.fresh_build and not service.roll_back:
            yield service_key(service.name, "cached_build"), service.name
    for service in group:
        if service.deeds is not None and "reload" in service.deeds and service not in built:
            yield service_key(service.name, "reload"), service.name
            yield service_key(service.name, "observe"), service.name


def _domains(exposed: list[ServiceSpec]) -> Keys:
    for service in exposed:
        if not service.compose:
            yield from _routed(service)
    for service in exposed:
        if service.deeds is not None and "switch_on" in service.deeds:
            yield "domains.switch_on", service.name
        yield "domains.wait_propagation", service.name


def _routed(service: ServiceSpec) -> Keys:
    yield "domains.create", service.name
    if aliases_follow(service):
        yield "domains.alias", service.name


def aliases_follow(service: ServiceSpec) -> bool:
    """Whether additional hostnames are seen to after the service's own."""
    # Later on, one that is no longer wanted must go.
    return bool(service.aliases or service.retired) or service.deeds is not None
