"""A project that stands on a target already, read in full and matched with a product."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tenantry.errors import Invalid, NotFound
from tenantry.models import ProjectTemplate
from tenantry.planning.databases import IMAGE_KINDS
from tenantry.ports import (
    ApplicationSeen,
    ComposeSeen,
    DatabaseSeen,
    DomainSeen,
    ProjectSeen,
    ServiceSeen,
    Target,
)

APPLICATION = "application"
COMPOSE = "compose"
Seen = ApplicationSeen | ComposeSeen | DatabaseSeen


@dataclass(frozen=True, slots=True)
class Found:
    """`services` are those that were matched, by the product's own name for them."""

    project: ProjectSeen
    services: Mapping[str, Seen] = field(default_factory=dict)

    def domains(self, name: str) -> tuple[DomainSeen, ...]:
        """Hostnames of one service, as they stand there."""
        seen = self.services.get(name)
        return () if seen is None or isinstance(seen, DatabaseSeen) else seen.domains

    def left(self) -> list[ServiceSeen]:
        """What stands in the project and was matched with nothing: it stays as it is."""
        taken = {seen.id for seen in self.services.values()}
        return [seen for seen in self.project.services if seen.id not in taken]


def kinds_of(template: ProjectTemplate) -> dict[str, str]:
    """Service → what it must be on a target."""
    found = {}
    for service in template.services:
        if not service.active:
            continue
        if service.service_type == "db":
            image = template.db_type in IMAGE_KINDS
            found[service.name] = APPLICATION if image else template.db_type
        else:
            found[service.name] = COMPOSE if service.compose_file else APPLICATION
    return found


def look(
    target: Target, project_id: str, kinds: Mapping[str, str], named: Mapping[str, str]
) -> Found:
    """
    Reads the project and each service; no transaction may be open.

    `named` is service → id; one that is not named there is matched by its name where exactly one
    of its kind bears it. NotFound where the project is not there, Invalid for an id that is none
    of it or is of another kind.
    """
    project = target.project(project_id)
    if project is None:
        raise NotFound(f"There is no project {project_id} on the target")
    for name in named:
        if name not in kinds:
            raise Invalid("service", "is none of the product's services", name)
    services: dict[str, Seen] = {}
    for name, kind in kinds.items():
        brief = _match(project, name, kind, named.get(name))
        seen = _in_full(target, brief) if brief else None
        if seen is not None:
            services[name] = seen
    if not services:
        raise Invalid("service", "name at least one: none in the project bears a product's name")
    return Found(project, services)


def _match(project: ProjectSeen, name: str, kind: str, key: str | None) -> ServiceSeen | None:
    if key is None:
        same = [s for s in project.services if s.name == name and s.kind == kind]
        return same[0] if len(same) == 1 else None
    found = next((s for s in project.services if s.id == key), None)
    if found is None:
        raise Invalid(f"service.{name}", f"is no service of the project {project.name}", key)
    if found.kind != kind:
        raise Invalid(f"service.{name}", f"must be of kind {kind}, it is {found.kind}", key)
    return found


def _in_full(target: Target, seen: ServiceSeen) -> Seen | None:
    if seen.kind == APPLICATION:
        return target.application(seen.id)
    if seen.kind == COMPOSE:
        return target.compose(seen.id)
    return target.database_in_full(seen.kind, seen.id)  # type: ignore[arg-type]
