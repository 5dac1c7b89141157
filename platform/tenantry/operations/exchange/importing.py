"""
Reading the document back: first as a plan that says what would change, then in one transaction.

Products and tenants are found by slug and subdomain, never by an id. Nothing is deployed and
nothing is removed: what stands here and not in the document stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid
from tenantry.models import ProjectTemplate, Tenant
from tenantry.operations import backups, environments, templates, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.exchange import exporting, parts
from tenantry.operations.exchange.parts import Destinations
from tenantry.planning import inputs
from tenantry.ports import SecretStore


@dataclass(frozen=True, slots=True)
class Change:
    """One product or tenant: `deed` is create, change or same; `parts` what differs."""

    kind: str
    name: str
    deed: str
    parts: tuple[str, ...] = ()


def run(
    session: Session,
    actor: Actor,
    store: SecretStore,
    document: Mapping[str, Any],
    destinations: Destinations,
    *,
    secret_values: Mapping[str, str] | None = None,
) -> list[Change]:
    """
    Brings products and tenants to what the document says; a plan where the caller rolls back.

    `secret_values` come from a bundle: `tenant/service/KEY` or `tenant//KEY`. Invalid or Conflict
    names the first entry that does not fit, and nothing is stored then.
    """
    found = [_product(session, actor, store, e, destinations) for e in document["products"]]
    for entry in document["tenants"]:
        try:
            found.append(_tenant(session, actor, store, entry, destinations, secret_values or {}))
        except Invalid as trouble:
            where = f"tenants[{entry['subdomain']}].{trouble.field}"
            raise Invalid(where, trouble.rule) from None
    return found


def _product(
    session: Session,
    actor: Actor,
    store: SecretStore,
    entry: Mapping[str, Any],
    destinations: Destinations,
) -> Change:
    slug = str(entry["template"].get("slug") or "")
    there = session.scalar(select(ProjectTemplate).where(ProjectTemplate.slug == slug))
    before = exporting.product_entry(session, there) if there else None
    wanted = {name: value for name, value in entry.items() if value is not None}
    if before == wanted:
        return Change("product", slug, "same")
    made = templates.save(session, actor, entry["template"], store)
    if backup := entry.get("backup"):
        given = {
            "destination": backup["destination"],
            "schedule": backup["schedule"],
            "retention_days": backup["retention"],
            "gate": backup["gate"],
            "enabled": backup["enabled"],
            "overdue_hours": backup["overdueHours"],
        }
        backups.set_policy(session, actor, made, given, destinations)
    return _change("product", made.slug, before, wanted)


def _change(
    kind: str, name: str, before: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> Change:
    if before is None:
        return Change(kind, name, "create")
    parts = sorted(k for k in {*before, *wanted} if before.get(k) != wanted.get(k))
    return Change(kind, name, "change" if parts else "same", tuple(parts))


def _tenant(
    session: Session,
    actor: Actor,
    store: SecretStore,
    entry: Mapping[str, Any],
    destinations: Destinations,
    secret_values: Mapping[str, str],
) -> Change:
    there = session.scalar(
        select(Tenant).where(
            Tenant.subdomain == entry["subdomain"].lower(), Tenant.deleted_at.is_(None)
        )
    )
    before = exporting.tenant_entry(session, store, there) if there else None
    if there is not None and there.project.slug != entry["product"]:
        raise Conflict(f"{there.subdomain} is a tenant of {there.project.slug} here")
    row = there or _added(session, actor, store, entry)
    if there is not None:
        row.name = " ".join(entry["name"].split())
        row.client_ref = entry["clientRef"]
        row.notify_emails = list(inputs.emails(entry["notifyEmails"]))
    _same_secrets(session, row, entry)
    parts.values(
        session, actor, store, environments.Place(row), entry["environment"], secret_values
    )
    for application in entry["applications"]:
        parts.application(session, actor, store, row, application, secret_values)
    for database in entry["databases"]:
        parts.database(session, actor, row, database, destinations)
    session.flush()
    after = exporting.tenant_entry(session, store, row)
    return _change("tenant", row.subdomain, before, after)


def _added(session: Session, actor: Actor, store: SecretStore, entry: Mapping[str, Any]) -> Tenant:
    template = templates.find(session, entry["product"])
    made = tenants.add(
        session,
        actor,
        template,
        {
            "name": entry["name"],
            "subdomain": entry["subdomain"],
            "client_ref": entry["clientRef"],
            "target": entry["target"],
            "notify_emails": entry["notifyEmails"],
        },
        store,
        even_inactive=True,
    )
    session.refresh(made, ["services", "project"])
    return made


def _same_secrets(session: Session, row: Tenant, entry: Mapping[str, Any]) -> None:
    """Names only: a secret that this product does not make is one of another kind of tenant."""
    known = exporting.secret_names(session, row)
    for name in entry["secrets"]:
        if name not in known:
            raise Invalid("secrets", "this product makes no such secret", name)


def missing(document: Mapping[str, Any], there: Mapping[str, str]) -> list[str]:
    """Secret variables that the document names and no bundle gives: `tenant/service/KEY`."""
    found = []
    for entry in document["tenants"]:
        places = [("", entry["environment"])]
        places += [(a["name"], a["environment"]) for a in entry["applications"]]
        for service, variables in places:
            for variable in variables:
                name = f"{entry['subdomain']}/{service}/{variable['key']}"
                if variable["secret"] and name not in there:
                    found.append(name)
    return found


def preview_text(changes: list[Change]) -> str:
    """The plan for people, one line each, what stays the same counted."""
    same = sum(change.deed == "same" for change in changes)
    lines = [
        f"{c.deed:7} {c.kind} {c.name}{': ' + ', '.join(c.parts) if c.parts else ''}"
        for c in changes
        if c.deed != "same"
    ]
    return "\n".join([*lines, f"{same} stay as they are"])
