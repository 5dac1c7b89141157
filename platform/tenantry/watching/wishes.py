"""What staff may ask of watching; each works in the caller's transaction and is audited."""

from typing import Any

from sqlalchemy import Connection, Table, select, update

from tenantry.errors import Invalid, NotFound
from tenantry.journal import audited
from tenantry.models import HostnameWatch, ServiceWatch, Tenant
from tenantry.models.dbtime import db_now
from tenantry.watching.outages import close

TABLES: tuple[Any, ...] = (ServiceWatch.__table__, HostnameWatch.__table__)
SHORTEST, LONGEST = 5, 86_400


def pause(conn: Connection, tenant: Tenant, actor: str, user_id: int | None = None) -> int:
    """
    Nothing of this tenant is looked at until `resume`; how many services that concerns.

    Open outages end as `paused`, without a letter. NotFound where nothing is watched.
    """
    rows = _watched(conn, tenant)
    unknown = {"state": "unknown", "state_since": None, "failures": 0, "successes": 0}
    for table in TABLES:
        fresh = unknown | {"run_since": None} if table is TABLES[0] else {}
        conn.execute(_of(table, tenant).values(paused=True, leased_until=None, **fresh))
    close(conn, rows, "paused")
    _record(conn, tenant, "watch.pause", actor, user_id)
    return len(rows)


def resume(conn: Connection, tenant: Tenant, actor: str, user_id: int | None = None) -> int:
    """Everything of this tenant is looked at again, beginning now; how many services."""
    rows = _watched(conn, tenant)
    for table in TABLES:
        conn.execute(_of(table, tenant).values(paused=False, next_due_at=db_now()))
    _record(conn, tenant, "watch.resume", actor, user_id)
    return len(rows)


def probe_now(conn: Connection, tenant: Tenant, actor: str, user_id: int | None = None) -> int:
    """
    Everything of this tenant is due at once; how many services.

    What is being probed at this moment is not probed a second time.
    """
    rows = _watched(conn, tenant)
    for table in TABLES:
        conn.execute(_of(table, tenant).values(next_due_at=db_now()))
    _record(conn, tenant, "watch.probe_now", actor, user_id)
    return len(rows)


def every(
    conn: Connection, tenant: Tenant, seconds: int | None, actor: str, user_id: int | None = None
) -> int:
    """The interval of this tenant's services, None for the installation's; how many."""
    if seconds is not None and not SHORTEST <= seconds <= LONGEST:
        raise Invalid("seconds", f"must be {SHORTEST} to {LONGEST}", seconds)
    rows = _watched(conn, tenant)
    conn.execute(_of(TABLES[0], tenant).values(interval_seconds=seconds, next_due_at=db_now()))
    _record(conn, tenant, "watch.every", actor, user_id, {"interval_seconds": seconds})
    return len(rows)


def _watched(conn: Connection, tenant: Tenant) -> list[int]:
    found = conn.execute(
        select(ServiceWatch.tenant_service_id).where(ServiceWatch.tenant_id == tenant.id)
    )
    ids = list(found.scalars())
    if not ids:
        raise NotFound(f"Nothing of {tenant.subdomain} is watched: it was not deployed yet")
    return ids


def _of(table: Table, tenant: Tenant) -> Any:
    return update(table).where(table.c.tenant_id == tenant.id)


def _record(
    conn: Connection,
    tenant: Tenant,
    action: str,
    actor: str,
    user_id: int | None,
    after: dict[str, Any] | None = None,
) -> None:
    audited(
        conn,
        actor=actor,
        user_id=user_id,
        action=action,
        object_type="Tenant",
        object_id=str(tenant.public_id),
        object_name=tenant.name,
        after=after,
    )
