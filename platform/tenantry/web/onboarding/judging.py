"""Judging a table's rows against what is there, in a fixed number of queries for all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, selectinload

from tenantry.errors import Invalid
from tenantry.models import ProjectTemplate, TargetRow, Tenant
from tenantry.operations import environments, onboarding, tenants
from tenantry.operations.shapes import TenantShape, load
from tenantry.planning import environment, inputs, naming
from tenantry.web.onboarding.table import Row


def judge(session: Session, rows: Sequence[Row]) -> None:
    """
    Adds to each row what the operations would refuse; nothing is written.

    What changes between this and the adding is refused there.
    """
    products = _products(session, {row.product for row in rows})
    known = {slug: environments.known_of(session, row) for slug, row in products.items()}
    names = set(session.scalars(select(TargetRow.name)))
    wanted: dict[str, list[str]] = {}
    for row in rows:
        template = products.get(row.product)
        if template is None:
            words = f"there is no active product {row.product}" if row.product else "fill this in"
            row.errors.append(f"product: {words}")
            continue
        document = row.document()
        for judged in (_shape, _emails):
            _tell(row, judged, document)
        _tell(
            row,
            lambda one, p=template: environment.check_values(one["env"], known[p.slug]),
            document,
        )
        if document["target"] and document["target"] not in names:
            row.errors.append(f"target: must be one of {', '.join(sorted(names))}")
        hosts = _tell(row, lambda one, p=template: _hosts(p, one), document)
        if hosts is not None:
            wanted.setdefault(row.subdomain, hosts)
    _among_themselves(rows, wanted)
    _taken(session, rows, wanted)
    _refs(session, rows, products)


def _products(session: Session, slugs: set[str]) -> dict[str, ProjectTemplate]:
    found = session.scalars(
        select(ProjectTemplate)
        .where(ProjectTemplate.slug.in_(slugs), ProjectTemplate.active)
        .options(selectinload(ProjectTemplate.services))
    )
    return {row.slug: row for row in found}


def _tell(row: Row, judged: Any, document: Mapping[str, Any]) -> Any:
    """What a rule answers; None, with its words at the row, where it refuses."""
    try:
        return judged(document)
    except Invalid as trouble:
        words = f"{trouble.field}: {trouble.rule}"
        if words not in row.errors and not _said_already(row, trouble.field):
            row.errors.append(words)
        return None


def _said_already(row: Row, field: str) -> bool:
    return any(words.startswith(f"{field}: ") for words in row.errors)


def _shape(document: Mapping[str, Any]) -> None:
    load(TenantShape(), document)


def _emails(document: Mapping[str, Any]) -> None:
    inputs.emails(document["notify_emails"])


def _hosts(template: ProjectTemplate, document: Mapping[str, Any]) -> list[str]:
    label = naming.subdomain(document["subdomain"])
    return list(tenants.hostnames(template, label).values())


def _among_themselves(rows: Sequence[Row], wanted: Mapping[str, list[str]]) -> None:
    """`acme` with a service `api` and `acme-api` would share a hostname."""
    first: dict[str, Row] = {}
    for row in rows:
        for host in wanted.get(row.subdomain, ()):
            other = first.setdefault(host, row)
            if other is not row and not _said_already(row, "subdomain"):
                row.errors.append(f"subdomain: {host} would also be that of line {other.number}")


def _taken(session: Session, rows: Sequence[Row], wanted: Mapping[str, list[str]]) -> None:
    owners = onboarding.taken(session, wanted) if wanted else {}
    for row in rows:
        if row.subdomain in owners and not _said_already(row, "subdomain"):
            what, owner = owners[row.subdomain]
            row.errors.append(f"subdomain: {what} belongs to {owner.name}")


def _refs(session: Session, rows: Sequence[Row], products: Mapping[str, ProjectTemplate]) -> None:
    pairs = {
        (products[row.product].id, ref): row
        for row in rows
        if row.product in products and (ref := row.cells.get("client_ref"))
    }
    if not pairs:
        return
    there = session.execute(
        select(Tenant.project_id, Tenant.client_ref, Tenant.name).where(
            tuple_(Tenant.project_id, Tenant.client_ref).in_(list(pairs)),
            Tenant.deleted_at.is_(None),
        )
    )
    for project_id, ref, name in there:
        pairs[project_id, str(ref)].errors.append(f"client_ref: belongs to {name}")
