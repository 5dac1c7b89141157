"""
Environment values of a tenant and of its services.

Each change is a version of its own, sealed, with who and when; what is logged and audited names the
key and never the value. A key that was secret once stays so: no earlier value can come to light.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound, SecretUnreadable
from tenantry.models import EnvVar, EnvVersion, ProjectTemplate, Tenant, TenantService
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.operations import templates
from tenantry.operations.actors import Actor, record
from tenantry.planning import inputs
from tenantry.planning.environment import check_values, known_names, speaks_of_secret
from tenantry.ports import Sealed, SecretStore


@dataclass(frozen=True, slots=True)
class Place:
    """Where values are set: for all services of a tenant, or for one of them."""

    tenant: Tenant
    service: TenantService | None = None

    @property
    def words(self) -> str:
        """In an audit entry."""
        return self.service.name if self.service else "all services"


@dataclass(frozen=True, slots=True)
class Version:
    """One line of a key's history; `holds` for the one that is set now."""

    number: int
    at: datetime
    actor: str
    holds: bool


def place_of(tenant: Tenant, service: str | None = None) -> Place:
    """NotFound for a service that the tenant does not have, Invalid for its database."""
    if not service:
        return Place(tenant)
    found = next((row for row in tenant.services if row.name == service), None)
    if found is None:
        raise NotFound(f"{tenant.name} has no service {service}")
    if found.service_type == "db":
        raise Invalid("service", "a database has no environment of its own", service)
    return Place(tenant, found)


def known_of(session: Session, template: ProjectTemplate) -> frozenset[str]:
    """The placeholders that values of this product's tenants may use."""
    services = [s for s in template.services if s.active and s.service_type != "db"]
    return known_names(
        [s.name for s in services],
        templates.secret_names(session, template),
        database=template.db_required,
        kind=template.db_type,
        exposed=[s.name for s in services if s.expose_domain],
        outside=template.db_url_secret is not None,
    )


def set_value(
    session: Session,
    actor: Actor,
    store: SecretStore,
    place: Place,
    key: str,
    value: str,
    *,
    secret: bool | None = None,
) -> bool:
    """
    Sets one key; False where it has this value already.

    `secret` None keeps what the key is, and judges a new one by its name. Invalid for what dotenv
    cannot carry and for a placeholder that does not exist; Conflict where a secret key is to be
    made plain.
    """
    inputs.env_key(key, "key")
    check_values({key: value}, known_of(session, place.tenant.project))
    return _put(session, actor, store, place, key, value, secret=secret)


def set_first(
    session: Session, actor: Actor, store: SecretStore, tenant: Tenant, values: Mapping[str, str]
) -> None:
    """The values of a tenant that is just being added, checked already."""
    for key, value in values.items():
        _put(session, actor, store, Place(tenant), key, value)


def _put(
    session: Session,
    actor: Actor,
    store: SecretStore,
    place: Place,
    key: str,
    value: str,
    *,
    secret: bool | None = None,
    action: str = "env.set",
) -> bool:
    var = _locked(session, place, key)
    if var is None:
        marked = speaks_of_secret(key, value) if secret is None else secret
        var = _new(session, place, key, secret=marked)
    elif var.secret and secret is False:
        raise Conflict(f"{key} is secret and stays so")
    elif var.live and not (secret and not var.secret) and _value(session, store, var) == value:
        return False
    var.secret = var.secret or bool(secret)
    version = EnvVersion(
        public_id=uuid7(),
        env_var_id=var.id,
        number=_highest(session, var) + 1,
        actor=actor.name,
        created_by_id=actor.user_id,
        created_at=db_now(),
    )
    sealed = store.seal(value, version.bound_to)
    version.encrypted_value, version.key_id = sealed.ciphertext, sealed.key_id
    session.add(version)
    var.current, var.removed_at = version.number, None
    _noted(session, actor, place, action, var)
    return True


def _new(session: Session, place: Place, key: str, *, secret: bool) -> EnvVar:
    var = EnvVar(
        public_id=uuid7(),
        tenant_id=place.tenant.id,
        tenant_service_id=place.service.id if place.service else None,
        key=key,
        secret=secret,
        removed_at=db_now(),
    )
    try:
        with session.begin_nested():
            session.add(var)
            session.flush()
    except IntegrityError:
        raise Conflict(f"Somebody else has set {key} a moment ago") from None
    return var


def unset(session: Session, actor: Actor, place: Place, key: str) -> None:
    """Lets what lies below hold again; the versions stay. NotFound where it is not set here."""
    var = _need(session, place, key)
    if not var.live:
        raise NotFound(f"{key} is not set here")
    var.removed_at = db_now()
    _noted(session, actor, place, "env.unset", var)


def revert(
    session: Session, actor: Actor, store: SecretStore, place: Place, key: str, number: int
) -> None:
    """Sets the value of an earlier version again, as a new one. Conflict where it holds already."""
    var = _need(session, place, key)
    then = session.scalar(
        select(EnvVersion).where(EnvVersion.env_var_id == var.id, EnvVersion.number == number)
    )
    if then is None:
        raise NotFound(f"{key} has no version {number}")
    value = open_version(store, then)
    check_values({key: value}, known_of(session, place.tenant.project))
    if not _put(session, actor, store, place, key, value, action="env.revert"):
        raise Conflict(f"{key} has the value of version {number} already")


def mark_secret(session: Session, actor: Actor, place: Place, key: str) -> None:
    """From now on its values are masked; there is no way back."""
    var = _need(session, place, key)
    if not var.secret:
        var.secret = True
        _noted(session, actor, place, "env.mark_secret", var)


def is_secret(session: Session, place: Place, key: str) -> bool:
    """Whether a key was set here as a secret, be it unset by now."""
    var = _find(session, place, key)
    return var is not None and var.secret


def history(session: Session, place: Place, key: str) -> list[Version]:
    """The versions of a key, newest first; no values. NotFound for one that was never set here."""
    var = _find(session, place, key)
    if var is None:
        raise NotFound(f"{key} was never set here")
    rows = session.scalars(
        select(EnvVersion).where(EnvVersion.env_var_id == var.id).order_by(EnvVersion.number.desc())
    )
    return [
        Version(row.number, row.created_at, row.actor, var.live and row.number == var.current)
        for row in rows
    ]


def holding(session: Session, tenant: Tenant) -> list[tuple[EnvVar, EnvVersion]]:
    """What is set for a tenant and its services: each live key with its version; one query."""
    rows = session.execute(
        select(EnvVar, EnvVersion)
        .join(
            EnvVersion,
            (EnvVersion.env_var_id == EnvVar.id) & (EnvVersion.number == EnvVar.current),
        )
        .where(EnvVar.tenant_id == tenant.id, EnvVar.removed_at.is_(None))
        .order_by(EnvVar.key)
    )
    return [(row[0], row[1]) for row in rows]


def sealed_layers(
    rows: Iterable[tuple[EnvVar, EnvVersion]],
) -> dict[int | None, dict[str, str]]:
    """Id of the service's row, None for the tenant → KEY → public id of the version that holds."""
    found: dict[int | None, dict[str, str]] = {}
    for var, version in rows:
        found.setdefault(var.tenant_service_id, {})[var.key] = str(version.public_id)
    return found


def open_version(store: SecretStore, version: EnvVersion) -> str:
    """SecretUnreadable where it does not open, or was wiped when its tenant was torn down."""
    if not version.encrypted_value:
        raise SecretUnreadable("This value was wiped when its tenant was torn down")
    return store.open(Sealed(version.encrypted_value, version.key_id, version.bound_to))


def _value(session: Session, store: SecretStore, var: EnvVar) -> str | None:
    """What it is set to; None where that does not open: then any value is a new one."""
    version = session.scalars(
        select(EnvVersion).where(EnvVersion.env_var_id == var.id, EnvVersion.number == var.current)
    ).one()
    try:
        return open_version(store, version)
    except SecretUnreadable:
        return None


def _highest(session: Session, var: EnvVar) -> int:
    numbers = select(func.max(EnvVersion.number)).where(EnvVersion.env_var_id == var.id)
    return session.scalar(numbers) or 0


def _find(session: Session, place: Place, key: str, *, lock: bool = False) -> EnvVar | None:
    service_id = place.service.id if place.service else None
    wanted = select(EnvVar).where(
        EnvVar.tenant_id == place.tenant.id,
        EnvVar.tenant_service_id.is_not_distinct_from(service_id),
        EnvVar.key == key,
    )
    if lock:
        wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(wanted)


def _locked(session: Session, place: Place, key: str) -> EnvVar | None:
    """Two who set the same key at once stand in line, and each version has its number."""
    return _find(session, place, key, lock=True)


def _need(session: Session, place: Place, key: str) -> EnvVar:
    var = _locked(session, place, key)
    if var is None:
        raise NotFound(f"{key} is not set here")
    return var


def _noted(session: Session, actor: Actor, place: Place, action: str, var: EnvVar) -> None:
    session.flush()
    after = {"key": var.key, "for": place.words, "version": var.current, "secret": var.secret}
    record(session, actor, action, place.tenant, after=after)
