"""What a tenant should become and is not yet: its product has moved, or its own settings have."""

from collections.abc import Callable

from sqlalchemy.orm import Session, sessionmaker

from tenantry.engine.drift_facts import Wanted
from tenantry.errors import TenantryError
from tenantry.models import TemplateRelease, Tenant
from tenantry.operations import backups
from tenantry.operations.actors import SYSTEM
from tenantry.operations.preparing import prepare
from tenantry.operations.wishes import Shaped, Wish
from tenantry.planning.differences import PARTS
from tenantry.planning.drift import PRODUCT, TENANT, Difference
from tenantry.ports import SecretStore

NOT_DEPLOYED = "not deployed yet"


def wanted_by(sessions: sessionmaker[Session], store: SecretStore) -> Callable[[int], Wanted]:
    """For an Auditor: each answer comes from a transaction that is thrown away."""

    def wanted(tenant_id: int) -> Wanted:
        with sessions() as session:
            try:
                tenant = session.get(Tenant, tenant_id)
                return of(session, tenant, store) if tenant else Wanted()
            except TenantryError:
                # What cannot be planned now says so where it is asked to be deployed.
                return Wanted()
            finally:
                session.rollback()

    return wanted


def of(session: Session, tenant: Tenant, store: SecretStore) -> Wanted:
    """
    The newest release, and the release that runs under the tenant's settings of now.

    What differs under both was moved by the tenant's settings, what differs only under the newest
    by the product. The caller throws its transaction away.
    """
    running = session.get(TemplateRelease, tenant.release_id) if tenant.release_id else None
    newest, release = prepare(session, SYSTEM, tenant, store, Wish())
    own = newest
    if running is not None and release is not None and running.id != release.id:
        own, _ = prepare(session, SYSTEM, tenant, store, Wish(release=running.number))
    number = release.number if release else None
    policy = backups.policy_of(session, tenant)
    mover = TENANT if policy is not None and policy.tenant_id is not None else PRODUCT
    return Wanted(
        (newest.blueprint, own.blueprint),
        tuple(_moved(newest, own, number)),
        newest.blueprint.backup,
        mover,
    )


def _moved(newest: Shaped, own: Shaped, number: int | None) -> list[Difference]:
    found = []
    for service, parts in newest.differing.items():
        mine = own.differing.get(service, ())
        for part in parts:
            mover = TENANT if part in mine else PRODUCT
            words = f"release {number}" if mover == PRODUCT else "the tenant's own settings"
            field = f"{mover}: {PARTS[part]}"
            found.append(Difference(service, field, words, NOT_DEPLOYED, mover, service))
    return found
