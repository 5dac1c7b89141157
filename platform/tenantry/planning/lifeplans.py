"""Plans for the years after the first deployment: scale, suspend, back up, restore, tear down."""

from collections.abc import Iterator

from tenantry.planning.blueprint import Blueprint, ServiceSpec
from tenantry.planning.catalogue import service_key

Keys = Iterator[tuple[str, str | None]]


def _chosen(blueprint: Blueprint) -> list[ServiceSpec]:
    return [s for s in blueprint.ordered() if s.deeds != ()]


def scale(blueprint: Blueprint) -> Keys:
    """Replicas and limits of the chosen services; a database is restarted by its new limits."""
    database = blueprint.database
    if database and (database.deeds is None or "settings" in database.deeds):
        yield "db.settings", database.service
        yield "db.restart", database.service
    chosen = _chosen(blueprint)
    for service in chosen:
        yield service_key(service.name, "settings"), service.name
        yield service_key(service.name, "reload"), service.name
    yield from _seen_again(chosen)


def restart(blueprint: Blueprint) -> Keys:
    """
    Applies the stored settings again, which replaces every container.

    A stack is stopped and deployed: a deploy alone leaves alone what its file does not change.
    """
    chosen = _chosen(blueprint)
    stacks = [s for s in chosen if s.compose]
    plain = [s for s in chosen if not s.compose]
    for service in plain:
        yield service_key(service.name, "reload"), service.name
    for deed in ("stop", "deploy", "wait_deploy"):
        for service in stacks:
            yield service_key(service.name, deed), service.name
    yield from _seen_again(chosen)


def _seen_again(services: list[ServiceSpec]) -> Keys:
    for service in services:
        yield service_key(service.name, "observe"), service.name
    for service in services:
        # Nothing answers where nothing is wanted.
        if service.replicas:
            yield "health.check", service.name


def suspend(blueprint: Blueprint) -> Keys:
    """Schedules and routers first, then containers; the database only where staff ask for it."""
    services = _chosen(blueprint)
    for service in services:
        if not service.compose:
            yield service_key(service.name, "schedules_off"), service.name
        if service.hostname and not service.compose:
            yield "domains.switch_off", service.name
    for service in reversed(services):
        yield service_key(service.name, "stop"), service.name
    if blueprint.database and blueprint.with_database:
        yield "db.stop", blueprint.database.service


def unsuspend(blueprint: Blueprint) -> Keys:
    """The way back: reload with the wanted replicas, or a build where the image is gone."""
    services = _chosen(blueprint)
    if blueprint.database:
        yield "db.start", blueprint.database.service
    for service in services:
        yield service_key(service.name, "wake"), service.name
        yield service_key(service.name, "wait_wake"), service.name
    for service in services:
        if service.hostname and not service.compose:
            yield "domains.switch_on", service.name
        if not service.compose:
            yield service_key(service.name, "schedules_on"), service.name
    for service in services:
        if service.replicas:
            yield "health.check", service.name


def back_up(blueprint: Blueprint) -> Keys:
    """Every database and every volume of the tenant, now."""
    if blueprint.database:
        yield "backup.run", blueprint.database.service
    for service in blueprint.ordered():
        if service.volumes:
            yield "backup.run", service.name


def restore(blueprint: Blueprint) -> Keys:
    """The file is there with its size, a fresh backup of what is, the restore, our own check."""
    if blueprint.database is None:
        return
    database = blueprint.database.service
    yield "restore.check", database
    yield "backup.gate", database
    yield "restore.run", database
    yield "restore.verify", database
    for service in blueprint.ordered():
        if service.replicas:
            yield "health.check", service.name


def tear_down(blueprint: Blueprint) -> Keys:
    """
    From the outside in: what fires by itself, what is reached, what runs, what holds it all.

    Volumes and stored backups stay, and are named by the certificate.
    """
    services = blueprint.ordered()
    database = blueprint.database
    yield "teardown.wait_builds", None
    if database and blueprint.gate:
        yield "db.start", database.service
        yield "backup.final", database.service
    for service in services:
        yield service_key(service.name, "schedules_remove"), service.name
    for service in services:
        yield "domains.remove", service.name
    for service in reversed(services):
        yield service_key(service.name, "remove"), service.name
    if database:
        yield "db.remove", database.service
    for service in services:
        if service.git:
            yield service_key(service.name, "image_remove"), service.name
    yield "project.remove", None
    yield "teardown.certify", None


def remove_volumes(blueprint: Blueprint) -> Keys:
    """Volumes that staff have named one by one; the data is gone after it."""
    if blueprint.volumes:
        yield "volumes.remove", None
