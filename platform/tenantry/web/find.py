"""
Search and jump: tenants, products, deployments, pages and actions by a few typed letters.

The palette asks for JSON; without scripts the same address is a page of results. Every question to
the database is bounded and narrowed to what the person may open.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session, load_only

from tenantry.models import Deployment, ProjectTemplate, Tenant, TenantDomain
from tenantry.models.base import as_public_id
from tenantry.web.database import reading
from tenantry.web.errors import wants_json
from tenantry.web.people import may
from tenantry.web.places import actions, pages
from tenantry.web.words import deed, look

find = Blueprint("find", __name__)
LONGEST = 100
MOST_TENANTS, MOST_PRODUCTS, MOST_DEPLOYMENTS, MOST_PLACES = 8, 4, 5, 8


@dataclass(frozen=True, slots=True)
class Hit:
    """One line: what it is, what tells it from others, where it leads; all plain text."""

    title: str
    url: str
    icon: str
    hint: str = ""
    state: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Hits of one kind under their heading."""

    label: str
    hits: tuple[Hit, ...]


@find.get("/find")
def look_up() -> ResponseReturnValue:
    """What fits the typed words; with none, only pages and actions."""
    typed = " ".join(request.args.get("q", "").replace("\0", "").split())[:LONGEST]
    groups = found(reading(), typed)
    if wants_json():
        return jsonify(q=typed, groups=[asdict(group) for group in groups])
    return render_template("find.html", q=typed, groups=groups)


def found(session: Session, typed: str) -> list[Group]:
    """Groups that hold something, the likeliest first; at most three queries."""
    words = typed.lower()
    groups = []
    if words:
        tenants = _tenants(session, words)
        groups = [
            Group("Tenants", tuple(_tenant(row) for row in tenants)),
            Group("Products", tuple(_products(session, words))),
            Group("Deployments", tuple(_deployments(session, words, tenants))),
        ]
        if tenants and may("operator"):
            first = tenants[0]
            url = url_for("tenants.do", public_id=first.public_id, what="deploy")
            doing = Hit(f"Deploy {first.name}…", url, "rocket", "says first what would happen")
            groups.append(Group("Do", (doing,) if first.deleted_at is None else ()))
    do = tuple(Hit(p.name, p.url, p.icon) for p in _fitting(actions(), words))
    go = tuple(Hit(p.name, p.url, p.icon, p.group) for p in _fitting(pages(), words))
    groups += [Group("Do", do), Group("Go to", go)]
    return _joined(groups)


def _joined(groups: Iterable[Group]) -> list[Group]:
    """Groups of one name become one; empty ones go."""
    by_label: dict[str, tuple[Hit, ...]] = {}
    for group in groups:
        by_label[group.label] = (*by_label.get(group.label, ()), *group.hits)
    return [Group(label, hits) for label, hits in by_label.items() if hits]


def _fitting(places: Iterable[Any], words: str) -> list[Any]:
    """Places of which a word begins with what was typed, or which hold all of it."""
    fits = [
        place
        for place in places
        if words in place.name.lower() or any(word.startswith(words) for word in place.also.split())
    ]
    return fits if not words else fits[:MOST_PLACES]


def _like(column: Any, words: str) -> Any:
    return func.lower(column).contains(words, autoescape=True)


def _tenants(session: Session, words: str) -> list[Tenant]:
    """By name, subdomain, client ref, hostname or public id; those that begin with it first."""
    key = as_public_id(words)
    hosted = select(TenantDomain.tenant_id).where(
        TenantDomain.deleted_at.is_(None), _like(TenantDomain.hostname, words)
    )
    fits = (
        Tenant.public_id == key
        if key
        else Tenant.deleted_at.is_(None)
        & or_(
            _like(Tenant.name, words),
            _like(Tenant.subdomain, words),
            _like(Tenant.client_ref, words),
            Tenant.id.in_(hosted),
        )
    )
    begins = or_(
        func.lower(Tenant.name).startswith(words, autoescape=True),
        Tenant.subdomain.startswith(words, autoescape=True),
    )
    shown = (Tenant.public_id, Tenant.name, Tenant.subdomain, Tenant.status, Tenant.client_ref)
    query = select(Tenant).options(load_only(*shown, Tenant.deleted_at)).where(fits)
    order = (case((begins, 0), else_=1), func.lower(Tenant.name), Tenant.id)
    return list(session.scalars(query.order_by(*order).limit(MOST_TENANTS)))


def _tenant(row: Tenant) -> Hit:
    hint = " · ".join(filter(None, (row.subdomain, row.client_ref)))
    state = look("archived" if row.deleted_at else row.status, "tenant")
    url = url_for("tenants.page", public_id=row.public_id)
    return Hit(row.name, url, "building-2", hint, state.word, state.tone)


def _products(session: Session, words: str) -> list[Hit]:
    product = ProjectTemplate
    rows = session.execute(
        select(product.public_id, product.name, product.base_domain)
        .where(or_(*(_like(c, words) for c in (product.name, product.slug, product.base_domain))))
        .order_by(product.name)
        .limit(MOST_PRODUCTS)
    )
    return [
        Hit(r.name, url_for("products.details_view", id=r.public_id), "package", r.base_domain)
        for r in rows
    ]


def _deployments(session: Session, words: str, tenants: list[Tenant]) -> list[Hit]:
    """One by its public id, else the newest of the tenants that fit: an index holds those."""
    key = as_public_id(words)
    ids = [row.id for row in tenants]
    if key is None and not ids:
        return []
    fits = Deployment.public_id == key if key else Deployment.tenant_id.in_(ids)
    shown = (
        Deployment.public_id,
        Deployment.tenant_name,
        Deployment.action,
        Deployment.trigger_reason,
        Deployment.status,
        Deployment.created_at,
    )
    query = select(Deployment).options(load_only(*shown)).where(fits)
    rows = session.scalars(query.order_by(Deployment.created_at.desc()).limit(MOST_DEPLOYMENTS))
    return [_deployment(row) for row in rows]


def _deployment(row: Deployment) -> Hit:
    state = look(row.status)
    url = url_for("deployments.page", public_id=row.public_id)
    hint = f"{deed(row)} · {row.created_at:%d %b %Y %H:%M} UTC"
    return Hit(row.tenant_name, url, "rocket", hint, state.word, state.tone)
