"""What each service of a tenant would be given: every key, where it comes from, what it covers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from tenantry.errors import NotFound, SecretUnreadable
from tenantry.journal import Redactor
from tenantry.models import EnvVar, EnvVersion, Tenant, TenantService
from tenantry.operations import blueprints, environments, layers, templates
from tenantry.planning.environment import MASK, Winner, speaks_of_secret, winners
from tenantry.ports import SecretStore
from tenantry.steps.environment import ORIGINS, origins

UNREADABLE = "does not open with our keys"
Holding = Mapping[str, tuple[EnvVar, EnvVersion]]


@dataclass(frozen=True, slots=True)
class Line:
    """
    One key as a service would be given it.

    `shown` is the value, or a mask. `source` is the layer it comes from, `covers` the layers below
    that have it too. `state` against what was last set on the target: new, changed, removed, or
    empty where nothing differs or nothing was ever set. `place` says where it can be changed here:
    tenant, service, or nowhere; `version` is its number there.
    """

    key: str
    shown: str
    secret: bool
    source: str
    covers: tuple[str, ...] = ()
    state: str = ""
    place: str = ""
    version: int | None = None


def effective(session: Session, store: SecretStore, tenant: Tenant, service: str) -> list[Line]:
    """Every key of one service; NotFound where the tenant has no such service."""
    environments.place_of(tenant, service)
    found = overview(session, store, tenant)
    if service not in found:
        raise NotFound(f"{service} is no longer part of {tenant.project.name}")
    return found[service]


def differences(session: Session, store: SecretStore, tenant: Tenant, service: str) -> list[Line]:
    """The keys of one service that the next deployment would add, change or remove."""
    return [line for line in effective(session, store, tenant, service) if line.state]


def overview(session: Session, store: SecretStore, tenant: Tenant) -> dict[str, list[Line]]:
    """
    The same of every service, by name, in a fixed number of queries.

    Values that are not secret are opened to be shown; those of secret keys are not opened.
    """
    frozen = templates.snapshot(tenant.project)
    rows = environments.holding(session, tenant)
    sealed = environments.sealed_layers(rows)
    by_version = {str(version.public_id): (var, version) for var, version in rows}
    marks = blueprints.secret_marks(session, tenant.project_id)
    own = {row.name: row for row in tenant.services}
    found = {}
    for item in frozen["services"]:
        row = own.get(item["name"])
        if row is None or row.service_type == "db":
            continue
        won = winners(layers.of_service(frozen, item, row.id, sealed, {}))
        lines = [_line(store, key, one, by_version) for key, one in won.items()]
        found[row.name] = _against(lines, row, origins(tenant.external_ref, won, marks))
    return found


def _line(store: SecretStore, key: str, one: Winner, by_version: Holding) -> Line:
    if one.version is None:
        secret = speaks_of_secret(key, one.value)
        shown = MASK if secret else Redactor().redact(one.value)
        return Line(key, shown, secret, one.source, one.covers)
    var, version = by_version[one.version]
    place = "tenant" if var.tenant_service_id is None else "service"
    shown = MASK if var.secret else _shown(store, version)
    return Line(key, shown, var.secret, one.source, one.covers, "", place, version.number)


def _shown(store: SecretStore, version: EnvVersion) -> str:
    try:
        return Redactor().redact(environments.open_version(store, version))
    except SecretUnreadable:
        return UNREADABLE


def _against(lines: list[Line], row: TenantService, now: Mapping[str, str]) -> list[Line]:
    then: Any = row.applied.get(ORIGINS)
    if then is None:
        return sorted(lines, key=lambda line: line.key)
    found = [replace(line, state=_state(line.key, then, now)) for line in lines]
    gone = set(then) - set(now)
    found += [Line(key, "", secret=False, source="", state="removed") for key in gone]
    return sorted(found, key=lambda line: line.key)


def _state(key: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    if key not in then:
        return "new"
    return "" if then[key] == now[key] else "changed"
